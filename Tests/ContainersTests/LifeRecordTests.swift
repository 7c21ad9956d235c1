import Cgroups
import Linux
import Testing

@testable import Containers

struct LifeRecordTests {
    private let whole = """
        swiftrunc life 1
        container c1
        boot 6a0f
        process 1234 567890
        cgroup 27:99 /sys/fs/cgroup/pids/a b/c1
        exit 7 1700000000 123456789

        """

    private func parsed(_ text: String) -> LifeRecord? {
        do throws(Failure) { return try LifeRecord(parsing: Array(text.utf8)) } catch { return nil }
    }

    @Test func `what is written is read`() throws {
        let record = try #require(parsed(whole))
        #expect(record.id == "c1")
        #expect(record.boot == "6a0f")
        #expect(record.process == ProcessIdentity(pid: 1234, start: 567_890))
        #expect(record.cgroup == LifeRecord.Place(path: "/sys/fs/cgroup/pids/a b/c1", identity: "27:99"))
        #expect(record.exit == Exit(status: 7, time: Timestamp(seconds: 1_700_000_000, nanoseconds: 123_456_789)))
        #expect(record.text == whole)
    }

    @Test func `an end alone is a record`() throws {
        let exit = Exit(status: 0, time: .never)
        let record = try #require(parsed(LifeRecord("c1", exit).text))
        #expect(record.exit == exit)
        #expect(record.process == nil)
        #expect(record.cgroup == nil)
    }

    @Test func `of one that was reaped the number is not recorded, for it may be another's`() {
        let cgroup = Cgroup.of(pid: Process.id)
        let record = LifeRecord("c1", pid: nil, cgroup: cgroup)
        #expect(record.process == nil)
        #expect(record.cgroup == nil)
        #expect(record.exit == nil)
        #expect(LifeRecord("c1", pid: Process.id, cgroup: nil).process != nil)
    }

    @Test func `a line that was cut off is not there`() throws {
        for count in 1..."exit 7 1700000000 123456789\n".utf8.count {
            let record = try #require(parsed(String(whole.dropLast(count))))
            #expect(record.exit == nil)
            #expect(record.process != nil)
        }
    }

    @Test func `of several ends the first counts`() {
        #expect(parsed(whole + "exit 9 1 2\n")?.exit?.status == 7)
    }

    @Test(arguments: [
        "", "\n", "\0\0\0\0", "swiftrunc life 1", "swiftrunc life 2\ncontainer c1\n", "swiftrunc life 1\nwhat 1\n",
        "swiftrunc life 1\n\n", "swiftrunc life 1\nprocess 1\n", "swiftrunc life 1\nprocess 0 1\n",
        "swiftrunc life 1\nprocess -5 1\n", "swiftrunc life 1\ncgroup /x\n", "swiftrunc life 1\nexit 7 1\n",
        "swiftrunc life 1\nexit -1 1 1\n", "swiftrunc life 1\nexit 7 1 1000000000\n",
        "swiftrunc life 1\nexit 7 1 1 1\n", "{}\n",
    ])
    func `what is damaged is no record`(_ text: String) { #expect(parsed(text) == nil) }

    @Test func `it is another container's, or another boot's`() throws {
        let directory = "\(Process.environment("TMPDIR") ?? "/tmp")/life-\(Process.randomName())"
        try Files.makeDirectory(directory, mode: 0o700)
        defer { Files.removeTree(directory) }
        #expect(LifeRecord(of: "c1", in: directory) == nil)
        try Files.writeAtomically(Array(whole.utf8), to: LifeRecord.path(in: directory))
        #expect(LifeRecord(of: "c2", in: directory) == nil)
        let record = try #require(LifeRecord(of: "c1", in: directory))
        #expect(record.exit?.status == 7)
        #expect(record.process == nil)
        #expect(record.cgroup == nil)
    }

    @Test func `an end is added to a life, or stands alone`() throws {
        let directory = "\(Process.environment("TMPDIR") ?? "/tmp")/life-\(Process.randomName())"
        try Files.makeDirectory(directory, mode: 0o700)
        defer { Files.removeTree(directory) }
        let exit = Exit(status: 3, time: Timestamp(seconds: 5, nanoseconds: 6))
        try LifeRecord.add(exit, of: "c1", in: directory)
        #expect(LifeRecord(of: "c1", in: directory)?.exit == exit)
        LifeRecord.remove(from: directory)
        try LifeRecord("c1", pid: Process.id, cgroup: nil).write(in: directory)
        try LifeRecord.add(exit, of: "c1", in: directory)
        let record = try #require(LifeRecord(of: "c1", in: directory))
        #expect(record.exit == exit)
        #expect(record.process == ProcessIdentity(of: Process.id))
        #expect(record.process?.isAlive == true)
    }

    @Test func `where nothing can be written, that is a failure`() {
        #expect(throws: Failure.self) {
            try LifeRecord.add(Exit(status: 0, time: .never), of: "c1", in: "/no/such/bundle")
        }
    }
}

struct RemainsTests {
    @Test(arguments: ["/sys/fs/cgroup/x/c1", "/a/c1.scope", "/a/cri-c1.scope", "/a/x-c1.scope/container"])
    func `a cgroup is named after its container`(_ path: String) { #expect(Remains.isNamed(path, after: "c1")) }

    @Test(arguments: ["/sys/fs/cgroup/c1/x", "/a/c11", "/a/xc1", "/a/xc1.scope", "/c1.service", "/container"])
    func `others are not`(_ path: String) { #expect(!Remains.isNamed(path, after: "c1")) }

    @Test func `nobody is left of what is not known`() {
        let remains = Remains(of: "no-such-container", pid: Process.id)
        #expect(!remains.isAlive)
        #expect(!remains.isLeft)
        #expect(remains.end(by: 0))
    }

    @Test func `a process that began at another time is another`() throws {
        let ours = try #require(ProcessIdentity(of: Process.id))
        let other = ProcessIdentity(pid: ours.pid, start: ours.start + 1)
        #expect(ours.isAlive)
        #expect(!other.isAlive)
        #expect(throws: Failure.self) { try other.kill() }
    }
}
