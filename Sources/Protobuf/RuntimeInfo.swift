import CProto

/// What `-info` prints: `containerd.types.RuntimeInfo`.
package struct RuntimeInfo: Equatable {
    /// The runtime's name.
    package var name: String
    /// The shim's version.
    package var version: String
    /// What the version was built from.
    package var revision: String
    /// The options that were asked with.
    package var options: AnyMessage?
    /// The runtime's, as JSON; nil when it does not say.
    package var features: AnyMessage?
    /// What else containerd should know.
    package var annotations: [Metadata]

    package init(
        name: String, version: String = "", revision: String = "", options: AnyMessage? = nil,
        features: AnyMessage? = nil, annotations: [Metadata] = []
    ) {
        self.name = name
        self.version = version
        self.revision = revision
        self.options = options
        self.features = features
        self.annotations = annotations
    }

    /// The message's bytes on the wire.
    package func encoded() -> [UInt8] {
        unsafe encode { arena in
            let version = unsafe Swiftrunc__RuntimeVersion(
                base: base(swiftrunc__runtime_version__type()), version: arena.text(version),
                revision: arena.text(revision))
            return unsafe Swiftrunc__RuntimeInfo(
                base: base(swiftrunc__runtime_info__type()), name: arena.text(name), version: arena.place(version),
                options: arena.place(options), features: arena.place(features), n_annotations: annotations.count,
                annotations: arena.list(annotations))
        }
    }
}
