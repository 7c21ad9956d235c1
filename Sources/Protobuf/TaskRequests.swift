import CProto
import CProtobufC
package import Linux

/// What Pids, Pause, Resume, Stats and Connect are asked with.
package struct TaskRequest: Equatable {
    /// The container's id.
    package var id: String

    package init(id: String) {
        self.id = id
    }

    /// Fails with `invalidArgument` when `bytes` is no such message.
    package init(decoding bytes: [UInt8]) throws(Failure) {
        self = try unsafe decode("TaskRequest", swiftrunc__task_request__type(), bytes) {
            (raw: Swiftrunc__TaskRequest) throws(Malformed) in
            unsafe TaskRequest(id: try text(raw.id))
        }
    }
}

/// What State, Start, Delete and Wait are asked with.
package struct ProcessRequest: Equatable {
    /// The container's id.
    package var id: String
    /// Empty for the init process.
    package var execID: String

    package init(id: String, execID: String = "") {
        self.id = id
        self.execID = execID
    }

    /// Fails with `invalidArgument` when `bytes` is no such message.
    package init(decoding bytes: [UInt8]) throws(Failure) {
        self = try unsafe decode("ProcessRequest", swiftrunc__process_request__type(), bytes) {
            (raw: Swiftrunc__ProcessRequest) throws(Malformed) in
            unsafe ProcessRequest(id: try text(raw.id), execID: try text(raw.exec_id))
        }
    }
}

/// `CreateTaskRequest` of task.proto.
package struct CreateTaskRequest: Equatable {
    /// The container's id.
    package var id: String
    /// An absolute path.
    package var bundle: String
    /// In the order in which to mount them.
    package var rootfs: [MountMessage]
    /// Whether the process has a terminal; ``stderr`` is unused then.
    package var terminal: Bool
    /// A fifo's path or a URI; empty for none.
    package var stdin: String
    /// As ``stdin``.
    package var stdout: String
    /// As ``stdin``.
    package var stderr: String
    /// Empty, or the directory of the image to restore.
    package var checkpoint: String
    /// Never used by containerd.
    package var parentCheckpoint: String
    /// ``RuncOptions`` or ``RuntimeOptions``.
    package var options: AnyMessage?

    package init(
        id: String, bundle: String, rootfs: [MountMessage] = [], terminal: Bool = false, stdin: String = "",
        stdout: String = "", stderr: String = "", checkpoint: String = "", parentCheckpoint: String = "",
        options: AnyMessage? = nil
    ) {
        self.id = id
        self.bundle = bundle
        self.rootfs = rootfs
        self.terminal = terminal
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
        self.checkpoint = checkpoint
        self.parentCheckpoint = parentCheckpoint
        self.options = options
    }

    /// Fails with `invalidArgument` when `bytes` is no such message.
    package init(decoding bytes: [UInt8]) throws(Failure) {
        self = try unsafe decode("CreateTaskRequest", swiftrunc__create_task_request__type(), bytes) {
            (raw: Swiftrunc__CreateTaskRequest) throws(Malformed) in
            unsafe CreateTaskRequest(
                id: try text(raw.id), bundle: try text(raw.bundle),
                rootfs: try list(raw.rootfs, raw.n_rootfs, MountMessage.init), terminal: raw.terminal != 0,
                stdin: try text(raw.stdin), stdout: try text(raw.stdout),
                stderr: try text(raw.stderr), checkpoint: try text(raw.checkpoint),
                parentCheckpoint: try text(raw.parent_checkpoint), options: try AnyMessage(raw.options))
        }
    }
}

/// `ExecProcessRequest` of task.proto.
package struct ExecRequest: Equatable {
    /// The container's id.
    package var id: String
    /// The exec's id.
    package var execID: String
    /// Whether the process has a terminal; ``stderr`` is unused then.
    package var terminal: Bool
    /// A fifo's path or a URI; empty for none.
    package var stdin: String
    /// As ``stdin``.
    package var stdout: String
    /// As ``stdin``.
    package var stderr: String
    /// Its value is the JSON of an OCI process.
    package var spec: AnyMessage?

    package init(
        id: String, execID: String, terminal: Bool = false, stdin: String = "", stdout: String = "",
        stderr: String = "", spec: AnyMessage? = nil
    ) {
        self.id = id
        self.execID = execID
        self.terminal = terminal
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
        self.spec = spec
    }

    /// Fails with `invalidArgument` when `bytes` is no such message.
    package init(decoding bytes: [UInt8]) throws(Failure) {
        self = try unsafe decode("ExecRequest", swiftrunc__exec_request__type(), bytes) {
            (raw: Swiftrunc__ExecRequest) throws(Malformed) in
            unsafe ExecRequest(
                id: try text(raw.id), execID: try text(raw.exec_id), terminal: raw.terminal != 0,
                stdin: try text(raw.stdin), stdout: try text(raw.stdout), stderr: try text(raw.stderr),
                spec: try AnyMessage(raw.spec))
        }
    }
}

/// `KillRequest` of task.proto.
package struct KillRequest: Equatable {
    /// The container's id.
    package var id: String
    /// Empty for the init process.
    package var execID: String
    /// Unchecked; 0 and real-time signals are allowed.
    package var signal: UInt32
    /// All processes of the container, not of an exec.
    package var all: Bool

    package init(id: String, execID: String = "", signal: UInt32, all: Bool = false) {
        self.id = id
        self.execID = execID
        self.signal = signal
        self.all = all
    }

    /// Fails with `invalidArgument` when `bytes` is no such message.
    package init(decoding bytes: [UInt8]) throws(Failure) {
        self = try unsafe decode("KillRequest", swiftrunc__kill_request__type(), bytes) {
            (raw: Swiftrunc__KillRequest) throws(Malformed) in
            unsafe KillRequest(
                id: try text(raw.id), execID: try text(raw.exec_id), signal: raw.signal, all: raw.all != 0)
        }
    }
}

/// `ResizePtyRequest` of task.proto.
package struct ResizePtyRequest: Equatable {
    /// The container's id.
    package var id: String
    /// Empty for the init process.
    package var execID: String
    /// Columns.
    package var width: UInt32
    /// Rows.
    package var height: UInt32

    package init(id: String, execID: String = "", width: UInt32, height: UInt32) {
        self.id = id
        self.execID = execID
        self.width = width
        self.height = height
    }

    /// Fails with `invalidArgument` when `bytes` is no such message.
    package init(decoding bytes: [UInt8]) throws(Failure) {
        self = try unsafe decode("ResizePtyRequest", swiftrunc__resize_pty_request__type(), bytes) {
            (raw: Swiftrunc__ResizePtyRequest) throws(Malformed) in
            unsafe ResizePtyRequest(
                id: try text(raw.id), execID: try text(raw.exec_id), width: raw.width, height: raw.height)
        }
    }
}

/// `CloseIORequest` of task.proto.
package struct CloseIORequest: Equatable {
    /// The container's id.
    package var id: String
    /// Empty for the init process.
    package var execID: String
    /// Always true; a request without it closes stdin too.
    package var stdin: Bool

    package init(id: String, execID: String = "", stdin: Bool = true) {
        self.id = id
        self.execID = execID
        self.stdin = stdin
    }

    /// Fails with `invalidArgument` when `bytes` is no such message.
    package init(decoding bytes: [UInt8]) throws(Failure) {
        self = try unsafe decode("CloseIORequest", swiftrunc__close_iorequest__type(), bytes) {
            (raw: Swiftrunc__CloseIORequest) throws(Malformed) in
            unsafe CloseIORequest(id: try text(raw.id), execID: try text(raw.exec_id), stdin: raw.stdin != 0)
        }
    }
}

/// `UpdateTaskRequest` of task.proto, without its annotations.
package struct UpdateRequest: Equatable {
    /// The container's id.
    package var id: String
    /// Its value is the JSON of OCI LinuxResources.
    package var resources: AnyMessage?

    package init(id: String, resources: AnyMessage? = nil) {
        self.id = id
        self.resources = resources
    }

    /// Fails with `invalidArgument` when `bytes` is no such message.
    package init(decoding bytes: [UInt8]) throws(Failure) {
        self = try unsafe decode("UpdateRequest", swiftrunc__update_request__type(), bytes) {
            (raw: Swiftrunc__UpdateRequest) throws(Malformed) in
            unsafe UpdateRequest(id: try text(raw.id), resources: try AnyMessage(raw.resources))
        }
    }
}

/// `CheckpointTaskRequest` of task.proto.
package struct CheckpointRequest: Equatable {
    /// The container's id.
    package var id: String
    /// The directory to write the image to.
    package var path: String
    /// ``CheckpointOptions``.
    package var options: AnyMessage?

    package init(id: String, path: String, options: AnyMessage? = nil) {
        self.id = id
        self.path = path
        self.options = options
    }

    /// Fails with `invalidArgument` when `bytes` is no such message.
    package init(decoding bytes: [UInt8]) throws(Failure) {
        self = try unsafe decode("CheckpointRequest", swiftrunc__checkpoint_request__type(), bytes) {
            (raw: Swiftrunc__CheckpointRequest) throws(Malformed) in
            unsafe CheckpointRequest(
                id: try text(raw.id), path: try text(raw.path), options: try AnyMessage(raw.options))
        }
    }
}

/// `ShutdownRequest` of task.proto.
package struct ShutdownRequest: Equatable {
    /// The container's id.
    package var id: String
    /// Ignored: a shim with containers stays.
    package var now: Bool

    package init(id: String, now: Bool = false) {
        self.id = id
        self.now = now
    }

    /// Fails with `invalidArgument` when `bytes` is no such message.
    package init(decoding bytes: [UInt8]) throws(Failure) {
        self = try unsafe decode("ShutdownRequest", swiftrunc__shutdown_request__type(), bytes) {
            (raw: Swiftrunc__ShutdownRequest) throws(Malformed) in
            unsafe ShutdownRequest(id: try text(raw.id), now: raw.now != 0)
        }
    }
}
