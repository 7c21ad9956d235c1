import Linux

/// How cgroups are mounted on this machine (C-6.20).
package enum Hierarchy {
    package enum Mode: Equatable {
        case unified
        /// Version 1 for the controllers, version 2 beside it without any: used as version 1.
        case hybrid
        case legacy
        case unavailable
    }

    static let mountPoint = "/sys/fs/cgroup"

    package static func mode() -> Mode {
        switch FileSystem.isCgroup2(mountPoint) {
        case nil: .unavailable
        case true?: .unified
        case false?: FileSystem.isCgroup2("\(mountPoint)/unified") == true ? .hybrid : .legacy
        }
    }

    /// The directory of one process's cgroup, of one line of its `/proc/<pid>/cgroup`.
    struct Membership: Equatable {
        /// None in version 2; else controllers or `name=systemd`.
        let controllers: [String]
        let path: String
    }

    /// Parses `/proc/<pid>/cgroup`: `4:cpu,cpuacct:/path` and `0::/path`.
    static func memberships(_ text: [UInt8]) -> [Membership] {
        text.split(separator: UInt8(ascii: "\n")).compactMap { line in
            let fields = line.split(separator: UInt8(ascii: ":"), maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { return nil }
            let controllers = fields[1].split(separator: UInt8(ascii: ",")).map { String(decoding: $0, as: UTF8.self) }
            return Membership(controllers: controllers, path: String(decoding: fields[2], as: UTF8.self))
        }
    }

    /// Where a version 1 path of `controller` is, as seen through `mounts`; nil if it is not below
    /// what is mounted.
    static func directory(of path: String, controller: String, mounts: [MountInfo]) -> String? {
        for mount in mounts where mount.type == "cgroup" && mount.has(controller) {
            if mount.root == "/" { return Paths.clean("\(mount.mountPoint)/\(path)") }
            if path == mount.root { return mount.mountPoint }
            if path.hasPrefix("\(mount.root)/") { return mount.mountPoint + path.dropFirst(mount.root.count) }
        }
        return nil
    }

    /// All version 1 mounts.
    static func legacyMounts() throws(Failure) -> [MountInfo] {
        try MountInfo.current { _, type in type.elementsEqual("cgroup".utf8) }
    }
}

extension MountInfo {
    fileprivate func has(_ controller: String) -> Bool {
        superOptions.utf8.split(separator: UInt8(ascii: ",")).contains { $0.elementsEqual(controller.utf8) }
    }
}

/// The controllers of version 1 that count something.
enum Controller: String, CaseIterable {
    case cpu, cpuacct, memory, pids, blkio, hugetlb, rdma
}
