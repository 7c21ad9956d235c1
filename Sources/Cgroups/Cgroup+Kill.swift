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
        if version == .legacy, let freezer = beside("freezer") {
            Self.kill(in: freezer)
            let killed = Self.processes(in: freezer) ?? []
            if Self.processes(in: path)?.allSatisfy({ killed.contains($0) }) ?? true { return }
        }
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
        killAll { processes(in: directory) }
        freeze(false, directory)
    }

    /// So many pidfds are open at once, at most.
    static let batchSize = 256

    /// SIGKILL to each process that ``read`` names, a batch after the other: reading all of a large cgroup takes long.
    static func killAll(_ read: () -> [Int32]?) {
        let pids = read() ?? []
        for start in stride(from: 0, to: pids.count, by: batchSize) {
            let batch = hold(pids[start..<min(start + batchSize, pids.count)])
            // A number may have been another's by the time its pidfd was opened.
            let members = read() ?? []
            for held in batch where members.contains(held.pid) {
                do throws(Failure) { try held.process.kill() } catch {}  // it has ended
            }
        }
    }

    /// Those that are there, as far as there are descriptors.
    private static func hold(_ pids: ArraySlice<Int32>) -> [HeldProcess] {
        var all: [HeldProcess] = []
        do throws(Failure) {
            // For what is read then.
            let spare = try FileDescriptor.eventCounter()
            for pid in pids {
                do throws(Failure) { all.append(HeldProcess(pid, try ForeignProcess(pid))) } catch {}  // it has ended
            }
            _ = consume spare
        } catch {}  // somebody does it again
        return all
    }

    /// A frozen process does not fork.
    private static func freeze(_ freezes: Bool, _ directory: String) {
        for (file, word) in [("freezer.state", freezes ? "FROZEN" : "THAWED"), ("cgroup.freeze", freezes ? "1" : "0")] {
            // It has one of them.
            do throws(Failure) { try Files.write(word, toExisting: "\(directory)/\(file)") } catch {}
        }
    }
}

/// An array takes no ``ForeignProcess``.
private final class HeldProcess {
    let pid: Int32
    let process: ForeignProcess

    init(_ pid: Int32, _ process: consuming ForeignProcess) {
        self.pid = pid
        self.process = process
    }
}
