import CProto

/// A mount that containerd asks for: `containerd.types.Mount`.
package struct MountMessage: Equatable {
    /// A file system, or `bind`.
    package var type: String
    /// A device or a path.
    package var source: String
    /// Below the root file system; empty for the root file system itself.
    package var target: String
    /// As fstab's.
    package var options: [String]

    package init(type: String, source: String, target: String = "", options: [String] = []) {
        self.type = type
        self.source = source
        self.target = target
        self.options = options
    }

    init(_ raw: Swiftrunc__Mount) throws(Malformed) {
        type = try unsafe text(raw.type)
        source = try unsafe text(raw.source)
        target = try unsafe text(raw.target)
        options = try unsafe list(raw.options, raw.n_options, text)
    }
}

extension Arena {
    /// A copy of `mounts`, as a repeated field.
    func list(_ mounts: [MountMessage]) -> UnsafeMutablePointer<UnsafeMutablePointer<Swiftrunc__Mount>?>? {
        unsafe list(
            mounts.map { mount in
                unsafe place(
                    Swiftrunc__Mount(
                        base: base(swiftrunc__mount__type()), type: text(mount.type), source: text(mount.source),
                        target: text(mount.target), n_options: mount.options.count,
                        options: list(mount.options.map { unsafe text($0) })))
            })
    }
}
