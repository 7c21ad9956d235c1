package import Linux
package import Protobuf

/// What a daemon gives `start` on stdin, and which answer it understands (contract C-1.30 … C-1.35).
package enum Bootstrap {
    /// containerd up to 2.2: nothing, or options.
    case options(TaskOptions)
    /// containerd 2.3 and later.
    case parameters(BootstrapParams, TaskOptions)

    /// The two forms have texts in the same places: parameters they are only if they name this
    /// task and namespace. `host` supplies what the options do not say.
    package init(
        _ input: [UInt8], id: String, namespace: String, host: HostConfiguration = HostConfiguration()
    ) throws(Failure) {
        if let parameters = try? BootstrapParams(decoding: input), parameters.instanceID == id,
            parameters.namespace == namespace, !input.isEmpty
        {
            let known = parameters.extensions.first {
                ["containerd.runc.v1.Options", "runtimeoptions.v1.Options"].contains($0.name)
            }
            self = .parameters(parameters, try TaskOptions(known, host: host))
        } else {
            self = .options(try TaskOptions(input.isEmpty ? nil : AnyMessage(decoding: input), host: host))
        }
    }

    package var options: TaskOptions {
        switch self {
        case .options(let options), .parameters(_, let options): options
        }
    }

    /// Where sockets go.
    package var socketDirectory: String {
        guard case .parameters(let parameters, _) = self, !parameters.socketDirectory.isEmpty else {
            return SocketAddress.defaultDirectory
        }
        return parameters.socketDirectory
    }

    /// Whether the daemon wants debug lines: DEBUG is -4 (C-1.32).
    package var wantsDebug: Bool {
        if case .parameters(let parameters, _) = self { parameters.logLevel <= -4 } else { false }
    }

    /// What goes to stdout. An old daemon gets the plain address: it is what all of them take.
    package func answer(address: String) -> [UInt8] {
        switch self {
        case .options: Array(address.utf8)
        case .parameters: BootstrapResult(address: address).encoded()
        }
    }
}
