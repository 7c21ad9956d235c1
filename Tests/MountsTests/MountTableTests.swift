import CLinux
import Linux
import Testing

@testable import Mounts

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

    @Test func `everything below goes, whatever its depth, number and name`() throws {
        let names = ["rootfs", "rootfs", "rootfs/a b\\c", "rootfs/a b\\c/deep", "rootfs/z", "rootfs/z"]
        for name in names { try mount(name) }
        try mount("rootfs-other")
        #expect(try scratch.mounted().count == 7)
        #expect(try !MountTable.unmountAll(below: rootfs))
        #expect(try scratch.mounted() == ["rootfs-other"])
    }

    @Test func `what is in use is told, and goes when it is not or when it must`() throws {
        try mount("rootfs")
        let file = try FileDescriptor(opening: "\(rootfs)/file", [.writeOnly, .create])
        #expect(try MountTable.unmountAll(below: rootfs))
        #expect(try scratch.mounted() == ["rootfs"])
        #expect(try !MountTable.unmountAll(below: rootfs, detach: true))
        #expect(try scratch.mounted() == [])
        #expect(try file.write([1]) == 1)
    }

    @Test func `a missing path has nothing mounted`() throws {
        #expect(try !MountTable.unmountAll(below: "\(scratch.path)/none"))
        #expect(try !MountTable.unmountAll(below: rootfs))
    }

    @Test func `a path is followed to what it names`() throws {
        try mount("rootfs")
        #expect(try !MountTable.unmountAll(below: "\(scratch.path)/./rootfs/../rootfs"))
        #expect(try scratch.mounted() == [])
    }

    @Test func `an unmount follows no symlink`() throws {
        try mount("outside/in")
        let target = Program("/bin/ln", ["-s", "\(scratch.path)/outside", "\(rootfs)/link"])
        let linker = try Child(starting: target, descriptors: [0, 1, 2])
        while try linker.reap() == nil { _ = clinux_poll(linker.pidfd.raw, UInt32(CLINUX_IN)) }
        for path in ["\(rootfs)/link/in", "\(rootfs)/link"] {
            let failure = #expect(throws: Failure.self) { try FileSystem.unmountExactly(path, detach: true) }
            #expect(failure?.errno == (path.hasSuffix("in") ? Errno.tooManyLinks : Errno.invalid))
        }
        #expect(try scratch.mounted() == ["outside/in"])
        try FileSystem.unmountExactly("\(scratch.path)/outside/in", detach: false)
        #expect(try scratch.mounted() == [])
    }

    @Test func `the longest comes first and each once`() {
        let mounts = ["/r", "/r/a", "/r/a/b", "/r/a", "/r/c"].map {
            MountInfo(root: "/", mountPoint: Array($0.utf8), type: "tmpfs", superOptions: "rw")
        }
        let points = MountTable.mountPoints(mounts)
        #expect(points.first == "/r/a/b")
        #expect(points.last == "/r")
        #expect(points.sorted() == ["/r", "/r/a", "/r/a/b", "/r/c"])
    }

    @Test func `below is by components`() {
        #expect(MountTable.isBelow("/r", "/r"))
        #expect(MountTable.isBelow("/r/a", "/r"))
        #expect(!MountTable.isBelow("/rest", "/r"))
        #expect(!MountTable.isBelow("/", "/r"))
    }
}
