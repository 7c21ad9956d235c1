import Linux

/// An overlay with its layers apart, for when a page does not hold its options (C-6.6) or its layers
/// are to be mapped (C-6.9).
struct Overlay {
    /// A directory that all layers are in; "/" at least.
    let base: String
    /// The layers below it, topmost first.
    let layers: [String]
    private let source: String
    private let flags: MountFlags
    private let others: [String]

    /// nil unless there is one `lowerdir` of absolute paths and nothing in it that needs care: an
    /// escape, or a layer of data alone.
    init?(source: String, _ options: MountOptions) {
        let words = options.words.filter { $0.hasPrefix("lowerdir=") }
        guard words.count == 1, let text = words.first?.dropFirst("lowerdir=".count), !text.contains("\\") else {
            return nil
        }
        let paths = text.split(separator: ":", omittingEmptySubsequences: false)
        let names = paths.map { $0.split(separator: "/") }
        guard paths.allSatisfy({ $0.hasPrefix("/") }), names.allSatisfy({ !$0.isEmpty }) else { return nil }
        // A layer has a name of its own, so of the shortest path one component is not shared.
        var shared = (names.map { $0.count }.min() ?? 1) - 1
        for other in names {
            shared = min(shared, zip(names[0], other).prefix { $0 == $1 }.count)
        }
        base = "/" + names[0].prefix(shared).joined(separator: "/")
        layers = names.map { $0.dropFirst(shared).joined(separator: "/") }
        self.source = source
        flags = options.flags
        others = options.words.filter { !$0.hasPrefix("lowerdir=") }
    }

    /// Mounts it at `place`, with its layers in `directory` instead of ``base``, which becomes the working directory if that
    /// does: it is for a child.
    func mount(at place: borrowing FileDescriptor, layersIn directory: String) throws(Failure) {
        let data = (["lowerdir=" + layers.joined(separator: ":")] + others).joined(separator: ",")
        guard data.utf8.count >= FileSystem.pageSize else {
            try Process.changeDirectory(directory)
            return try FileSystem.mount(source: source, target: place.path, type: "overlay", flags: flags, data: data)
        }
        let mount: FileDescriptor
        do throws(Failure) {
            mount = try FileSystem.make("overlay", options: separateOptions(directory), flags: flags)
        } catch {
            // `lowerdir+` came with Linux 6.7.
            throw error.kind == .unimplemented ? MountOptions.tooLong(error.message) : error
        }
        try FileSystem.attach(mount, at: place)
    }

    private func separateOptions(_ directory: String) -> [(key: String, value: String?)] {
        var options: [(key: String, value: String?)] = [("source", source)]
        for layer in layers { options.append(("lowerdir+", "\(directory)/\(layer)")) }
        for word in others {
            let parts = word.split(separator: "=", maxSplits: 1).map { String($0) }
            var value = parts.count > 1 ? parts[1] : nil
            // The quotes around a security context are mount(2)'s, for the commas in it.
            if let text = value, text.utf8.count > 1, text.hasPrefix("\""), text.hasSuffix("\"") {
                value = String(text.dropFirst().dropLast())
            }
            options.append((parts.first ?? word, value))
        }
        return options
    }

    /// Mounts it at `place` with its layers mapped: what is seen of them has the owners that `namespace` gives. What
    /// is written is not mapped.
    func mount(at place: Place, mappedBy namespace: borrowing FileDescriptor) throws(Failure) {
        let tree = try copyOfBase()
        try FileSystem.map(tree, as: namespace, readOnly: true)
        // An overlay takes layers only from where something is mounted. The copy is mounted where the overlay goes,
        // so that there is no other place to clean up; the overlay on top; and both are replaced by the overlay alone.
        try FileSystem.attach(tree, at: place.open())
        let below = try place.open()
        try mount(at: below, layersIn: below.path)
        let overlay = try FileSystem.copy(place.open(), recursive: false)
        // umount(2) takes what is topmost, first the overlay.
        for _ in 0..<2 { try FileSystem.unmount(below.path, detach: true) }
        try FileSystem.attach(overlay, at: place.open())
    }

    /// With what is mounted in there only if a layer is, as those of the erofs snapshotter are: all of it has to be mapped,
    /// and another's may be of a kind that cannot be.
    private func copyOfBase() throws(Failure) -> FileDescriptor {
        let directory = try FileDescriptor(opening: base, .directory)
        let tree = try FileSystem.copy(directory, recursive: false)
        guard layerNotSeen(in: tree.path) != nil else { return tree }
        let whole = try FileSystem.copy(directory, recursive: base != "/")
        if let layer = layerNotSeen(in: whole.path) {
            throw Failure(.invalidArgument, "layer \(base)/\(layer) is a mount of its own and cannot be mapped")
        }
        return whole
    }

    private func layerNotSeen(in directory: String) -> String? {
        layers.first { Files.identity(of: "\(directory)/\($0)") != Files.identity(of: "\(base)/\($0)") }
    }
}
