import Linux
import Testing

@testable import Stdio

struct StdioPathsTests {
    @Test(arguments: [
        ("/run/fifo/1-stdout", "/run/fifo/1-stdout"),
        ("fifo:///run/fifo/1-stdout", "/run/fifo/1-stdout"),
        ("/a?b#c%zz", "/a?b#c%zz"),
        ("/a/file://b", "/a/file://b"),
        ("relative", "relative"),
        (":x", ":x"),
    ])
    func `a path is taken as it is`(text: String, path: String) throws {
        #expect(try StdioPath(text).path == path)
    }

    @Test(arguments: ["http", "npipe", "x", "file", "binary"])
    func `a stream of another scheme is nothing we know`(scheme: String) {
        #expect(throws: Failure(.invalidArgument, "unknown STDIO scheme \(scheme)")) {
            try StdioPath("\(scheme)://x")
        }
    }

    @Test(arguments: ["", "/run/fifo/1-stdout", "/a:b?c", "fifo:///x", ":x"])
    func `without a scheme each stream has its own path`(stdout: String) throws {
        #expect(try Destination(stdout: stdout) == .paths)
    }

    @Test func `a file and a logger are for both streams`() throws {
        #expect(try Destination(stdout: "file:///var/log/c%201.log") == .file("/var/log/c 1.log"))
        #expect(
            try Destination(stdout: "binary:///bin/logger?k=v&flag")
                == .logger(Logger.Command(path: "/bin/logger", arguments: ["k", "v", "flag", ""], mustSpeak: false)))
        #expect(
            try Destination(stdout: "binary-v2:///bin/logger")
                == .logger(Logger.Command(path: "/bin/logger", arguments: [], mustSpeak: true)))
    }

    @Test(arguments: ["http", "npipe", "x"])
    func `another scheme is nothing we know`(scheme: String) {
        #expect(throws: Failure(.invalidArgument, "unknown STDIO scheme \(scheme)")) {
            try Destination(stdout: "\(scheme):///x")
        }
    }
}
