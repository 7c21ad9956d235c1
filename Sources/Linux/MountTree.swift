import CLinux

/// The calls that make a mount before it has a place (fsopen(2), open_tree(2), move_mount(2)). What
/// was made and not attached is gone when its descriptor closes.
extension FileSystem {
    /// A file system from options that need not fit in a page together; each, without a value if that is nil, has
    /// at most 255 bytes. `.unimplemented`: this kernel does not know one of them, or not such a value.
    package static func make(
        _ type: String, options: [(key: String, value: String?)], flags: MountFlags
    ) throws(Failure) -> FileDescriptor {
        let fs = FileDescriptor(owning: try check(unsafe clinux_fs_open(type), "fsopen", type))
        for option in options {
            let result =
                if let value = option.value {
                    unsafe clinux_fs_set(fs.raw, option.key, value)
                } else {
                    unsafe clinux_fs_set(fs.raw, option.key, nil)
                }
            if result == -Errno.invalid {
                throw Failure(
                    .unimplemented, errno: -result, "fsconfig \(option.key): \(errorText(-result))")
            }
            try check(result, "fsconfig", option.key)
        }
        return FileDescriptor(owning: try check(clinux_fs_make(fs.raw, flags.rawValue), "fsmount", type))
    }

    /// A copy of the mount that `place` is in, from there on; `recursive`: with what is mounted below.
    package static func copy(_ place: borrowing FileDescriptor, recursive: Bool) throws(Failure) -> FileDescriptor {
        FileDescriptor(
            owning: try check(clinux_clone_tree(place.raw, recursive ? 1 : 0), "open_tree", "fd \(place.raw)"))
    }

    /// From now on files of a copy are seen with the owners that `namespace` gives them. EINVAL: a file
    /// system in it cannot do that.
    package static func map(
        _ tree: borrowing FileDescriptor, as namespace: borrowing FileDescriptor, readOnly: Bool = false
    ) throws(Failure) {
        try check(clinux_map_tree(tree.raw, namespace.raw, readOnly ? 1 : 0), "mount_setattr", "idmap")
    }

    /// Mounts what was made or copied at `place`, on top of what is there.
    package static func attach(_ tree: borrowing FileDescriptor, at place: borrowing FileDescriptor) throws(Failure) {
        try check(clinux_attach_tree(tree.raw, place.raw), "move_mount", "fd \(place.raw)")
    }

    /// A user namespace for ``map(_:as:readOnly:)``; the maps are lines of `INSIDE OUTSIDE COUNT`.
    package static func userNamespace(uids: String, gids: String) throws(Failure) -> FileDescriptor {
        FileDescriptor(owning: try check(unsafe clinux_user_namespace(uids, gids), "clone3", "user namespace"))
    }
}

/// A file as a block device (loop(4)). It is free again once this is dropped and nothing of it is mounted.
public struct LoopDevice: ~Copyable {
    /// As mount(2) takes it.
    package let path: String
    private let device: FileDescriptor

    /// `direct`: past the page cache, where the file system below can do that.
    package init(over file: String, readOnly: Bool, direct: Bool) throws(Failure) {
        var number: Int32 = 0
        let raw = unsafe clinux_loop(file, readOnly ? 1 : 0, direct ? 1 : 0, &number)
        device = FileDescriptor(owning: try check(raw, "loop device for", file))
        path = "/dev/loop\(number)"
    }
}
