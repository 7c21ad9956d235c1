import Linux
import Reactor
import Testing

@testable import OCIRuntime

@Loop
struct RuntimeLogTests {
    private func lastError(_ lines: String...) -> String? {
        RuntimeLog.lastError(in: Array(lines.joined(separator: "\n").utf8))
    }

    @Test func `the last error is the one`() {
        #expect(
            lastError(
                #"{"level":"error","msg":"first","time":"t"}"#, #"{"level":"error","msg":"second","time":"t"}"#,
                #"{"level":"warning","msg":"third"}"#, #"{"level":"debug","msg":"fourth"}"#, "") == "second")
    }

    @Test func `without an error there is none`() {
        #expect(lastError("") == nil)
        #expect(lastError(#"{"level":"warning","msg":"x"}"#, #"{"msg":"y"}"#, #"{"level":1,"msg":"z"}"#) == nil)
    }

    @Test func `lines that are no JSON are passed over`() {
        #expect(
            lastError("garbage", #"{"level":"error","msg":"kept"}"#, #"{"level":"error","ms"#, "[]", "\0", "{}")
                == "kept")
    }

    @Test func `other runtimes' spellings are understood`() {
        #expect(lastError(#"{"level":"ERROR","msg":"upper"}"#) == "upper")
        #expect(lastError(#"{"level":"error","message":"plain"}"#) == "plain")
        #expect(lastError(#"{"level":"Error","fields":{"message":"nested"},"target":"youki"}"#) == "nested")
        #expect(lastError(#"{"level":"error","msg":"kept"}"#, #"{"level":"error","fields":{}}"#) == "kept")
    }

    @Test func `an entry may take several lines`() {
        let pretty = ["{", #"  "msg": "executable file `\/nope` not found","#, #"  "level": "error""#, "}"]
        #expect(lastError(pretty.joined(separator: "\n")) == "executable file `/nope` not found")
        #expect(lastError("{", "garbage", pretty.joined(separator: "\n"), "{", #"  "level": "error","#) != nil)
        #expect(lastError(pretty.joined(separator: "\n"), #"{"level":"error","msg":"later"}"#) == "later")
    }

    @Test func `an entry that does not end is not read again for each of its lines`() {
        // Without a limit these are 50000 texts of up to 100 KB.
        let endless = [#"{"level":"error","msg":""#] + [String](repeating: "}", count: 50_000) + [#""}"#]
        #expect(lastError(endless.joined(separator: "\n")) == nil)
        #expect(lastError(endless.joined(separator: "\n"), #"{"level":"error","msg":"later"}"#) == "later")
    }

    @Test func `a message is trimmed, and keeps its quotes`() {
        #expect(lastError(#"{"level":"error","msg":" exec: \"x\":\n not found \n"}"#) == "exec: \"x\":\n not found")
    }

    @Test func `only what was logged after the mark counts`() throws {
        let scratch = try Scratch()
        let path = try scratch.file("log.json", #"{"level":"error","msg":"old"}"# + "\n")
        let log = RuntimeLog(path)
        #expect(log.failure("OCI runtime start failed", fallback: "f").message == "OCI runtime start failed: f")
        let appended = try FileDescriptor(opening: path, [.writeOnly, .append])
        try Files.writeAll(Array(#"{"level":"error","msg":"new"}"#.utf8), to: appended, named: path)
        #expect(
            log.failure("OCI runtime start failed", fallback: "f") == Failure(.unknown, "OCI runtime start failed: new")
        )
        #expect(RuntimeLog(path).failure("p", fallback: "f") == Failure(.unknown, "p: f"))
    }

    @Test func `a log that comes later is read whole`() throws {
        let scratch = try Scratch()
        let log = RuntimeLog("\(scratch.path)/log.json")
        _ = try scratch.file("log.json", #"{"level":"error","msg":"x"}"#)
        #expect(log.failure("p", fallback: "f").message == "p: x")
    }

    @Test func `a log that cannot be read is told of beside the fallback`() throws {
        let failure = RuntimeLog("/no/such").failure("OCI runtime create failed", fallback: "exit status 1")
        #expect(
            failure.message == "OCI runtime create failed: unable to retrieve OCI runtime error "
                + "(open /no/such: no such file or directory): exit status 1")
    }
}

struct RuntimeWordsTests {
    @Test(arguments: [
        "unable to signal init: os: process already finished", "container not running",
        "unable to kill all processes: container not running", "kill container: No such process",
        "`process not running`: No such process", "process not running", "send signal to pidfd: No such process",
    ])
    func `a process that is over was not found`(words: String) {
        #expect(RuntimeWords.killFailure("runc: \(words)\n") == Failure(.notFound, "process already finished"))
    }

    @Test(arguments: ["container does not exist", "container `c1` does not exist", "Container Does Not Exist"])
    func `a container that is not there was not found`(words: String) {
        #expect(RuntimeWords.killFailure(words) == Failure(.notFound, "no such container"))
    }

    @Test func `other words are passed on`() {
        let words = "open /run/x: No such file or directory"
        #expect(RuntimeWords.killFailure(words) == Failure(.unknown, "unknown error after kill: \(words)"))
    }

    @Test func `an exec that fails for its cgroup says which`() {
        let failure = Failure(.unknown, "flag provided but not defined: -cgroup")
        #expect(
            RuntimeWords.execFailure(failure, cgroup: "x").message
                == "flag provided but not defined: -cgroup (the runtime was asked for --cgroup x)")
        #expect(RuntimeWords.execFailure(failure, cgroup: nil) == failure)
        let other = Failure(.unknown, "no such file or directory")
        #expect(RuntimeWords.execFailure(other, cgroup: "x") == other)
    }

    @Test func `a delete of nothing is known`() {
        #expect(RuntimeWords.isMissing("container `c1` does not exist: error opening file"))
        #expect(RuntimeWords.isMissing("container does not exist"))
        #expect(RuntimeWords.isMissing("cannot open directory '/run/crun/c1': No such file or directory"))
        #expect(!RuntimeWords.isMissing("cannot open directory '/run/crun/c1': Permission denied"))
        #expect(!RuntimeWords.isMissing("cannot delete container c1 that is not stopped: running"))
        #expect(!RuntimeWords.isMissing(""))
    }
}
