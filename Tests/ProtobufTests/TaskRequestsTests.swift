import Linux
import Testing

@testable import Protobuf

struct TaskRequestsTests {
    @Test func `a request names a task, and a process of it`() throws {
        #expect(try TaskRequest(decoding: [0x0a, 2, 0x63, 0x31]) == TaskRequest(id: "c1"))
        #expect(try ProcessRequest(decoding: [0x0a, 2, 0x63, 0x31]) == ProcessRequest(id: "c1"))
        #expect(try ProcessRequest(decoding: text(1, "c1") + text(2, "e1")) == ProcessRequest(id: "c1", execID: "e1"))
    }

    @Test func `Create has its ten fields`() throws {
        let mount = text(1, "overlay") + text(2, "overlay") + text(3, "/x") + text(4, "index=off") + text(4, "ro")
        let wire =
            text(1, "c1") + text(2, "/b") + bytes(3, mount) + bytes(3, text(1, "bind")) + number(4, 1) + text(5, "/in")
            + text(6, "/out") + text(7, "/err") + text(8, "/cp") + text(9, "/parent")
            + bytes(10, text(1, "containerd.runc.v1.Options") + bytes(2, [8, 1]))
        let overlay = MountMessage(type: "overlay", source: "overlay", target: "/x", options: ["index=off", "ro"])
        #expect(
            try CreateTaskRequest(decoding: wire)
                == CreateTaskRequest(
                    id: "c1", bundle: "/b", rootfs: [overlay, MountMessage(type: "bind", source: "")], terminal: true,
                    stdin: "/in", stdout: "/out", stderr: "/err", checkpoint: "/cp", parentCheckpoint: "/parent",
                    options: AnyMessage(typeURL: "containerd.runc.v1.Options", value: [8, 1])))
    }

    @Test func `absent options are nil and empty ones are not`() throws {
        #expect(try CreateTaskRequest(decoding: text(1, "c1")).options == nil)
        #expect(try CreateTaskRequest(decoding: text(1, "c1") + bytes(10, [])).options == AnyMessage(typeURL: ""))
    }

    @Test func `Exec has its seven fields`() throws {
        let wire =
            text(1, "c1") + text(2, "e1") + number(3, 1) + text(4, "i") + text(5, "o") + text(6, "e")
            + bytes(7, bytes(2, [0x7b, 0x7d]))
        #expect(
            try ExecRequest(decoding: wire)
                == ExecRequest(
                    id: "c1", execID: "e1", terminal: true, stdin: "i", stdout: "o", stderr: "e",
                    spec: AnyMessage(typeURL: "", value: [0x7b, 0x7d])))
    }

    @Test func `the other requests have their fields`() throws {
        let exec = text(1, "c1") + text(2, "e1")
        let any = AnyMessage(typeURL: "t", value: [1])
        #expect(
            try KillRequest(decoding: exec + number(3, 64) + number(4, 1))
                == KillRequest(id: "c1", execID: "e1", signal: 64, all: true))
        #expect(
            try ResizePtyRequest(decoding: exec + number(3, 80) + number(4, 24))
                == ResizePtyRequest(id: "c1", execID: "e1", width: 80, height: 24))
        #expect(try CloseIORequest(decoding: exec) == CloseIORequest(id: "c1", execID: "e1", stdin: false))
        #expect(
            try UpdateRequest(decoding: text(1, "c1") + bytes(2, any.encoded()) + bytes(3, text(1, "k")))
                == UpdateRequest(id: "c1", resources: any))
        #expect(
            try CheckpointRequest(decoding: text(1, "c1") + text(2, "/p") + bytes(3, any.encoded()))
                == CheckpointRequest(id: "c1", path: "/p", options: any))
        #expect(
            try ShutdownRequest(decoding: text(1, "c1") + number(2, 1)) == ShutdownRequest(id: "c1", now: true))
    }
}
