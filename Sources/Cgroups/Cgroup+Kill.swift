package import Linux

/// The end of all that is in a cgroup.
extension Cgroup {
    /// Which directory it is: one that was made later at the same path is another.
    package var identity: Files.Identity? { Files.identity(of: path) }

    /// The one at `path` that was found by ``of(pid:)`` once; nil if there is none there now, or it is the root of a
    /// hierarchy, or we are in it ourselves.
    package init?(at path: String) {
        guard path.hasPrefix("\(Hierarchy.mountPoint)/"), Paths.clean(path) == path, Files.isDirectory(path),
            let isUnified = FileSystem.isCgroup2(path)
        else { return nil }
        // Version 1 has the names of controllers before the names of cgroups.
        let depth = path.dropFirst(Hierarchy.mountPoint.utf8.count).split(separator: "/").count
        guard depth > (isUnified ? 0 : 1), Self.processes(in: path)?.contains(Process.id) != true else { return nil }
        self.init(path: path, version: isUnified ? .unified : .legacy, elsewhere: [])
    }

    /// The one that a runtime makes for `linux.cgroupsPath` of a bundle, if that is a path (the driver cgroupfs), and it
    /// is there. Version 1: in one of the hierarchies, as ``of(pid:)`` chooses.
    package init?(named path: String) {
        guard path.hasPrefix("/") else { return nil }
        let root = Hierarchy.mountPoint
        let places = Hierarchy.mode() == .unified ? [root] : Self.preferred.map { "\(root)/\($0)" }
        guard let place = places.first(where: { Files.isDirectory($0 + path) }) else { return nil }
        self.init(at: place + path)
    }

    /// SIGKILL to all processes in it and below, as ``ExecCgroup/kill()``: as long as ``processes()`` has any, do it
    /// again. What is frozen there, as a paused container is, goes on and so ends.
    package func kill() {
        if version == .legacy, let freezer = beside("freezer") { Self.kill(in: freezer) }
        Self.kill(in: path)
    }

    /// What is frozen in it goes on.
    package func thaw() {
        if version == .legacy, let freezer = beside("freezer") { Self.freeze(false, freezer) }
        Self.freeze(false, path)
    }

    static func kill(in directory: String) {
        // Version 1 has none, nor has version 2 before Linux 5.14.
        do throws(Failure) { return try Files.write("1", toExisting: "\(directory)/cgroup.kill") } catch {}
        freeze(true, directory)
        for pid in processes(in: directory) ?? [] {
            do throws(Failure) {
                let process = try ForeignProcess(pid)
                // The number may have been another's by the time the pidfd was opened.
                if processes(in: directory)?.contains(pid) == true { try process.kill() }
            } catch {}  // it has ended
        }
        freeze(false, directory)
    }

    /// A frozen process does not fork.
    private static func freeze(_ freezes: Bool, _ directory: String) {
        for (file, word) in [("freezer.state", freezes ? "FROZEN" : "THAWED"), ("cgroup.freeze", freezes ? "1" : "0")] {
            // It has one of them.
            do throws(Failure) { try Files.write(word, toExisting: "\(directory)/\(file)") } catch {}
        }
    }
}
