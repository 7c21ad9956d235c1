import Confinement
import Linux
import Reactor
import _Concurrency

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

    /// Mounts it at its place inside `rootfs`, where no symlink leads out. Suspends as long as that takes.
    @Loop
    func mount(inside rootfs: String) async throws(Failure) {
        let place = Place(rootfs: rootfs, target: target)
        if let helper = MountHelper(type) { return try await helper.mount(self, at: place) }
        let options = try MountOptions(self.options)
        do throws(Failure) {
            try await Apart.run { () throws(Failure) in
                // An overlay works with the capabilities of whoever mounted it.
                try Capabilities.withAll { () throws(Failure) in try mount(options, at: place) }
            }
        } catch {
            let flags = String(options.flags.union(options.propagation).rawValue, radix: 16)
            throw Failure(
                error.kind, errno: error.errno,
                "mount source: \"\(source)\", target: \"\(place.name)\", fstype: \(type), flags: 0x\(flags), "
                    + "data: \"\(options.data)\", err: \(error.message)")
        }
    }

    /// The calls of C-6.5, and the mapping of C-6.9.
    private func mount(_ options: MountOptions, at place: Place) throws(Failure) {
        // What makes a bind mount read-only is a remount; if nothing else is asked for, it is the only call.
        if !(options.flags.contains(.remount) && options.needsReadOnlyRemount && options.words.isEmpty) {
            try mountFirst(options, at: place)
        }
        if options.needsReadOnlyRemount {
            try remountReadOnly(place.open(), options.flags.union(.remount))
        }
        if let owners = options.owners, type != "overlay" { try map(owners, at: place) }
        if !options.propagation.isEmpty {
            try change(place.open(), options.propagation)
        }
    }

    private func mountFirst(_ options: MountOptions, at place: Place) throws(Failure) {
        if type == "overlay", let owners = options.owners {
            guard let overlay = Overlay(source: source, options) else {
                throw Failure(.invalidArgument, "layers that cannot be mapped")
            }
            return try overlay.mount(at: place, mappedBy: owners.namespace())
        }
        guard options.data.utf8.count < FileSystem.pageSize else {
            guard type == "overlay", let overlay = Overlay(source: source, options) else {
                throw MountOptions.tooLong()
            }
            return try overlay.mount(at: place.open(), layersIn: overlay.base)
        }
        guard options.isLoop else { return try mount(source, options, at: place.open()) }
        let device = try LoopDevice(
            over: source, readOnly: options.flags.contains(.readOnly), direct: options.isDirect)
        try mount(device.path, options, at: place.open())
    }

    private func mount(
        _ source: String, _ options: MountOptions, at place: borrowing FileDescriptor
    ) throws(Failure) {
        try FileSystem.mount(source: source, target: place.path, type: type, flags: options.flags, data: options.data)
    }

    private func remountReadOnly(_ mounted: borrowing FileDescriptor, _ flags: MountFlags) throws(Failure) {
        do throws(Failure) {
            try change(mounted, flags)
        } catch {
            // In a user namespace, flags that came from outside must stay.
            guard error.errno == Errno.notPermitted else { throw error }
            try change(mounted, flags.union(FileSystem.lockedFlags(at: mounted.path)))
        }
    }

    private func change(_ mounted: borrowing FileDescriptor, _ flags: MountFlags) throws(Failure) {
        try FileSystem.mount(source: "", target: mounted.path, type: "", flags: flags, data: "")
    }

    /// Only a copy that is nowhere yet can be mapped, so what is mounted is replaced by one.
    private func map(_ owners: OwnerMap, at place: Place) throws(Failure) {
        let mounted = try place.open()
        let mapped = try FileSystem.copy(mounted, recursive: true)
        try FileSystem.map(mapped, as: owners.namespace())
        try FileSystem.unmount(mounted.path, detach: true)
        try FileSystem.attach(mapped, at: place.open())
    }
}

extension OwnerMap {
    func namespace() throws(Failure) -> FileDescriptor {
        try FileSystem.userNamespace(uids: users, gids: groups)
    }
}
