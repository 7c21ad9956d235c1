import Linux
import Testing

@testable import Cgroups

struct ExecCgroupTests {
    @Test func `in version 2 it is a directory below the container's`() throws {
        let scratch = try Scratch()
        let container = Cgroup(path: scratch.path, version: .unified, elsewhere: [])
        let cgroup = try ExecCgroup(below: container)
        let other = try ExecCgroup(below: container)
        #expect(cgroup.path == "\(scratch.path)/\(cgroup.argument)")
        #expect(cgroup.argument.hasPrefix("exec-"))
        #expect(cgroup != other)
        #expect(Files.isDirectory(cgroup.path))
        #expect(cgroup.processes == [])
        #expect(cgroup.remove())
        #expect(!Files.isDirectory(cgroup.path))
        #expect(cgroup.remove())
        #expect(other.remove())
    }

    @Test func `what was made below it goes with it`() throws {
        let scratch = try Scratch()
        let cgroup = try ExecCgroup(below: Cgroup(path: scratch.path, version: .unified, elsewhere: []))
        try Files.makeDirectories("\(cgroup.path)/a/b", mode: 0o755)
        #expect(cgroup.remove())
        #expect(!Files.isDirectory(cgroup.path))
    }

    @Test func `one that is in use stays`() throws {
        let scratch = try Scratch()
        let cgroup = try ExecCgroup(below: Cgroup(path: scratch.path, version: .unified, elsewhere: []))
        let file = "\(cgroup.path)/cgroup.procs"
        try Files.writeAtomically(Array("12\n13\n".utf8), to: file)
        #expect(cgroup.processes == [12, 13])
        #expect(!cgroup.remove())
        Files.remove(file)
        #expect(cgroup.remove())
    }

    @Test func `without a hierarchy for it, it is refused`() {
        let container = Cgroup(path: "/sys/fs/cgroup/devices/no/such/cgroup", version: .legacy, elsewhere: [])
        let failure = #expect(throws: Failure.self) { try ExecCgroup(below: container) }
        #expect(failure?.kind == .failedPrecondition)
    }
}
