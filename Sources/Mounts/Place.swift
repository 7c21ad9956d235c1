import Linux

/// Where something is to be mounted: a rootfs, or a path in it that no symlink leads out of.
///
/// The kernel is never given the path, which could be swapped between a look and a use, but a descriptor of what the
/// path was resolved to. After each mount it is opened anew, for then it is something else.
struct Place {
    let rootfs: String
    /// "" is the rootfs itself.
    let target: String

    /// What people call it.
    var name: String { target.isEmpty ? rootfs : Paths.clean("\(rootfs)/\(target)") }

    /// What is topmost there now, for use as a path only.
    func open() throws(Failure) -> FileDescriptor {
        try FileSystem.open(target.isEmpty ? "." : target, inRoot: rootfs)
    }
}

extension FileDescriptor {
    /// A path that leads to what is open here, for this process only.
    var path: String { "/proc/self/fd/\(raw)" }
}
