import CProto
package import Linux

/// Something that containerd and its clients are told of a task.
package protocol Event: Equatable {
    /// What subscribers choose by: `/tasks/exit`.
    static var topic: String { get }
    /// The message's full name: `containerd.events.TaskExit`.
    static var typeName: String { get }
    /// The message's bytes on the wire.
    func encoded() -> [UInt8]
}

/// A container was created.
package struct TaskCreate: Event {
    /// See ``Event``.
    package static var topic: String { "/tasks/create" }
    /// See ``Event``.
    package static var typeName: String { "containerd.events.TaskCreate" }

    /// The container's id.
    package var containerID: String
    /// The directory with config.json; an absolute path.
    package var bundle: String
    /// In the order in which to mount them.
    package var rootfs: [MountMessage]
    /// A fifo's path or a URI; empty for none.
    package var stdin: String
    /// As ``stdin``.
    package var stdout: String
    /// As ``stdin``.
    package var stderr: String
    /// Whether the process has a terminal; ``stderr`` is unused then.
    package var terminal: Bool
    /// Empty, or the directory of the image to restore.
    package var checkpoint: String
    /// The process's pid in the shim's pid namespace.
    package var pid: UInt32

    package init(
        containerID: String, bundle: String, rootfs: [MountMessage] = [], stdin: String = "", stdout: String = "",
        stderr: String = "", terminal: Bool = false, checkpoint: String = "", pid: UInt32
    ) {
        self.containerID = containerID
        self.bundle = bundle
        self.rootfs = rootfs
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
        self.terminal = terminal
        self.checkpoint = checkpoint
        self.pid = pid
    }

    /// The message's bytes on the wire.
    package func encoded() -> [UInt8] {
        unsafe encode { arena in
            let io = unsafe Swiftrunc__TaskIO(
                base: base(swiftrunc__task_io__type()), stdin: arena.text(stdin), stdout: arena.text(stdout),
                stderr: arena.text(stderr), terminal: terminal ? 1 : 0)
            return unsafe Swiftrunc__TaskCreate(
                base: base(swiftrunc__task_create__type()), container_id: arena.text(containerID),
                bundle: arena.text(bundle), n_rootfs: rootfs.count, rootfs: arena.list(rootfs), io: arena.place(io),
                checkpoint: arena.text(checkpoint), pid: pid)
        }
    }
}

/// A container's init process runs.
package struct TaskStart: Event {
    /// See ``Event``.
    package static var topic: String { "/tasks/start" }
    /// See ``Event``.
    package static var typeName: String { "containerd.events.TaskStart" }

    /// The container's id.
    package var containerID: String
    /// The process's pid in the shim's pid namespace.
    package var pid: UInt32

    package init(containerID: String, pid: UInt32) {
        self.containerID = containerID
        self.pid = pid
    }

    /// The message's bytes on the wire.
    package func encoded() -> [UInt8] {
        unsafe encode { arena in
            unsafe Swiftrunc__TaskStart(
                base: base(swiftrunc__task_start__type()), container_id: arena.text(containerID), pid: pid)
        }
    }
}

/// A container was deleted.
package struct TaskDelete: Event {
    /// See ``Event``.
    package static var topic: String { "/tasks/delete" }
    /// See ``Event``.
    package static var typeName: String { "containerd.events.TaskDelete" }

    /// The container's id.
    package var containerID: String
    /// The process's pid in the shim's pid namespace.
    package var pid: UInt32
    /// What it exited with, or 128 + the signal.
    package var exitStatus: UInt32
    /// When it exited; ``Timestamp/never`` while it has not.
    package var exitedAt: Timestamp

    package init(containerID: String, pid: UInt32, exitStatus: UInt32, exitedAt: Timestamp) {
        self.containerID = containerID
        self.pid = pid
        self.exitStatus = exitStatus
        self.exitedAt = exitedAt
    }

    /// The message's bytes on the wire.
    package func encoded() -> [UInt8] {
        unsafe encode { arena in
            unsafe Swiftrunc__TaskDelete(
                base: base(swiftrunc__task_delete__type()), container_id: arena.text(containerID), pid: pid,
                exit_status: exitStatus, exited_at: arena.place(exitedAt))
        }
    }
}

/// A process of a container ended.
package struct TaskExit: Event {
    /// See ``Event``.
    package static var topic: String { "/tasks/exit" }
    /// See ``Event``.
    package static var typeName: String { "containerd.events.TaskExit" }

    /// The container's id.
    package var containerID: String
    /// The container's id for init, the exec's for an exec; clients tell them apart by it.
    package var id: String
    /// The process's pid in the shim's pid namespace.
    package var pid: UInt32
    /// What it exited with, or 128 + the signal.
    package var exitStatus: UInt32
    /// When it exited; ``Timestamp/never`` while it has not.
    package var exitedAt: Timestamp

    package init(containerID: String, id: String, pid: UInt32, exitStatus: UInt32, exitedAt: Timestamp) {
        self.containerID = containerID
        self.id = id
        self.pid = pid
        self.exitStatus = exitStatus
        self.exitedAt = exitedAt
    }

    /// The message's bytes on the wire.
    package func encoded() -> [UInt8] {
        unsafe encode { arena in
            unsafe Swiftrunc__TaskExit(
                base: base(swiftrunc__task_exit__type()), container_id: arena.text(containerID), id: arena.text(id),
                pid: pid, exit_status: exitStatus, exited_at: arena.place(exitedAt))
        }
    }
}

/// The kernel killed for lack of memory in a container.
package struct TaskOOM: Event {
    /// See ``Event``.
    package static var topic: String { "/tasks/oom" }
    /// See ``Event``.
    package static var typeName: String { "containerd.events.TaskOOM" }

    /// The container's id.
    package var containerID: String

    package init(containerID: String) {
        self.containerID = containerID
    }

    /// The message's bytes on the wire.
    package func encoded() -> [UInt8] {
        unsafe encode { arena in
            unsafe Swiftrunc__TaskEvent(
                base: base(swiftrunc__task_event__type()), container_id: arena.text(containerID))
        }
    }
}

/// A container was paused.
package struct TaskPaused: Event {
    /// See ``Event``.
    package static var topic: String { "/tasks/paused" }
    /// See ``Event``.
    package static var typeName: String { "containerd.events.TaskPaused" }

    /// The container's id.
    package var containerID: String

    package init(containerID: String) {
        self.containerID = containerID
    }

    /// The message's bytes on the wire.
    package func encoded() -> [UInt8] {
        unsafe encode { arena in
            unsafe Swiftrunc__TaskEvent(
                base: base(swiftrunc__task_event__type()), container_id: arena.text(containerID))
        }
    }
}

/// A container runs again.
package struct TaskResumed: Event {
    /// See ``Event``.
    package static var topic: String { "/tasks/resumed" }
    /// See ``Event``.
    package static var typeName: String { "containerd.events.TaskResumed" }

    /// The container's id.
    package var containerID: String

    package init(containerID: String) {
        self.containerID = containerID
    }

    /// The message's bytes on the wire.
    package func encoded() -> [UInt8] {
        unsafe encode { arena in
            unsafe Swiftrunc__TaskEvent(
                base: base(swiftrunc__task_event__type()), container_id: arena.text(containerID))
        }
    }
}

/// An exec is known; it does not run yet.
package struct TaskExecAdded: Event {
    /// See ``Event``.
    package static var topic: String { "/tasks/exec-added" }
    /// See ``Event``.
    package static var typeName: String { "containerd.events.TaskExecAdded" }

    /// The container's id.
    package var containerID: String
    /// The exec's id.
    package var execID: String

    package init(containerID: String, execID: String) {
        self.containerID = containerID
        self.execID = execID
    }

    /// The message's bytes on the wire.
    package func encoded() -> [UInt8] {
        unsafe encode { arena in
            unsafe Swiftrunc__TaskExecAdded(
                base: base(swiftrunc__task_exec_added__type()), container_id: arena.text(containerID),
                exec_id: arena.text(execID))
        }
    }
}

/// An exec runs.
package struct TaskExecStarted: Event {
    /// See ``Event``.
    package static var topic: String { "/tasks/exec-started" }
    /// See ``Event``.
    package static var typeName: String { "containerd.events.TaskExecStarted" }

    /// The container's id.
    package var containerID: String
    /// The exec's id.
    package var execID: String
    /// The process's pid in the shim's pid namespace.
    package var pid: UInt32

    package init(containerID: String, execID: String, pid: UInt32) {
        self.containerID = containerID
        self.execID = execID
        self.pid = pid
    }

    /// The message's bytes on the wire.
    package func encoded() -> [UInt8] {
        unsafe encode { arena in
            unsafe Swiftrunc__TaskExecStarted(
                base: base(swiftrunc__task_exec_started__type()), container_id: arena.text(containerID),
                exec_id: arena.text(execID), pid: pid)
        }
    }
}

/// A container was checkpointed.
package struct TaskCheckpointed: Event {
    /// See ``Event``.
    package static var topic: String { "/tasks/checkpointed" }
    /// See ``Event``.
    package static var typeName: String { "containerd.events.TaskCheckpointed" }

    /// The container's id.
    package var containerID: String
    /// The image's directory.
    package var checkpoint: String

    package init(containerID: String, checkpoint: String) {
        self.containerID = containerID
        self.checkpoint = checkpoint
    }

    /// The message's bytes on the wire.
    package func encoded() -> [UInt8] {
        unsafe encode { arena in
            unsafe Swiftrunc__TaskCheckpointed(
                base: base(swiftrunc__task_checkpointed__type()), container_id: arena.text(containerID),
                checkpoint: arena.text(checkpoint))
        }
    }
}
