package import Linux

/// The cgroup of a container, version 1 or 2, with all that are in it.
package struct Cgroup: Equatable {
    /// Its directory, of one controller in version 1.
    package let path: String
    let version: Version
    /// Version 1: where the directories are not that follow from ``path``. Nearly always none, so that
    /// a container costs one path.
    let elsewhere: [Exception]

    enum Version { case unified, legacy }

    /// The directory of one controller; empty if the container has none.
    struct Exception: Equatable {
        let controller: Controller
        let directory: String
    }

    /// Which of the version 1 hierarchies is looked at, if a container has a cgroup there. The
    /// first ones are those that every runtime makes.
    static let preferred = ["devices", "pids", "memory", "freezer", "cpu", "name=systemd"]

    /// Where `pid` is. nil if that cannot be found out, or if the cgroup is not the container's
    /// alone: the root, or the one that we are in ourselves.
    package static func of(pid: Int32) -> Cgroup? {
        do throws(Failure) {
            let mode = Hierarchy.mode()
            guard mode != .unavailable else { return nil }
            let theirs = Hierarchy.memberships(try Files.read("/proc/\(pid)/cgroup"))
            let ours = Hierarchy.memberships(try Files.read("/proc/self/cgroup"))
            let mounts = mode == .unified ? nil : try Hierarchy.legacyMounts()
            let path = candidates(theirs, ours: ours, legacyMounts: mounts).first { Files.isDirectory($0) }
            guard let path else { return nil }
            guard let mounts else { return Cgroup(path: path, version: .unified, elsewhere: []) }
            let elsewhere = exceptions(to: path, theirs, ours: ours, mounts: mounts, root: Hierarchy.mountPoint)
            return Cgroup(path: path, version: .legacy, elsewhere: elsewhere)
        } catch {
            return nil
        }
    }

    /// The directories that may be it, best first. `legacyMounts` is nil where there is only version 2.
    static func candidates(
        _ theirs: [Hierarchy.Membership], ours: [Hierarchy.Membership], legacyMounts: [MountInfo]?
    ) -> [String] {
        guard let legacyMounts else {
            let membership = theirs.first { $0.controllers.isEmpty }
            guard let membership, !isNobodys(membership, ours) else { return [] }
            return [Paths.clean("\(Hierarchy.mountPoint)/\(membership.path)")]
        }
        return preferred.compactMap { directory($0, theirs, ours: ours, mounts: legacyMounts) }
    }

    /// The controllers whose directories are not beside `path`, below `root`.
    static func exceptions(
        to path: String, _ theirs: [Hierarchy.Membership], ours: [Hierarchy.Membership], mounts: [MountInfo],
        root: String
    ) -> [Exception] {
        Controller.allCases.compactMap { controller in
            let directory = directory(controller.rawValue, theirs, ours: ours, mounts: mounts) ?? ""
            let usual = usual(controller.rawValue, beside: path, root: root)
            // Two names may be one directory: controllers that are mounted together have links.
            guard directory != usual, Files.identity(of: directory) != Files.identity(of: usual) else { return nil }
            return Exception(controller: controller, directory: directory)
        }
    }

    private static func directory(
        _ controller: String, _ theirs: [Hierarchy.Membership], ours: [Hierarchy.Membership], mounts: [MountInfo]
    ) -> String? {
        let membership = theirs.first { $0.controllers.contains(controller) }
        guard let membership, !isNobodys(membership, ours) else { return nil }
        return Hierarchy.directory(of: membership.path, controller: controller, mounts: mounts)
    }

    /// Whether it is not the container's alone, or outside of our cgroup namespace (`/../x`), so not to
    /// be seen from here.
    private static func isNobodys(_ membership: Hierarchy.Membership, _ ours: [Hierarchy.Membership]) -> Bool {
        membership.path == "/" || membership.path.hasPrefix("/../") || membership.path == "/.."
            || ours.contains(membership)
    }

    /// `<root>/memory/x` for `<root>/devices/x`.
    private static func usual(_ controller: String, beside path: String, root: String) -> String {
        guard path.hasPrefix("\(root)/") else { return "" }
        let rest = path.utf8.dropFirst(root.utf8.count + 1).drop { $0 != UInt8(ascii: "/") }
        return "\(root)/\(controller)\(String(decoding: rest, as: UTF8.self))"
    }

    /// Where a controller of version 1 has the container.
    func directory(of controller: Controller) -> String {
        let exception = elsewhere.first { $0.controller == controller }
        return exception?.directory ?? Self.usual(controller.rawValue, beside: path, root: Hierarchy.mountPoint)
    }

    /// What it says of itself now; nil if it is no more. Nothing is waited for.
    package func metrics() -> Metrics? {
        switch version {
        case .unified: UnifiedMetrics(directory: path, hugePageSizes: HugePageSizes.here).map { .unified($0) }
        case .legacy:
            LegacyMetrics(hugePageSizes: HugePageSizes.here, partitions: "/proc/partitions") { directory(of: $0) }
                .map { .legacy($0) }
        }
    }

    /// All processes in it and in the cgroups below; nil if that cannot be read, as in a threaded
    /// cgroup or after the container's end.
    package func processes() -> [Int32]? { Self.processes(in: path) }

    static func processes(in directory: String) -> [Int32]? {
        var all: [Int32] = []
        do throws(Failure) {
            try add(directory, to: &all)
        } catch {
            return nil
        }
        return all
    }

    private static func add(_ directory: String, to all: inout [Int32]) throws(Failure) {
        all += parse(try Files.read("\(directory)/cgroup.procs"))
        for name in try Files.directories(in: directory) {
            do throws(Failure) {
                try add("\(directory)/\(name)", to: &all)
            } catch {
                // Of a threaded one the processes are in a cgroup above; one that was removed by now has none.
                guard error.errno != Errno.notSupported else { continue }
                if Files.isDirectory("\(directory)/\(name)") { throw error }
            }
        }
    }

    /// The container's directory in the hierarchy of a version 1 `controller`, if it is where ``path`` is in its own.
    func beside(_ controller: String) -> String? {
        let directory = Self.usual(controller, beside: path, root: Hierarchy.mountPoint)
        return !directory.isEmpty && Files.isDirectory(directory) ? directory : nil
    }

    /// Removes what a runtime could not, and knows no more of, because there were processes in it; in version 1
    /// wherever a hierarchy has a directory of this name.
    package func remove() {
        guard version == .legacy else { return Self.removeDirectories(path) }
        do throws(Failure) {
            for name in try Files.directories(in: Hierarchy.mountPoint) {
                if let directory = beside(name) { Self.removeDirectories(directory) }
            }
        } catch {}  // it is empty, and costs next to nothing
    }

    /// Removes empty cgroups: `directory`, and before it those below.
    static func removeDirectories(_ directory: String) {
        do throws(Failure) {
            for name in try Files.directories(in: directory) { removeDirectories("\(directory)/\(name)") }
        } catch {}  // it may be gone
        Files.removeDirectory(directory)
    }

    /// Parses `cgroup.procs`. 0 is a process that cannot be named here.
    static func parse(_ text: [UInt8]) -> [Int32] {
        text.split(separator: UInt8(ascii: "\n")).compactMap { line in
            Int32(String(decoding: line, as: UTF8.self)).flatMap { $0 > 0 ? $0 : nil }
        }
    }

    /// Moves a process to a cgroup that exists, in all hierarchies that have it (C-1.33). `path`
    /// begins at the root of the hierarchy; it must be absolute and clean.
    package static func move(pid: Int32, toShimCgroup path: String) throws(Failure) {
        guard path.hasPrefix("/"), Paths.clean(path) == path else {
            throw Failure(.invalidArgument, "shim cgroup \(path): not an absolute clean path")
        }
        let root = Hierarchy.mountPoint
        switch Hierarchy.mode() {
        case .unavailable: throw Failure(.failedPrecondition, "shim cgroup \(path): no cgroups are mounted")
        case .unified: try Files.write("\(pid)", toExisting: "\(root)\(path)/cgroup.procs")
        case .hybrid, .legacy:
            let directories = try Hierarchy.legacyMounts().map { "\($0.mountPoint)\(path)" }
            let existing = directories.filter { Files.isDirectory($0) }
            guard !existing.isEmpty else {
                throw Failure(.failedPrecondition, errno: Errno.noEntry, "shim cgroup \(path): no such cgroup")
            }
            for directory in existing { try Files.write("\(pid)", toExisting: "\(directory)/cgroup.procs") }
        }
    }
}
