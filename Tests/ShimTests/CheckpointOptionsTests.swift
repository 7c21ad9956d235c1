import Linux
import OCIRuntime
import Protobuf
import Testing

@testable import Shim

struct CheckpointOptionsTests {
    private func checkpoint(_ type: String?, _ options: [UInt8] = [], path: String = "/image") throws(Failure)
        -> Runtime.Checkpoint
    {
        try Runtime.Checkpoint(
            CheckpointRequest(id: "c", path: path, options: type.map { AnyMessage(typeURL: $0, value: options) }))
    }

    @Test(arguments: [nil, "", "containerd.runc.v1.CheckpointOptions", "containerd.linux.runc.CheckpointOptions"])
    func `without options the task goes on`(type: String?) throws {
        let checkpoint = try checkpoint(type)
        #expect(checkpoint.imagePath == "/image")
        #expect(checkpoint.workPath == "")
        #expect(checkpoint.leavesRunning)
        #expect(!checkpoint.openTCP && !checkpoint.externalUnixSockets && !checkpoint.terminal && !checkpoint.fileLocks)
    }

    @Test func `each option is its word`() throws {
        let options = number(1, 1) + number(2, 1) + text(6, "network") + text(9, "/w") + text(10, "/parent")
        let first = try checkpoint("x/containerd.runc.v1.CheckpointOptions", options)
        #expect(!first.leavesRunning && first.openTCP && !first.terminal)
        #expect(first.emptyNamespaces == ["network"])
        #expect(first.workPath == "/w")
        #expect(first.parentPath == "/parent")
        let second = try checkpoint(
            "containerd.runc.v1.CheckpointOptions", number(3, 1) + number(4, 1) + number(5, 1))
        #expect(second.leavesRunning && second.externalUnixSockets && second.terminal && second.fileLocks)
    }

    @Test func `the older options have the working directory where the newer have the image`() throws {
        let checkpoint = try checkpoint(
            "containerd.linux.runc.CheckpointOptions", text(8, "/w") + text(9, "/elsewhere"))
        #expect(checkpoint.workPath == "/w")
        #expect(checkpoint.imagePath == "/image")
    }

    @Test func `what is no options of these is refused`() {
        #expect(throws: Failure(.invalidArgument, "checkpoint options of type \"a.b\"")) {
            try checkpoint("a.b", [8, 1])
        }
        #expect(throws: Failure(.invalidArgument, "CheckpointOptions: malformed")) {
            try checkpoint("containerd.runc.v1.CheckpointOptions", [255])
        }
    }

    @Test(arguments: ["", "image", "./image"])
    func `an image is named by an absolute path`(path: String) {
        #expect(throws: Failure(.invalidArgument, "checkpoint path \(Log.quoted(path)): not an absolute path")) {
            try checkpoint(nil, path: path)
        }
    }
}
