import CLinux
import Linux
import Testing

@testable import Cgroups

struct CgroupTests {
    private func candidates(_ container: [UInt8], _ shim: [UInt8], _ mounts: [MountInfo]?) -> [String] {
        Cgroup.candidates(Hierarchy.memberships(container), ours: Hierarchy.memberships(shim), legacyMounts: mounts)
    }

    @Test func `version 1 is looked for in the order of preference`() {
        #expect(
            candidates(Recorded.hybridContainer, Recorded.hybridShim, Recorded.hybridMounts) == [
                "/sys/fs/cgroup/devices/default/web", "/sys/fs/cgroup/pids/default/web",
                "/sys/fs/cgroup/memory/default/web", "/sys/fs/cgroup/cpu/default/web",
                "/sys/fs/cgroup/systemd/default/web",
            ])
    }

    @Test func `version 2 has one directory`() {
        #expect(
            candidates(Recorded.unifiedContainer, Recorded.unifiedShim, nil)
                == ["/sys/fs/cgroup/system.slice/web:1.scope"])
    }

    @Test func `the root and our own cgroup are nobody's`() {
        #expect(candidates(Recorded.hybridShim, Recorded.hybridContainer, Recorded.hybridMounts).count == 1)
        #expect(candidates(Recorded.hybridShim, Recorded.hybridShim, Recorded.hybridMounts) == [])
        #expect(candidates(Recorded.unifiedShim, Recorded.unifiedShim, nil) == [])
        #expect(candidates(Array("0::/\n".utf8), Recorded.unifiedShim, nil) == [])
    }

    @Test func `what is outside of our namespace is not guessed at`() {
        #expect(candidates(Array("0::/../web\n".utf8), Recorded.unifiedShim, nil) == [])
        #expect(candidates(Array("0::/..\n".utf8), Recorded.unifiedShim, nil) == [])
    }

    @Test func `processes are numbers that are not 0`() {
        #expect(Cgroup.parse(Array("12\n0\n345\n".utf8)) == [12, 345])
        #expect(Cgroup.parse([]) == [])
    }

    @Test func `a process that is gone has no cgroup`() {
        #expect(Cgroup.of(pid: .max) == nil)
        #expect(Cgroup(path: "/no/such/cgroup", version: .unified, elsewhere: []).processes() == nil)
    }

    @Test func `a cgroup that is gone has no metrics`() {
        #expect(Cgroup(path: "/no/such/cgroup", version: .unified, elsewhere: []).metrics() == nil)
        #expect(Cgroup(path: "/sys/fs/cgroup/pids/no/such", version: .legacy, elsewhere: []).metrics() == nil)
    }

    @Test func `the controllers of version 1 are beside each other`() {
        let cgroup = Cgroup(
            path: "/sys/fs/cgroup/pids/default/web", version: .legacy,
            elsewhere: [
                Cgroup.Exception(controller: .cpu, directory: "/cgroup/cpu/web"),
                Cgroup.Exception(controller: .rdma, directory: ""),
            ])
        #expect(cgroup.directory(of: .memory) == "/sys/fs/cgroup/memory/default/web")
        #expect(cgroup.directory(of: .pids) == "/sys/fs/cgroup/pids/default/web")
        #expect(cgroup.directory(of: .cpu) == "/cgroup/cpu/web")
        #expect(cgroup.directory(of: .rdma) == "")
    }

    /// Controllers of a machine in a directory: those that are mounted together are reached by a link of
    /// another name, which here is the directory of the same path.
    @Test func `only what is not beside the others is remembered`() throws {
        let scratch = try Scratch()
        let root = scratch.path
        for directory in ["pids/web", "memory/web", "memory/other", "cpu/web", "hugetlb/web"] {
            try scratch.add(directory: "\(root)/\(directory)")
        }
        let mounts = ["pids", "memory", "cpu", "hugetlb"].map {
            MountInfo(root: "/", mountPoint: Array("\(root)/./\($0)".utf8), type: "cgroup", superOptions: "rw,\($0)")
        }
        func exceptions(_ lines: String) -> [Cgroup.Exception] {
            Cgroup.exceptions(
                to: "\(root)/pids/web", Hierarchy.memberships(Array(lines.utf8)),
                ours: Hierarchy.memberships(Array("2:memory:/\n".utf8)), mounts: mounts, root: root)
        }
        #expect(exceptions("4:hugetlb:/web\n3:pids:/web\n2:memory:/web\n1:cpu:/web\n") == [])
        #expect(
            exceptions("4:hugetlb:/\n3:pids:/web\n2:memory:/other\n1:cpu:/web\n") == [
                Cgroup.Exception(controller: .memory, directory: "\(root)/memory/other"),
                Cgroup.Exception(controller: .hugetlb, directory: ""),
            ])
    }

    @Test(arguments: ["relative", "/a/../b", "/a/", "//a", ""])
    func `a shim cgroup is an absolute clean path`(path: String) {
        let failure = #expect(throws: Failure.self) { try Cgroup.move(pid: 1, toShimCgroup: path) }
        #expect(failure?.kind == .invalidArgument)
    }

    @Test func `a shim cgroup that does not exist is a failure`() {
        let failure = #expect(throws: Failure.self) {
            try Cgroup.move(pid: Process.id, toShimCgroup: "/swiftrunc-none-\(Process.randomName())")
        }
        #expect(failure?.errno == Errno.noEntry)
    }

    @Test(.enabled(if: Hierarchy.mode() != .unavailable))
    func `processes of real cgroups are found, those below too`() throws {
        let name = "/swiftrunc-\(Process.randomName())"
        let roots =
            Hierarchy.mode() == .unified
            ? ["/sys/fs/cgroup"] : ["pids", "systemd"].map { "/sys/fs/cgroup/\($0)" }.filter { Files.isDirectory($0) }
        for root in roots { try Files.makeDirectories("\(root)\(name)/below", mode: 0o755) }
        let children = try (0..<2).map { _ in try Sleeper() }
        defer {
            for child in children { child.end() }
            for root in roots { Files.removeDirectory("\(root)\(name)/below") }
            for root in roots { Files.removeDirectory("\(root)\(name)") }
        }
        try Cgroup.move(pid: children[0].pid, toShimCgroup: name)
        try Cgroup.move(pid: children[1].pid, toShimCgroup: "\(name)/below")

        let cgroup = try #require(Cgroup.of(pid: children[0].pid))
        #expect(cgroup.path.hasSuffix(name))
        #expect(cgroup.processes() == children.map(\.pid))
        switch try #require(cgroup.metrics()) {
        case .unified(let metrics): #expect(metrics.pids.current == 0 || metrics.pids.current == 2)
        case .legacy(let metrics): #expect(metrics.pids == Metrics.Pids(current: 2, limit: 0))
        }
        children[1].end()
        #expect(cgroup.processes() == [children[0].pid])
        #expect(Cgroup.of(pid: children[0].pid) == cgroup)
    }
}

/// A child that does nothing until it is ended.
private final class Sleeper {
    private let child: Child
    private var ended = false

    init() throws { child = try Child(starting: Program("/bin/sleep", ["600"]), descriptors: [0, 1, 2]) }

    var pid: Int32 { child.pid }

    /// Whether nobody has killed it.
    var isLeftAlone: Bool { ProcessStatus(of: pid).map { !$0.isKilled && $0.state != "Z" } ?? false }

    /// How it ends; nil if it does not.
    func status() -> UInt32? {
        for _ in 0..<1000 {
            if let exit = try? child.reap() {
                ended = true
                return exit.status
            }
            Process.sleep(milliseconds: 10)
        }
        return nil
    }

    func end() {
        guard !ended else { return }
        ended = true
        try? child.kill()
        while (try? child.reap()) == .some(nil) { _ = clinux_poll(child.pidfd.raw, UInt32(CLINUX_IN)) }
    }
}

struct CgroupKillTests {
    @Test(arguments: [
        "/", "/sys/fs/cgroup", "/sys/fs/cgroup/", "/sys/fs/cgroup/../cgroup/x/y", "/tmp", "/sys/fs/cgroup/no/such",
        "relative", "",
    ])
    func `what is no container's cgroup is not taken for one`(_ path: String) { #expect(Cgroup(at: path) == nil) }

    @Test func `neither is a whole hierarchy`() throws {
        guard Hierarchy.mode() == .hybrid || Hierarchy.mode() == .legacy else { return }
        for mount in try Hierarchy.legacyMounts() { #expect(Cgroup(at: mount.mountPoint) == nil) }
    }

    @Test func `a large cgroup is read once for each batch, and all of it is killed`() throws {
        let children = try (0..<2).map { _ in try Sleeper() }
        defer { for child in children { child.end() } }
        let pids = Array(repeating: children[0].pid, count: Cgroup.batchSize * 3) + [children[1].pid]
        var count = 0
        Cgroup.killAll {
            count += 1
            return pids
        }
        #expect(count == 5)
        for child in children { #expect(child.status() == 137) }
    }

    @Test func `a number that is not in it any more once its process is held is another's`() throws {
        let child = try Sleeper()
        defer { child.end() }
        var readings: [[Int32]?] = [[child.pid], []]
        Cgroup.killAll { readings.removeFirst() }
        #expect(readings == [])
        #expect(child.isLeftAlone)
        readings = [[child.pid], nil]
        Cgroup.killAll { readings.removeFirst() }
        #expect(child.isLeftAlone)
    }

    @Test(.enabled(if: Files.exists("/sys/fs/cgroup/freezer/cgroup.procs") && Process.isSuperuser))
    func `in version 1 what was frozen is killed and goes on, wherever it is`() throws {
        let name = "/swiftrunc-\(Process.randomName())"
        let directories = ["freezer", "pids"].map { "/sys/fs/cgroup/\($0)\(name)" }
        for directory in directories { try Files.makeDirectory(directory, mode: 0o755) }
        let children = try (0..<2).map { _ in try Sleeper() }
        defer {
            for child in children { child.end() }
            for directory in directories { Files.removeDirectory(directory) }
        }
        try Cgroup.move(pid: children[0].pid, toShimCgroup: name)
        // Not in the freezer's.
        try Files.write("\(children[1].pid)", toExisting: "\(directories[1])/cgroup.procs")
        try Files.write("FROZEN", toExisting: "\(directories[0])/freezer.state")
        Cgroup(path: directories[1], version: .legacy, elsewhere: []).kill()
        for child in children { #expect(child.status() == 137) }
        #expect(try Files.text("\(directories[0])/freezer.state") == "THAWED\n")
    }
}
