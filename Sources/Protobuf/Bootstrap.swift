import CProto
import CProtobufC
package import Linux

/// What `start` reads from containerd 2.3 and later: `containerd.runtime.bootstrap.v1.BootstrapParams`.
package struct BootstrapParams: Equatable {
    /// The container's id.
    package var instanceID: String
    /// containerd's namespace.
    package var namespace: String
    /// -8 trace, -4 debug, 0 info, 4 warn, 8 error, 10 fatal, 12 panic.
    package var logLevel: Int32
    /// For people.
    package var containerdVersion: String
    /// Where events go: a path.
    package var ttrpcAddress: String
    /// A path.
    package var grpcAddress: String
    /// A path.
    package var containerdBinary: String
    /// Among them the options of the runtime.
    package var extensions: [AnyMessage]
    /// Empty for the usual one.
    package var socketDirectory: String

    package init(
        instanceID: String, namespace: String, logLevel: Int32 = 0, containerdVersion: String = "",
        ttrpcAddress: String = "", grpcAddress: String = "", containerdBinary: String = "",
        extensions: [AnyMessage] = [], socketDirectory: String = ""
    ) {
        self.instanceID = instanceID
        self.namespace = namespace
        self.logLevel = logLevel
        self.containerdVersion = containerdVersion
        self.ttrpcAddress = ttrpcAddress
        self.grpcAddress = grpcAddress
        self.containerdBinary = containerdBinary
        self.extensions = extensions
        self.socketDirectory = socketDirectory
    }

    /// Fails with `invalidArgument` when `bytes` is no such message.
    package init(decoding bytes: [UInt8]) throws(Failure) {
        self = try unsafe decode("BootstrapParams", swiftrunc__bootstrap_params__type(), bytes) {
            (raw: Swiftrunc__BootstrapParams) throws(Malformed) in
            unsafe BootstrapParams(
                instanceID: try text(raw.instance_id), namespace: try text(raw.namespace_), logLevel: raw.log_level,
                containerdVersion: try text(raw.containerd_version),
                ttrpcAddress: try text(raw.containerd_ttrpc_address),
                grpcAddress: try text(raw.containerd_grpc_address), containerdBinary: try text(raw.containerd_binary),
                extensions: try list(raw.extensions, raw.n_extensions, message).compactMap { $0 },
                socketDirectory: try text(raw.socket_dir))
        }
    }
}

private func message(_ raw: Swiftrunc__Extension) throws(Malformed) -> AnyMessage? {
    try unsafe AnyMessage(raw.value)
}

/// What `start` answers to ``BootstrapParams``: `containerd.runtime.bootstrap.v1.BootstrapResult`.
package struct BootstrapResult: Equatable {
    /// Of the task API.
    package var version: Int32
    /// `unix://` and a path.
    package var address: String
    /// The only one there is.
    package var `protocol`: String

    package init(version: Int32 = 3, address: String, protocol: String = "ttrpc") {
        self.version = version
        self.address = address
        self.protocol = `protocol`
    }

    /// The message's bytes on the wire.
    package func encoded() -> [UInt8] {
        unsafe encode { arena in
            unsafe Swiftrunc__BootstrapResult(
                base: base(swiftrunc__bootstrap_result__type()), version: version, address: arena.text(address),
                protocol: arena.text(`protocol`))
        }
    }
}
