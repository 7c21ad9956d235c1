import Linux

/// The options of a mount, as mount(2) takes them (C-6.3).
struct MountOptions: Equatable {
    /// Flags of the mount itself.
    private(set) var flags: MountFlags = []
    /// Flags of a second call, which changes the propagation and nothing else.
    private(set) var propagation: MountFlags = []
    /// What the file system gets, with commas between.
    private(set) var data = ""

    /// mount(2) ignores read-only when it binds.
    var needsReadOnlyRemount: Bool { flags.isSuperset(of: [.bind, .readOnly]) }

    init(_ options: [String]) throws(Failure) {
        for option in options {
            if let (flag, isSet) = Self.flag(option) {
                if isSet { flags.formUnion(flag) } else { flags.subtract(flag) }
            } else if let flag = Self.propagation(option) {
                propagation = flag
            } else if option != "defaults" {
                try Self.refuseWhatWeLack(option)
                data += data.isEmpty ? option : ",\(option)"
            }
        }
    }

    private static func flag(_ option: String) -> (MountFlags, isSet: Bool)? {
        switch option {
        case "ro": (.readOnly, true)
        case "rw": (.readOnly, false)
        case "nosuid": (.noSUID, true)
        case "suid": (.noSUID, false)
        case "nodev": (.noDevices, true)
        case "dev": (.noDevices, false)
        case "noexec": (.noExec, true)
        case "exec": (.noExec, false)
        case "sync": (.synchronous, true)
        case "async": (.synchronous, false)
        case "dirsync": (.synchronousDirectories, true)
        case "remount": (.remount, true)
        case "mand": (.mandatoryLocks, true)
        case "nomand": (.mandatoryLocks, false)
        case "noatime": (.noAccessTime, true)
        case "atime": (.noAccessTime, false)
        case "nodiratime": (.noDirectoryAccessTime, true)
        case "diratime": (.noDirectoryAccessTime, false)
        case "bind": (.bind, true)
        case "rbind": ([.bind, .recursive], true)
        case "relatime": (.relativeAccessTime, true)
        case "norelatime": (.relativeAccessTime, false)
        case "strictatime": (.strictAccessTime, true)
        case "nostrictatime": (.strictAccessTime, false)
        default: nil
        }
    }

    private static func propagation(_ option: String) -> MountFlags? {
        switch option {
        case "shared": .shared
        case "rshared": [.shared, .recursive]
        case "private": .private
        case "rprivate": [.private, .recursive]
        case "slave": .slave
        case "rslave": [.slave, .recursive]
        case "unbindable": .unbindable
        case "runbindable": [.unbindable, .recursive]
        default: nil
        }
    }

    private static func refuseWhatWeLack(_ option: String) throws(Failure) {
        if option.hasPrefix("X-containerd.") {
            throw Failure(
                .invalidArgument, "internal mount option \"\(option)\" was not consumed by the mount manager")
        }
        if option == "loop" || option.hasPrefix("uidmap=") || option.hasPrefix("gidmap=") {
            throw Failure(.unimplemented, "mount option \(option): not implemented")
        }
    }
}
