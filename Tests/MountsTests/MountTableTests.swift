import CLinux
import Linux
import Reactor
import Testing

@testable import Mounts

@Loop
struct MountTableTests {
    private let scratch: Scratch
    private let rootfs: String

    init() throws {
        scratch = try Scratch()
        rootfs = try scratch.directory("rootfs")
    }

    private func mount(_ name: String) throws {
        try FileSystem.mount(
            source: "", target: try scratch.directory(name), type: "tmpfs", flags: [], data: "size=64k")
    }

    private func run(_ program: Program) throws {
        let child = try Child(starting: program, descriptors: [0, 1, 2])
        while try child.reap() == nil { _ = clinux_poll(child.pidfd.raw, UInt32(CLINUX_IN)) }
    }

    @Test func `everything below goes, whatever its depth, number and name`() async throws {
        let names = ["rootfs", "rootfs", "rootfs/a b\\c", "rootfs/a b\\c/deep", "rootfs/z", "rootfs/z"]
        for name in names { try mount(name) }
        try mount("rootfs-other")
        #expect(try scratch.mounted().count == 7)
        #expect(try await !MountTable.unmountAll(below: rootfs))
        #expect(try scratch.mounted() == ["rootfs-other"])
    }

    @Test func `what is in use is told, and goes when it is not or when it must`() async throws {
        try mount("rootfs")
        let file = try FileDescriptor(opening: "\(rootfs)/file", [.writeOnly, .create])
        #expect(try await MountTable.unmountAll(below: rootfs))
        #expect(try scratch.mounted() == ["rootfs"])
        #expect(try await !MountTable.unmountAll(below: rootfs, detach: true))
        #expect(try scratch.mounted() == [])
        #expect(try file.write([1]) == 1)
    }

    @Test func `a missing path has nothing mounted`() async throws {
        #expect(try await !MountTable.unmountAll(below: "\(scratch.path)/none"))
        #expect(try await !MountTable.unmountAll(below: rootfs))
    }

    @Test func `a path is followed to what it names`() async throws {
        try mount("rootfs")
        #expect(try await !MountTable.unmountAll(below: "\(scratch.path)/./rootfs/../rootfs"))
        #expect(try scratch.mounted() == [])
    }

    @Test func `an unmount follows no symlink`() throws {
        try mount("outside/in")
        try run(Program("/bin/ln", ["-s", "\(scratch.path)/outside", "\(rootfs)/link"]))
        for path in ["\(rootfs)/link/in", "\(rootfs)/link"] {
            let errno = FileSystem.unmountAll(at: Array(path.utf8), detach: true)
            #expect(errno == (path.hasSuffix("in") ? Errno.tooManyLinks : Errno.invalid))
        }
        #expect(try scratch.mounted() == ["outside/in"])
        #expect(
            FileSystem.unmountAll(at: Array("\(scratch.path)/outside/in".utf8), detach: false) == Errno.invalid)
        #expect(try scratch.mounted() == [])
    }

    @Test func `a name that is no text is the name of a directory all the same`() async throws {
        try mount("rootfs")
        let shell = Program(
            "/bin/sh", ["-c", "mkdir \(rootfs)/$(printf 'x\\377') && mount -t tmpfs none \(rootfs)/x*"])
        try run(shell)
        #expect(try scratch.mounted().count == 2)
        #expect(try await !MountTable.unmountAll(below: rootfs))
        #expect(try scratch.mounted() == [])
    }

    private static func unmount(_ point: [UInt8]) async throws -> Int32? {
        try await Child { FileSystem.unmountAll(at: point, detach: false) }.errno()
    }

    @Test func `a child that unmounts says what came of it`() async throws {
        try mount("rootfs")
        let point = Array(rootfs.utf8)
        do {
            let file = try FileDescriptor(opening: "\(rootfs)/file", [.writeOnly, .create])
            #expect(try await Self.unmount(point) == Errno.busy)
            _ = consume file
        }
        #expect(try await Self.unmount(point) == Errno.invalid)
        #expect(try scratch.mounted() == [])
        #expect(try await Self.unmount(point + Array("/none/x".utf8)) == Errno.noEntry)
    }

    @Test func `what a child fails with is the failure here, and nothing else of it is seen`() async throws {
        let directory = try Paths.workingDirectory()
        try await Apart.run { () throws(Failure) in try Process.changeDirectory("/proc") }
        #expect(try Paths.workingDirectory() == directory)
        func said(_ failure: Failure) async -> Failure? {
            await #expect(throws: Failure.self) { try await Apart.run { () throws(Failure) in throw failure } }
        }
        for failure in [Failure(.invalidArgument, "no"), Failure(.unknown, errno: Errno.refused, "é")] {
            #expect(await said(failure) == failure)
        }
        let cut = await said(Failure(.notFound, String(repeating: "x", count: 70000)))
        #expect(cut?.kind == .notFound)
        #expect(cut?.message.utf8.count ?? 0 > 4000)
        let killed = await #expect(throws: Failure.self) {
            try await Apart.run { () throws(Failure) in try ForeignProcess(Process.id).kill() }
        }
        #expect(killed?.errno == Errno.interrupted)
    }

    @Test func `the longest comes first and each once`() {
        let mounts = ["/r", "/r/a", "/r/a/b", "/r/a", "/r/c"].map {
            MountInfo(root: "/", mountPoint: Array($0.utf8), type: "tmpfs", superOptions: "rw")
        }
        let points = MountTable.mountPoints(mounts).map { String(decoding: $0, as: UTF8.self) }
        #expect(points.first == "/r/a/b")
        #expect(points.last == "/r")
        #expect(points.sorted() == ["/r", "/r/a", "/r/a/b", "/r/c"])
    }

    @Test(arguments: [
        ("/r", "/r", true), ("/r/a", "/r", true), ("/rest", "/r", false), ("/", "/r", false), ("/r", "/", true),
    ])
    func `below is by components`(path: String, root: String, isBelow: Bool) {
        #expect(MountTable.isBelow(Array(path.utf8), Array(root.utf8)) == isBelow)
    }
}
