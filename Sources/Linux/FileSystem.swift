import CLinux

/// mount(2) and what belongs to it.
package enum FileSystem {
    /// The data of a mount has less than this many bytes.
    package static var pageSize: Int { Int(clinux_page_size()) }

    /// mount(2); an empty `data` is none. The failure's message is the errno's text alone.
    package static func mount(
        source: String, target: String, type: String, flags: MountFlags, data: String
    ) throws(Failure) {
        let result =
            data.isEmpty
            ? unsafe clinux_mount(source, target, type, flags.rawValue, nil)
            : unsafe clinux_mount(source, target, type, flags.rawValue, data)
        if result < 0 { throw Failure(.unknown, errno: -result, errorText(-result)) }
    }

    /// umount2(2). With `detach` (MNT_DETACH) it is out of sight at once and ends with its last user.
    /// EINVAL: nothing is mounted there.
    package static func unmount(_ target: String, detach: Bool) throws(Failure) {
        try check(unsafe clinux_unmount(target, detach ? 1 : 0), "unmount", target)
    }

    /// umount2(2) of all that is mounted on top of each other at `point`, the bytes of an absolute path that somebody may
    /// change meanwhile: no symlink in it is followed, the last component's neither. What is in use goes if `detach`.
    /// Returns the errno that ended it: EINVAL or ENOENT: nothing is mounted there now. ELOOP: there is a symlink.
    package static func unmountAll(at point: [UInt8], detach: Bool) -> Int32 {
        unsafe clinux_unmount_all_at(point + [0], detach ? 1 : 0)
    }

    /// Opens, for use as a path only, what a process whose root directory is `root` sees at `path`.
    package static func open(_ path: String, inRoot root: String) throws(Failure) -> FileDescriptor {
        FileDescriptor(owning: try check(unsafe clinux_open_in_root(root, path), "open", "\(path) in \(root)"))
    }

    /// Flags of the mount at `path` that only its owner may clear (mount_namespaces(7)).
    package static func lockedFlags(at path: String) -> MountFlags {
        MountFlags(rawValue: UInt64(max(0, unsafe clinux_mount_flags(path))))
    }

    /// Whether `path` is in a cgroup v2 hierarchy; nil if nothing is there.
    package static func isCgroup2(_ path: String) -> Bool? {
        let magic = unsafe clinux_file_system(path)
        return magic < 0 ? nil : magic == 0x6367_7270
    }
}

/// MS_* of mount(2).
package struct MountFlags: OptionSet {
    package let rawValue: UInt64

    package init(rawValue: UInt64) { self.rawValue = rawValue }

    package static let readOnly = MountFlags(rawValue: UInt64(CLINUX_MS_RDONLY))
    package static let noSUID = MountFlags(rawValue: UInt64(CLINUX_MS_NOSUID))
    package static let noDevices = MountFlags(rawValue: UInt64(CLINUX_MS_NODEV))
    package static let noExec = MountFlags(rawValue: UInt64(CLINUX_MS_NOEXEC))
    package static let synchronous = MountFlags(rawValue: UInt64(CLINUX_MS_SYNCHRONOUS))
    package static let remount = MountFlags(rawValue: UInt64(CLINUX_MS_REMOUNT))
    package static let mandatoryLocks = MountFlags(rawValue: UInt64(CLINUX_MS_MANDLOCK))
    package static let synchronousDirectories = MountFlags(rawValue: UInt64(CLINUX_MS_DIRSYNC))
    package static let noAccessTime = MountFlags(rawValue: UInt64(CLINUX_MS_NOATIME))
    package static let noDirectoryAccessTime = MountFlags(rawValue: UInt64(CLINUX_MS_NODIRATIME))
    package static let bind = MountFlags(rawValue: UInt64(CLINUX_MS_BIND))
    package static let recursive = MountFlags(rawValue: UInt64(CLINUX_MS_REC))
    package static let unbindable = MountFlags(rawValue: UInt64(CLINUX_MS_UNBINDABLE))
    package static let `private` = MountFlags(rawValue: UInt64(CLINUX_MS_PRIVATE))
    package static let slave = MountFlags(rawValue: UInt64(CLINUX_MS_SLAVE))
    package static let shared = MountFlags(rawValue: UInt64(CLINUX_MS_SHARED))
    package static let relativeAccessTime = MountFlags(rawValue: UInt64(CLINUX_MS_RELATIME))
    package static let strictAccessTime = MountFlags(rawValue: UInt64(CLINUX_MS_STRICTATIME))
}
