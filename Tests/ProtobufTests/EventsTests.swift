import Linux
import Testing

@testable import Protobuf

struct EventsTests {
    let time = Timestamp(seconds: 1, nanoseconds: 0)

    @Test func `TaskCreate has its stdio in a message of its own`() {
        let event = TaskCreate(
            containerID: "c1", bundle: "/b", rootfs: [MountMessage(type: "bind", source: "/s", options: ["ro"])],
            stdin: "i", stdout: "o", stderr: "e", terminal: true, checkpoint: "/cp", pid: 7)
        #expect(
            event.encoded()
                == text(1, "c1") + text(2, "/b") + bytes(3, text(1, "bind") + text(2, "/s") + text(4, "ro"))
                + bytes(4, text(1, "i") + text(2, "o") + text(3, "e") + number(4, 1)) + text(5, "/cp") + number(6, 7))
    }

    @Test func `an exit names the container and the process`() {
        let event = TaskExit(containerID: "c1", id: "e1", pid: 7, exitStatus: 137, exitedAt: time)
        #expect(
            event.encoded()
                == text(1, "c1") + text(2, "e1") + number(3, 7) + number(4, 137) + bytes(5, number(1, 1)))
        #expect(
            TaskDelete(containerID: "c1", pid: 7, exitStatus: 0, exitedAt: time).encoded()
                == text(1, "c1") + number(2, 7) + bytes(4, number(1, 1)))
    }

    @Test func `the other events have their fields`() {
        #expect(TaskStart(containerID: "c1", pid: 7).encoded() == text(1, "c1") + number(2, 7))
        #expect(TaskOOM(containerID: "c1").encoded() == text(1, "c1"))
        #expect(TaskPaused(containerID: "c1").encoded() == text(1, "c1"))
        #expect(TaskResumed(containerID: "c1").encoded() == text(1, "c1"))
        #expect(TaskExecAdded(containerID: "c1", execID: "e1").encoded() == text(1, "c1") + text(2, "e1"))
        #expect(
            TaskExecStarted(containerID: "c1", execID: "e1", pid: 7).encoded()
                == text(1, "c1") + text(2, "e1") + number(3, 7))
        #expect(TaskCheckpointed(containerID: "c1", checkpoint: "/p").encoded() == text(1, "c1") + text(2, "/p"))
    }

    @Test func `topics and types are containerd's`() {
        func names<E: Event>(_: E.Type) -> String { "\(E.topic) \(E.typeName)" }
        #expect(names(TaskCreate.self) == "/tasks/create containerd.events.TaskCreate")
        #expect(names(TaskStart.self) == "/tasks/start containerd.events.TaskStart")
        #expect(names(TaskDelete.self) == "/tasks/delete containerd.events.TaskDelete")
        #expect(names(TaskExit.self) == "/tasks/exit containerd.events.TaskExit")
        #expect(names(TaskOOM.self) == "/tasks/oom containerd.events.TaskOOM")
        #expect(names(TaskExecAdded.self) == "/tasks/exec-added containerd.events.TaskExecAdded")
        #expect(names(TaskExecStarted.self) == "/tasks/exec-started containerd.events.TaskExecStarted")
        #expect(names(TaskPaused.self) == "/tasks/paused containerd.events.TaskPaused")
        #expect(names(TaskResumed.self) == "/tasks/resumed containerd.events.TaskResumed")
        #expect(names(TaskCheckpointed.self) == "/tasks/checkpointed containerd.events.TaskCheckpointed")
    }

    @Test func `an event is forwarded in an envelope`() throws {
        let request = ForwardRequest(TaskStart(containerID: "c1", pid: 7), timestamp: time, namespace: "default")
        let wire = bytes(
            1,
            bytes(1, number(1, 1)) + text(2, "default") + text(3, "/tasks/start")
                + bytes(4, text(1, "containerd.events.TaskStart") + bytes(2, text(1, "c1") + number(2, 7))))
        #expect(request.encoded() == wire)
        #expect(try ForwardRequest(decoding: wire) == request)
    }
}
