import Linux

/// The options of a mount, as mount(2) takes them (C-6.3).
struct MountOptions: Equatable {
    /// Flags of the mount itself.
    private(set) var flags: MountFlags = []
    /// Flags of a second call, which changes the propagation and nothing else.
    private(set) var propagation: MountFlags = []
    /// What the file system gets, an option an element.
    private(set) var words: [String] = []
    /// The source is a file to be used through a loop device.
    private(set) var isLoop = false
    /// The loop device bypasses the page cache.
    private(set) var isDirect = false
    /// nil unless users and groups are both mapped.
    private(set) var owners: OwnerMap?

    /// What the file system gets, with commas between.
    var data: String { words.joined(separator: ",") }

    /// mount(2) ignores read-only when it binds.
    var needsReadOnlyRemount: Bool { flags.isSuperset(of: [.bind, .readOnly]) }

    init(_ options: [String]) throws(Failure) {
        try Self.refuseInternal(options)
        var users: String?
        var groups: String?
        for option in options {
            if let (flag, isSet) = Self.flag(option) {
                if isSet { flags.formUnion(flag) } else { flags.subtract(flag) }
            } else if let flag = Self.propagation(option) {
                propagation = flag
            } else if option == "loop" {
                isLoop = true
            } else if option.hasPrefix("uidmap=") {
                users = try OwnerMap.lines(option)
            } else if option.hasPrefix("gidmap=") {
                groups = try OwnerMap.lines(option)
            } else if option != "defaults" {
                words.append(option)
            }
        }
        if let users, let groups { owners = OwnerMap(users: users, groups: groups) }
        if isLoop, words.contains("direct-io") {
            isDirect = true
            words.removeAll { $0 == "direct-io" }
        }
    }

    /// containerd's own options mean something that is not done yet (C-6.4).
    static func refuseInternal(_ options: [String]) throws(Failure) {
        guard let option = options.first(where: { $0.hasPrefix("X-containerd.") }) else { return }
        throw Failure(.invalidArgument, "internal mount option \"\(option)\" was not consumed by the mount manager")
    }

    /// What the file system gets does not fit in a page; `detail`: why not another way.
    static func tooLong(_ detail: String? = nil) -> Failure {
        Failure(.invalidArgument, "mount options is too long" + (detail.map { ": \($0)" } ?? ""))
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
}

/// Whom the owners of files are seen as (C-6.9), in the words of user_namespaces(7): lines of
/// `OWNER SEEN-AS COUNT`.
struct OwnerMap: Equatable {
    let users: String
    let groups: String

    /// Those of `uidmap=0:100000:65536,…`.
    static func lines(_ option: String) throws(Failure) -> String {
        var lines = ""
        let text = option.drop { $0 != "=" }.dropFirst()
        for range in text.split(separator: ",", omittingEmptySubsequences: false) {
            let numbers = range.split(separator: ":", omittingEmptySubsequences: false).map { UInt32($0) }
            guard numbers.count == 3, let owner = numbers[0], let seen = numbers[1], let count = numbers[2] else {
                throw Failure(.invalidArgument, "mount option \(option): not OWNER:SEEN-AS:COUNT")
            }
            lines += "\(owner) \(seen) \(count)\n"
        }
        return lines
    }
}
