import Linux
import Reactor
import Testing
import _Concurrency

@testable import Cgroups

/// On files that stay as they are written, and on a real cgroup of version 1 where there is one. That the
/// kernel kills is for the integration cases.
@Loop
struct OOMWatchTests {
    private final class Record {
        var told = 0
    }

    private let record = Record()

    private func reading(_ order: OOMCount.Order, _ text: String) throws -> OOMCount.Reading {
        let scratch = try Scratch(["file": text])
        let file = try FileDescriptor(opening: "\(scratch.path)/file", .readOnly)
        var scanner = FileScanner()
        // Twice: the second time from the beginning again.
        for _ in 0..<2 {
            let isRead = scanner.open(file)
            #expect(isRead)
        }
        return OOMCount.Reading(order, &scanner)
    }

    @Test func `version 2 counts oom_kill, not oom`() throws {
        let text = "low 0\nhigh 1\nmax 2\noom 3\noom_kill 4\noom_group_kill 5\nsock_throttled 6\n"
        #expect(try reading(.countedThenTold, text) == OOMCount.Reading(kills: 4))
        #expect(try reading(.countedThenTold, "low 0\n") == OOMCount.Reading(kills: 0))
    }

    @Test(arguments: [("0", "1", false), ("1", "0", false), ("1", "1", true)])
    func `version 1 counts oom_kill, and is stuck without a killer`(
        disabled: String, under: String, isStuck: Bool
    ) throws {
        let text = "oom_kill_disable \(disabled)\nunder_oom \(under)\noom_kill 7\n"
        #expect(try reading(.toldThenCounted, text) == OOMCount.Reading(kills: 7, isStuck: isStuck))
    }

    @Test func `in version 1 those below are counted that have kills, at any depth`() throws {
        func control(_ kills: Int) -> String { "oom_kill_disable 0\nunder_oom 0\noom_kill \(kills)\n" }
        let scratch = try Scratch([
            "memory.oom_control": control(9), "a/memory.oom_control": control(1), "b/memory.oom_control": control(0),
            "b/c/memory.oom_control": control(3), "d/other": "",
        ])
        #expect(OOMWatch.readBelow(scratch.path)?.map { $0.kills }.sorted() == [1, 3])
        #expect(OOMWatch.readBelow("\(scratch.path)/none") == [])
    }

    @Test func `only one that is gone has no kills; what cannot be read makes all of them unknown`() throws {
        let control = "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n"
        let scratch = try Scratch(["a/memory.oom_control": control, "b/c/memory.oom_control/file": ""])
        #expect(OOMWatch.readBelow("\(scratch.path)/a") == [])
        // read(2) of a directory is EISDIR.
        #expect(OOMWatch.readBelow("\(scratch.path)/b") == nil)
        #expect(OOMWatch.readBelow(scratch.path) == nil)
        // ENAMETOOLONG
        #expect(OOMWatch.readBelow("\(scratch.path)/\(String(repeating: "x", count: 300))") == nil)
    }

    @Test func `only what is in a scope is in a slice that may outlive it`() {
        let slice = "/sys/fs/cgroup/system.slice"
        #expect(SliceWatch.slice(of: "\(slice)/web.scope") == slice)
        #expect(SliceWatch.slice(of: "\(slice)/web.scope/container") == slice)
        #expect(SliceWatch.slice(of: "/sys/fs/cgroup/init.scope") == "/sys/fs/cgroup")
        #expect(SliceWatch.slice(of: "/sys/fs/cgroup/default/web") == nil)
        #expect(SliceWatch.slice(of: "\(slice)/web.service") == nil)
    }

    @Test func `without the memory controller there is nothing to watch`() throws {
        let scratch = try Scratch()
        let missing = Cgroup.Exception(controller: .memory, directory: "")
        for cgroup in [
            Cgroup(path: scratch.path, version: .unified, elsewhere: []),
            Cgroup(path: "/sys/fs/cgroup/pids/none", version: .legacy, elsewhere: [missing]),
            Cgroup(path: "/sys/fs/cgroup/pids/none", version: .legacy, elsewhere: []),
        ] {
            #expect(throws: Failure.self) { _ = try OOMWatch.begin(cgroup, countsEarlier: false) {} }
        }
    }

    @Test func `a cgroup that is removed is not told, and ends the watch`() async throws {
        let memory = "/sys/fs/cgroup/memory"
        guard Files.exists("\(memory)/memory.oom_control"), Process.isSuperuser else { return }
        let name = "swiftrunc-\(Process.randomName())"
        try Files.makeDirectory("\(memory)/\(name)", mode: 0o755)
        defer { Files.removeDirectory("\(memory)/\(name)") }
        let cgroup = Cgroup(path: "\(memory)/\(name)", version: .legacy, elsewhere: [])
        let watch = try OOMWatch.begin(cgroup, countsEarlier: true) { [record] in record.told += 1 }
        watch.look()
        #expect(watch.isWatching)
        Files.removeDirectory("\(memory)/\(name)")
        for _ in 0..<200 where watch.isWatching { await Reactor.shared.sleep(.milliseconds(5)) }
        #expect(!watch.isWatching)
        watch.look()
        watch.cancel()
        #expect(record.told == 0)
    }
}
