import CProto
import CProtobufC
package import Linux

/// How to run the runtime: `containerd.runc.v1.Options`. Empty and 0 mean that nothing was asked.
package struct RuncOptions: Equatable {
    /// `--no-pivot`
    package var noPivotRoot: Bool
    /// `--no-new-keyring`
    package var noNewKeyring: Bool
    /// Where to put the shim itself.
    package var shimCgroup: String
    /// The owner of the container's ends of its pipes.
    package var ioUID: UInt32
    /// As ``ioUID``.
    package var ioGID: UInt32
    /// A path, or a name to look up.
    package var binaryName: String
    /// The runtime's state directory, without the namespace.
    package var root: String
    /// Of containerd 1.6; ignored since.
    package var criuPath: String
    /// `--systemd-cgroup`
    package var systemdCgroup: Bool
    /// containerd's own: it comes back as the checkpoint to create from.
    package var criuImagePath: String
    /// CRIU's working directory for a restore; empty for the bundle's.
    package var criuWorkPath: String
    /// For containerd itself, as the next.
    package var taskAPIAddress: String
    /// As ``taskAPIAddress``.
    package var taskAPIVersion: UInt32

    package init(
        noPivotRoot: Bool = false, noNewKeyring: Bool = false, shimCgroup: String = "", ioUID: UInt32 = 0,
        ioGID: UInt32 = 0, binaryName: String = "", root: String = "", criuPath: String = "",
        systemdCgroup: Bool = false, criuImagePath: String = "", criuWorkPath: String = "", taskAPIAddress: String = "",
        taskAPIVersion: UInt32 = 0
    ) {
        self.noPivotRoot = noPivotRoot
        self.noNewKeyring = noNewKeyring
        self.shimCgroup = shimCgroup
        self.ioUID = ioUID
        self.ioGID = ioGID
        self.binaryName = binaryName
        self.root = root
        self.criuPath = criuPath
        self.systemdCgroup = systemdCgroup
        self.criuImagePath = criuImagePath
        self.criuWorkPath = criuWorkPath
        self.taskAPIAddress = taskAPIAddress
        self.taskAPIVersion = taskAPIVersion
    }

    /// Fails with `invalidArgument` when `bytes` is no such message.
    package init(decoding bytes: [UInt8]) throws(Failure) {
        self = try unsafe decode("RuncOptions", swiftrunc__runc_options__type(), bytes) {
            (raw: Swiftrunc__RuncOptions) throws(Malformed) in
            unsafe RuncOptions(
                noPivotRoot: raw.no_pivot_root != 0, noNewKeyring: raw.no_new_keyring != 0,
                shimCgroup: try text(raw.shim_cgroup), ioUID: raw.io_uid, ioGID: raw.io_gid,
                binaryName: try text(raw.binary_name), root: try text(raw.root), criuPath: try text(raw.criu_path),
                systemdCgroup: raw.systemd_cgroup != 0, criuImagePath: try text(raw.criu_image_path),
                criuWorkPath: try text(raw.criu_work_path), taskAPIAddress: try text(raw.task_api_address),
                taskAPIVersion: raw.task_api_version)
        }
    }

    /// The message's bytes on the wire.
    package func encoded() -> [UInt8] {
        unsafe encode { arena in
            unsafe Swiftrunc__RuncOptions(
                base: base(swiftrunc__runc_options__type()), no_pivot_root: noPivotRoot ? 1 : 0,
                no_new_keyring: noNewKeyring ? 1 : 0, shim_cgroup: arena.text(shimCgroup), io_uid: ioUID, io_gid: ioGID,
                binary_name: arena.text(binaryName), root: arena.text(root), criu_path: arena.text(criuPath),
                systemd_cgroup: systemdCgroup ? 1 : 0, criu_image_path: arena.text(criuImagePath),
                criu_work_path: arena.text(criuWorkPath), task_api_address: arena.text(taskAPIAddress),
                task_api_version: taskAPIVersion)
        }
    }
}

/// What clients send to a runtime they do not know: `runtimeoptions.v1.Options`.
package struct RuntimeOptions: Equatable {
    /// Says nothing that we need.
    package var typeURL: String
    /// A file with the options.
    package var configPath: String
    /// The options themselves, as TOML.
    package var configBody: [UInt8]

    package init(typeURL: String = "", configPath: String = "", configBody: [UInt8] = []) {
        self.typeURL = typeURL
        self.configPath = configPath
        self.configBody = configBody
    }

    /// Fails with `invalidArgument` when `bytes` is no such message.
    package init(decoding bytes: [UInt8]) throws(Failure) {
        self = try unsafe decode("RuntimeOptions", swiftrunc__runtime_options__type(), bytes) {
            (raw: Swiftrunc__RuntimeOptions) throws(Malformed) in
            unsafe RuntimeOptions(
                typeURL: try text(raw.type_url), configPath: try text(raw.config_path),
                configBody: Protobuf.bytes(raw.config_body))
        }
    }
}

/// How to checkpoint: `containerd.runc.v1.CheckpointOptions`.
///
/// `containerd.linux.runc.CheckpointOptions` has ``workPath`` and ``imagePath`` the other way round.
package struct CheckpointOptions: Equatable {
    /// End the container afterwards.
    package var exit: Bool
    /// `--tcp-established`
    package var openTCP: Bool
    /// `--ext-unix-sk`
    package var externalUnixSockets: Bool
    /// `--shell-job`
    package var terminal: Bool
    /// `--file-locks`
    package var fileLocks: Bool
    /// `--empty-ns`, one each.
    package var emptyNamespaces: [String]
    /// `--manage-cgroups-mode`; containerd never uses it.
    package var cgroupsMode: String
    /// Where containerd wants the image; it has become the path of the request.
    package var imagePath: String
    /// CRIU's working directory.
    package var workPath: String
    /// The image of which this one holds the changes.
    package var parentPath: String

    package init(
        exit: Bool = false, openTCP: Bool = false, externalUnixSockets: Bool = false, terminal: Bool = false,
        fileLocks: Bool = false, emptyNamespaces: [String] = [], cgroupsMode: String = "", imagePath: String = "",
        workPath: String = "", parentPath: String = ""
    ) {
        self.exit = exit
        self.openTCP = openTCP
        self.externalUnixSockets = externalUnixSockets
        self.terminal = terminal
        self.fileLocks = fileLocks
        self.emptyNamespaces = emptyNamespaces
        self.cgroupsMode = cgroupsMode
        self.imagePath = imagePath
        self.workPath = workPath
        self.parentPath = parentPath
    }

    /// Fails with `invalidArgument` when `bytes` is no such message.
    package init(decoding bytes: [UInt8]) throws(Failure) {
        self = try unsafe decode("CheckpointOptions", swiftrunc__checkpoint_options__type(), bytes) {
            (raw: Swiftrunc__CheckpointOptions) throws(Malformed) in
            unsafe CheckpointOptions(
                exit: raw.exit != 0, openTCP: raw.open_tcp != 0, externalUnixSockets: raw.external_unix_sockets != 0,
                terminal: raw.terminal != 0, fileLocks: raw.file_locks != 0,
                emptyNamespaces: try list(raw.empty_namespaces, raw.n_empty_namespaces, text),
                cgroupsMode: try text(raw.cgroups_mode), imagePath: try text(raw.image_path),
                workPath: try text(raw.work_path), parentPath: try text(raw.parent_path))
        }
    }
}

/// What Pids says of an exec: `containerd.runc.v1.ProcessDetails`.
package struct ProcessDetails: Equatable {
    /// The message's full name.
    package static var typeName: String { "containerd.runc.v1.ProcessDetails" }

    /// The exec's id.
    package var execID: String

    package init(execID: String) {
        self.execID = execID
    }

    /// The message's bytes on the wire.
    package func encoded() -> [UInt8] {
        unsafe encode { arena in
            unsafe Swiftrunc__ProcessDetails(
                base: base(swiftrunc__process_details__type()), exec_id: arena.text(execID))
        }
    }
}
