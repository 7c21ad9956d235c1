import Linux
import Testing

@testable import Protobuf

struct TaskResponsesTests {
    @Test func `a pid is one number, and none is no bytes`() {
        #expect(CreateTaskResponse(pid: 300).encoded() == [0x08, 0xac, 0x02])
        #expect(StartResponse(pid: 300).encoded() == [0x08, 0xac, 0x02])
        #expect(StartResponse(pid: 0).encoded() == [])
    }

    @Test func `the state of a running process ends with the zero time`() {
        let state = StateResponse(
            id: "c1", bundle: "/b", pid: 7, status: .running, stdin: "i", stdout: "o", stderr: "e", terminal: true)
        #expect(
            state.encoded()
                == text(1, "c1") + text(2, "/b") + number(3, 7) + number(4, 2) + text(5, "i") + text(6, "o")
                + text(7, "e") + number(8, 1) + [0x52, 0x0b] + never)
    }

    @Test func `the state of an exec that ended has its status and time`() {
        let state = StateResponse(
            id: "e1", bundle: "/b", pid: 7, status: .stopped, exitStatus: 137,
            exitedAt: Timestamp(seconds: 1, nanoseconds: 2), execID: "e1")
        #expect(
            state.encoded()
                == text(1, "e1") + text(2, "/b") + number(3, 7) + number(4, 3) + number(9, 137)
                + bytes(10, [0x08, 1, 0x10, 2]) + text(11, "e1"))
    }

    @Test func `Delete and Wait give status and time`() {
        let time = Timestamp(seconds: 1, nanoseconds: 999_999_999)
        let wire: [UInt8] = [0x08, 1, 0x10, 0xff, 0x93, 0xeb, 0xdc, 0x03]
        #expect(
            DeleteResponse(pid: 7, exitStatus: 137, exitedAt: time).encoded()
                == [0x08, 7, 0x10, 0x89, 0x01, 0x1a, 8] + wire)
        #expect(WaitResponse(exitStatus: 0, exitedAt: time).encoded() == [0x12, 8] + wire)
        #expect(WaitResponse(exitStatus: 0, exitedAt: .never).encoded() == [0x12, 11] + never)
    }

    @Test func `Pids tells which process is an exec's`() {
        let details = AnyMessage(typeURL: ProcessDetails.typeName, value: ProcessDetails(execID: "e1").encoded())
        let pids = PidsResponse(processes: [ProcessInfo(pid: 7), ProcessInfo(pid: 8, info: details)])
        #expect(
            pids.encoded()
                == bytes(1, number(1, 7))
                + bytes(
                    1, number(1, 8) + bytes(2, text(1, "containerd.runc.v1.ProcessDetails") + bytes(2, text(1, "e1")))))
        #expect(PidsResponse(processes: []).encoded() == [])
    }

    @Test func `Connect to a shim without the task gives the shim's pid`() {
        #expect(ConnectResponse(shimPID: 5).encoded() == [0x08, 5])
        #expect(ConnectResponse(shimPID: 5, taskPID: 6, version: "v").encoded() == [0x08, 5, 0x10, 6, 0x1a, 1, 0x76])
    }

    @Test func `Stats wraps what was measured`() {
        let stats = AnyMessage(typeURL: "io.containerd.cgroups.v2.Metrics", value: [1])
        #expect(StatsResponse(stats: stats).encoded() == bytes(1, stats.encoded()))
        #expect(StatsResponse(stats: nil).encoded() == [])
    }
}
