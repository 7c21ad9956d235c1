import Linux

/// One mount of a rootfs, as containerd describes it (`containerd.types.Mount`).
package struct Mount: Equatable {
    package var type: String
    package var source: String
    /// A path inside the rootfs; "" is the rootfs itself.
    package var target: String
    /// As of mount(8), an option an element. An element may have commas in it.
    package var options: [String]

    package init(type: String, source: String, target: String = "", options: [String] = []) {
        self.type = type
        self.source = source
        self.target = target
        self.options = options
    }

    /// Mounts it at its place inside `rootfs`, where no symlink leads out.
    func mount(inside rootfs: String) throws(Failure) {
        let options = try MountOptions(self.options)
        guard !type.hasPrefix("fuse.") && !type.hasPrefix("fuse3.") else {
            throw Failure(.unimplemented, "mount type \(type): not implemented")
        }
        guard options.data.utf8.count < FileSystem.pageSize else {
            guard type != "overlay" else {
                throw Failure(.unimplemented, "overlay options longer than a page: not implemented")
            }
            throw Failure(.invalidArgument, "mount options is too long")
        }
        guard !target.isEmpty else { return try mount(options, at: rootfs, named: rootfs) }
        let place = try FileSystem.open(target, inRoot: rootfs)
        try mount(options, at: "/proc/self/fd/\(place.raw)", named: Paths.clean("\(rootfs)/\(target)"))
    }

    /// The calls of C-6.5. `path` may be another name of what people call `name`.
    private func mount(_ options: MountOptions, at path: String, named name: String) throws(Failure) {
        do throws(Failure) {
            // What makes a bind mount read-only is a remount; if nothing else is asked for, it is the only call.
            if !(options.flags.contains(.remount) && options.needsReadOnlyRemount && options.data.isEmpty) {
                try FileSystem.mount(
                    source: source, target: path, type: type, flags: options.flags, data: options.data)
            }
            if !options.propagation.isEmpty {
                try FileSystem.mount(source: "", target: path, type: "", flags: options.propagation, data: "")
            }
            if options.needsReadOnlyRemount { try remountReadOnly(path, options.flags.union(.remount)) }
        } catch {
            let flags = String(options.flags.union(options.propagation).rawValue, radix: 16)
            throw Failure(
                error.kind, errno: error.errno,
                "mount source: \"\(source)\", target: \"\(name)\", fstype: \(type), flags: 0x\(flags), "
                    + "data: \"\(options.data)\", err: \(error.message)")
        }
    }

    private func remountReadOnly(_ path: String, _ flags: MountFlags) throws(Failure) {
        do throws(Failure) {
            try FileSystem.mount(source: "", target: path, type: "", flags: flags, data: "")
        } catch {
            // In a user namespace, flags that came from outside must stay.
            guard error.errno == Errno.notPermitted else { throw error }
            let all = flags.union(FileSystem.lockedFlags(at: path))
            try FileSystem.mount(source: "", target: path, type: "", flags: all, data: "")
        }
    }
}
