package import Linux

/// A cgroup below a container's, for one exec and whatever that starts: none of it gets out, however often it forks,
/// so all of it can be ended (docs/configuration.md, `ExecCgroup`).
///
/// It has no controllers of its own, and so no limits. In version 2 it is an ordinary child. In version 1 it is one of
/// a single hierarchy, the freezer's where the container has it: in all the others the exec is where its container is.
package struct ExecCgroup: Equatable {
    /// Its directory.
    package let path: String
    /// As the runtimes' `exec --cgroup` wants it: relative to the container's, after a controller in version 1.
    package let argument: String

    /// Which hierarchy of version 1 it is made in. A frozen process does not fork.
    private static let preferred = ["freezer", "pids", "devices", "memory"]

    /// Makes one, empty, below `container`.
    package init(below container: Cgroup) throws(Failure) {
        let name = "exec-\(Process.randomName())"
        switch container.version {
        case .unified:
            path = "\(container.path)/\(name)"
            argument = name
        case .legacy:
            guard
                let (controller, directory) = Self.preferred.lazy.compactMap({ controller in
                    container.beside(controller).map { (controller, $0) }
                }).first
            else { throw Failure(.failedPrecondition, "exec cgroup: the container is in no hierarchy for it") }
            path = "\(directory)/\(name)"
            argument = "\(controller):\(name)"
        }
        try Files.makeDirectory(path, mode: 0o755)
    }

    /// All processes in it and below; none once it is gone.
    package var processes: [Int32] { Cgroup.processes(in: path) ?? [] }

    /// SIGKILL to everything in it. What is forked meanwhile may be missed where the kernel has no file for this: as
    /// long as ``processes`` has any, do it again.
    package func kill() { Cgroup.kill(in: path) }

    /// Removes it, with what somebody may have made below; false while there are processes in it.
    package func remove() -> Bool {
        Cgroup.removeDirectories(path)
        return !Files.isDirectory(path)
    }
}
