import Linux
import Testing

@testable import Shim

struct ArgumentsTests {
    private func parse(_ words: String...) throws -> Arguments { try Arguments(parsing: words) }

    private func problem(_ words: String...) -> Arguments.Problem? {
        do throws(Arguments.Problem) {
            _ = try Arguments(parsing: words)
            return nil
        } catch {
            return error
        }
    }

    @Test func `containerd's start is understood`() throws {
        let arguments = try parse(
            "-namespace", "default", "-address", "/run/c.sock", "-publish-binary", "/usr/bin/containerd", "-id", "c1",
            "-debug", "start")
        var expected = try parse()
        expected.namespace = "default"
        expected.address = "/run/c.sock"
        expected.publishBinary = "/usr/bin/containerd"
        expected.id = "c1"
        expected.debug = true
        expected.action = .start
        #expect(arguments == expected)
    }

    @Test func `containerd's delete is understood`() throws {
        let arguments = try parse(
            "-namespace", "k8s.io", "-address", "/a", "-publish-binary", "/p", "-id", "c1", "-bundle", "/b", "delete")
        #expect(arguments.action == .delete)
        #expect(arguments.bundle == "/b")
        #expect(!arguments.debug)
    }

    @Test func `without words nothing is set, and the action is to serve`() throws {
        let arguments = try parse()
        #expect(arguments.action == .serve)
        for text in [
            arguments.namespace, arguments.id, arguments.address, arguments.publishBinary, arguments.bundle,
            arguments.socket, arguments.debugSocket,
        ] { #expect(text == "") }
        #expect(!arguments.debug && !arguments.version && !arguments.info)
    }

    @Test(arguments: [["-id", "c1"], ["--id", "c1"], ["-id=c1"], ["--id=c1"], ["-id", "x", "-id=c1"]])
    func `a flag has its value after it or in it, and the last one counts`(words: [String]) throws {
        #expect(try Arguments(parsing: words).id == "c1")
    }

    @Test func `every flag has its place`() throws {
        let arguments = try parse("-socket", "/s", "-debug-socket=/d", "-v", "-info")
        #expect(arguments.socket == "/s")
        #expect(arguments.debugSocket == "/d")
        #expect(arguments.version && arguments.info)
        #expect(try parse("-version").version)
    }

    @Test func `a value may look like a flag or be empty or have an equals sign`() throws {
        #expect(try parse("-id", "-debug").id == "-debug")
        #expect(try parse("-id=").id == "")
        #expect(try parse("-id", "").id == "")
        #expect(try parse("-id=a=b").id == "a=b")
        #expect(try parse("-id", "--", "start").action == .start)
    }

    @Test(arguments: ["true", "1", "t", "T", "TRUE", "True"])
    func `a flag without a value may be said to be on`(word: String) throws {
        #expect(try parse("-debug=\(word)").debug)
        #expect(try parse("--v=\(word)").version)
    }

    @Test(arguments: ["false", "0", "f", "F", "FALSE", "False"])
    func `and to be off`(word: String) throws {
        #expect(try !parse("-debug", "-debug=\(word)").debug)
    }

    @Test func `a flag without a value takes none from the next word`() throws {
        let arguments = try parse("-debug", "false", "start")
        #expect(arguments.debug)
        #expect(arguments.action == .serve)
    }

    @Test(arguments: ["", "yes", "tRUE", "2"])
    func `other values are wrong`(word: String) {
        #expect(
            problem("-debug=\(word)") == .wrong("invalid boolean value \"\(word)\" for -debug: parse error"))
    }

    @Test func `what is unknown or incomplete is wrong`() {
        #expect(problem("-unknown") == .wrong("flag provided but not defined: -unknown"))
        #expect(problem("--unknown=x", "start") == .wrong("flag provided but not defined: -unknown"))
        #expect(problem("-id") == .wrong("flag needs an argument: -id"))
        #expect(problem("-debug", "-namespace") == .wrong("flag needs an argument: -namespace"))
    }

    @Test(arguments: ["---id", "-=x", "--=x", "---"])
    func `what is no flag at all is bad syntax`(word: String) {
        #expect(problem(word) == .wrong("bad flag syntax: \(word)"))
    }

    @Test(arguments: ["-h", "--h", "-help", "--help"])
    func `help may be wanted`(word: String) {
        #expect(problem("-id", "c1", word, "-unknown") == .helpWanted)
    }

    @Test func `flags end at the first other word, and at two dashes`() throws {
        #expect(try parse("start", "-id", "c1").id == "")
        #expect(try parse("start", "-unknown").action == .start)
        #expect(try parse("--", "delete", "x").action == .delete)
        #expect(try parse("--", "-id", "c1").id == "")
        #expect(try parse("-", "start").action == .serve)
        #expect(try parse("", "start").action == .serve)
        #expect(try parse("other", "start").action == .serve)
    }

    @Test func `the usage names every flag`() {
        let usage = Arguments.usage("/bin/shim")
        #expect(usage.hasPrefix("Usage of /bin/shim:\n"))
        for flag in [
            "address", "bundle", "debug", "debug-socket", "id", "info", "namespace", "publish-binary", "socket", "v",
        ] { #expect(usage.contains("\n  -\(flag)"), "\(flag)") }
    }

    @Test func `names must be names, and the namespace must be there`() throws {
        func check(_ namespace: String, _ id: String) -> Failure? {
            do {
                try parse("-namespace", namespace, "-id", id).checkNames()
                return nil
            } catch {
                return error as? Failure
            }
        }
        #expect(check("default", "c1") == nil)
        #expect(check("default", "") == nil)
        #expect(check("", "c1") == Failure(.invalidArgument, "shim namespace cannot be empty"))
        #expect(check("default", "../c1") == Failure(.invalidArgument, "-id \"../c1\": not a name"))
        #expect(check("a/b", "c1") == Failure(.invalidArgument, "-namespace \"a/b\": not a name"))
        #expect(check("..", "c1")?.kind == .invalidArgument)
    }
}
