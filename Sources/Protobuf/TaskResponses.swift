import CProto
import CProtobufC
package import Linux

/// `CreateTaskResponse` of task.proto.
package struct CreateTaskResponse: Equatable {
    /// The process's pid in the shim's pid namespace.
    package var pid: UInt32

    package init(pid: UInt32) {
        self.pid = pid
    }

    /// The message's bytes on the wire.
    package func encoded() -> [UInt8] {
        unsafe encode { _ in
            unsafe Swiftrunc__PidResponse(base: base(swiftrunc__pid_response__type()), pid: pid)
        }
    }
}

/// `StartResponse` of task.proto.
package struct StartResponse: Equatable {
    /// The process's pid in the shim's pid namespace.
    package var pid: UInt32

    package init(pid: UInt32) {
        self.pid = pid
    }

    /// The message's bytes on the wire.
    package func encoded() -> [UInt8] {
        unsafe encode { _ in
            unsafe Swiftrunc__PidResponse(base: base(swiftrunc__pid_response__type()), pid: pid)
        }
    }
}

/// What a process does: `Status` of containerd's task.proto.
package enum TaskStatus: Int32 {
    case unknown = 0
    case created = 1
    case running = 2
    case stopped = 3
    case paused = 4
    case pausing = 5
}

/// `StateResponse` of task.proto.
package struct StateResponse: Equatable {
    /// The exec's id for an exec, the container's for init.
    package var id: String
    /// The directory with config.json; an absolute path.
    package var bundle: String
    /// 0 before the process runs.
    package var pid: UInt32
    /// What the process does.
    package var status: TaskStatus
    /// A fifo's path or a URI; empty for none.
    package var stdin: String
    /// As ``stdin``.
    package var stdout: String
    /// As ``stdin``.
    package var stderr: String
    /// Whether the process has a terminal; ``stderr`` is unused then.
    package var terminal: Bool
    /// What it exited with, or 128 + the signal.
    package var exitStatus: UInt32
    /// When it exited; ``Timestamp/never`` while it has not.
    package var exitedAt: Timestamp
    /// The exec's id.
    package var execID: String

    package init(
        id: String, bundle: String, pid: UInt32 = 0, status: TaskStatus, stdin: String = "", stdout: String = "",
        stderr: String = "", terminal: Bool = false, exitStatus: UInt32 = 0, exitedAt: Timestamp = .never,
        execID: String = ""
    ) {
        self.id = id
        self.bundle = bundle
        self.pid = pid
        self.status = status
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
        self.terminal = terminal
        self.exitStatus = exitStatus
        self.exitedAt = exitedAt
        self.execID = execID
    }

    /// The message's bytes on the wire.
    package func encoded() -> [UInt8] {
        unsafe encode { arena in
            unsafe Swiftrunc__StateResponse(
                base: base(swiftrunc__state_response__type()), id: arena.text(id), bundle: arena.text(bundle), pid: pid,
                status: status.rawValue, stdin: arena.text(stdin), stdout: arena.text(stdout),
                stderr: arena.text(stderr), terminal: terminal ? 1 : 0, exit_status: exitStatus,
                exited_at: arena.place(exitedAt), exec_id: arena.text(execID))
        }
    }
}

/// `DeleteResponse` of task.proto; also what the `delete` action prints.
package struct DeleteResponse: Equatable {
    /// The process's pid in the shim's pid namespace.
    package var pid: UInt32
    /// What it exited with, or 128 + the signal.
    package var exitStatus: UInt32
    /// When it exited; ``Timestamp/never`` while it has not.
    package var exitedAt: Timestamp

    package init(pid: UInt32, exitStatus: UInt32, exitedAt: Timestamp) {
        self.pid = pid
        self.exitStatus = exitStatus
        self.exitedAt = exitedAt
    }

    /// The message's bytes on the wire.
    package func encoded() -> [UInt8] {
        unsafe encode { arena in
            unsafe Swiftrunc__DeleteResponse(
                base: base(swiftrunc__delete_response__type()), pid: pid, exit_status: exitStatus,
                exited_at: arena.place(exitedAt))
        }
    }
}

/// `WaitResponse` of task.proto.
package struct WaitResponse: Equatable {
    /// What it exited with, or 128 + the signal.
    package var exitStatus: UInt32
    /// When it exited; ``Timestamp/never`` while it has not.
    package var exitedAt: Timestamp

    package init(exitStatus: UInt32, exitedAt: Timestamp) {
        self.exitStatus = exitStatus
        self.exitedAt = exitedAt
    }

    /// The message's bytes on the wire.
    package func encoded() -> [UInt8] {
        unsafe encode { arena in
            unsafe Swiftrunc__WaitResponse(
                base: base(swiftrunc__wait_response__type()), exit_status: exitStatus, exited_at: arena.place(exitedAt))
        }
    }
}

/// A process of a container: `ProcessInfo` of task.proto.
package struct ProcessInfo: Equatable {
    /// The process's pid in the shim's pid namespace.
    package var pid: UInt32
    /// ``ProcessDetails`` for the first process of an exec.
    package var info: AnyMessage?

    package init(pid: UInt32, info: AnyMessage? = nil) {
        self.pid = pid
        self.info = info
    }
}

/// `PidsResponse` of task.proto.
package struct PidsResponse: Equatable {
    /// In no particular order.
    package var processes: [ProcessInfo]

    package init(processes: [ProcessInfo]) {
        self.processes = processes
    }

    /// The message's bytes on the wire.
    package func encoded() -> [UInt8] {
        unsafe encode { arena in
            let list = unsafe processes.map { process in
                unsafe arena.place(
                    Swiftrunc__ProcessInfo(
                        base: base(swiftrunc__process_info__type()), pid: process.pid, info: arena.place(process.info)))
            }
            return unsafe Swiftrunc__PidsResponse(
                base: base(swiftrunc__pids_response__type()), n_processes: list.count, processes: arena.list(list))
        }
    }
}

/// `StatsResponse` of task.proto.
package struct StatsResponse: Equatable {
    /// Metrics of the cgroup version at hand.
    package var stats: AnyMessage?

    package init(stats: AnyMessage?) {
        self.stats = stats
    }

    /// The message's bytes on the wire.
    package func encoded() -> [UInt8] {
        unsafe encode { arena in
            unsafe Swiftrunc__StatsResponse(base: base(swiftrunc__stats_response__type()), stats: arena.place(stats))
        }
    }
}

/// `ConnectResponse` of task.proto.
package struct ConnectResponse: Equatable {
    /// The shim's own pid.
    package var shimPID: UInt32
    /// 0 when there is no such container.
    package var taskPID: UInt32
    /// A version; empty when unknown.
    package var version: String

    package init(shimPID: UInt32, taskPID: UInt32 = 0, version: String = "") {
        self.shimPID = shimPID
        self.taskPID = taskPID
        self.version = version
    }

    /// The message's bytes on the wire.
    package func encoded() -> [UInt8] {
        unsafe encode { arena in
            unsafe Swiftrunc__ConnectResponse(
                base: base(swiftrunc__connect_response__type()), shim_pid: shimPID, task_pid: taskPID,
                version: arena.text(version))
        }
    }
}
