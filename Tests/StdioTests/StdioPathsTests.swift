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

    @Test(arguments: ["binary", "binary-v2", "file"])
    func `a logger is not there yet`(scheme: String) {
        #expect(throws: Failure(.unimplemented, "stdio scheme \(scheme): not implemented")) {
            try StdioPath("\(scheme):///x?y=z")
        }
    }

    @Test(arguments: ["http", "npipe", "x"])
    func `another scheme is nothing we know`(scheme: String) {
        #expect(throws: Failure(.invalidArgument, "unknown STDIO scheme \(scheme)")) {
            try StdioPath("\(scheme)://x")
        }
    }
}
