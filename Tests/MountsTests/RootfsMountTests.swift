import CLinux
import Linux
import Testing

@testable import Mounts

/// On a tmpfs of the test's own.
struct RootfsMountTests {
    private let scratch: Scratch
    private let rootfs: String
    private let memory = Mount(type: "tmpfs", source: "tmpfs", options: ["size=64k", "nosuid"])

    init() throws {
        scratch = try Scratch()
        rootfs = try scratch.directory("rootfs")
    }

    private func mount(_ mounts: [Mount]) throws(Failure) {
        let guardian = try RootfsMount(mounting: mounts, at: rootfs)
        guardian.keep()
    }

    private func canWrite(_ path: String) -> Bool { (try? Files.writeAtomically([1], to: path)) != nil }

    @Test func `what is kept stays mounted, in order`() throws {
        let lower = try scratch.directory("lower/inner")
        try mount([
            Mount(type: "bind", source: Paths.parent(of: lower), options: ["rbind"]),
            Mount(type: "tmpfs", source: "tmpfs", target: "/inner", options: ["size=64k"]),
        ])
        #expect(try scratch.mounted() == ["rootfs", "rootfs/inner"])
        #expect(canWrite("\(rootfs)/inner/file"))
        #expect(!Files.exists("\(lower)/file"))
    }

    @Test func `what is dropped is unmounted, with all that came on top`() throws {
        do {
            let guardian = try RootfsMount(mounting: [memory], at: rootfs)
            let inner = try scratch.directory("rootfs/a b")
            try FileSystem.mount(source: "tmpfs", target: inner, type: "tmpfs", flags: [], data: "")
            #expect(try scratch.mounted() == ["rootfs", "rootfs/a b"])
            _ = guardian
        }
        #expect(try scratch.mounted() == [])
    }

    @Test func `no mounts are nothing to undo`() throws {
        try FileSystem.mount(source: "tmpfs", target: rootfs, type: "tmpfs", flags: [], data: "")
        do { _ = try RootfsMount(mounting: [], at: rootfs) }
        #expect(try scratch.mounted() == ["rootfs"])
    }

    @Test func `after a failure nothing is mounted, and it says which mount it was`() throws {
        let wrong = Mount(type: "tmpfs", source: "src", options: ["ro", "nonsense=1", "x"])
        let failure = #expect(throws: Failure.self) { try mount([memory, wrong]) }
        #expect(
            failure?.message == "failed to mount rootfs component: mount source: \"src\", target: \"\(rootfs)\", "
                + "fstype: tmpfs, flags: 0x1, data: \"nonsense=1,x\", err: invalid argument")
        #expect(failure?.errno == Errno.invalid)
        #expect(try scratch.mounted() == [])
    }

    @Test func `a bind mount can be read-only while its source is not`() throws {
        let source = try scratch.directory("source")
        try mount([Mount(type: "bind", source: source, options: ["rbind", "ro"])])
        #expect(!canWrite("\(rootfs)/file"))
        #expect(canWrite("\(source)/file"))
        #expect(Files.exists("\(rootfs)/file"))
    }

    @Test func `a remount changes what is there`() throws {
        try mount([memory])
        #expect(canWrite("\(rootfs)/file"))
        try mount([Mount(type: "tmpfs", source: "tmpfs", options: ["remount", "ro", "size=64k"])])
        #expect(!canWrite("\(rootfs)/other"))
        try mount([Mount(type: "tmpfs", source: "tmpfs", options: ["remount", "rw"])])
        #expect(canWrite("\(rootfs)/other"))
        #expect(try scratch.mounted() == ["rootfs"])
    }

    @Test func `propagation is set by a call of its own`() throws {
        try mount([Mount(type: "tmpfs", source: "tmpfs", options: ["shared"])])
        let line = try Files.text("/proc/self/mountinfo").split(separator: "\n").first { $0.contains(" \(rootfs) ") }
        #expect(line?.contains(" shared:") == true)
    }

    @Test func `an overlay gets its directories`() throws {
        let (lower, upper, work) = try (
            scratch.directory("lower"), scratch.directory("upper"), scratch.directory("work")
        )
        try Files.writeAtomically([1], to: "\(lower)/below")
        try mount([
            Mount(
                type: "overlay", source: "overlay",
                options: ["workdir=\(work)", "upperdir=\(upper)", "lowerdir=\(lower)"])
        ])
        #expect(Files.exists("\(rootfs)/below"))
        #expect(canWrite("\(rootfs)/above"))
        #expect(Files.exists("\(upper)/above"))
    }

    @Test func `no symlink leads a target out of the rootfs`() throws {
        let outside = try scratch.directory("outside")
        _ = try scratch.directory("rootfs\(outside)")
        let target = Program("/bin/ln", ["-s", outside, "\(rootfs)/link"])
        let linker = try Child(starting: target, descriptors: [0, 1, 2])
        while try linker.reap() == nil { _ = clinux_poll(linker.pidfd.raw, UInt32(CLINUX_IN)) }
        try mount([Mount(type: "tmpfs", source: "tmpfs", target: "../../link")])
        #expect(try scratch.mounted() == ["rootfs\(outside)"])
    }

    @Test func `a target that does not exist is a failure`() throws {
        var inner = memory
        inner.target = "none"
        let failure = #expect(throws: Failure.self) { try mount([memory, inner]) }
        #expect(
            failure?.message == "failed to mount rootfs component: open none in \(rootfs): no such file or directory")
        #expect(try scratch.mounted() == [])
    }

    @Test func `options must fit in a page`() throws {
        let long = String(repeating: "x", count: FileSystem.pageSize)
        #expect(throws: Failure(.invalidArgument, "failed to mount rootfs component: mount options is too long")) {
            try mount([Mount(type: "tmpfs", source: "tmpfs", options: [long])])
        }
        let overlay = #expect(throws: Failure.self) {
            try mount([Mount(type: "overlay", source: "overlay", options: ["lowerdir=\(long)"])])
        }
        #expect(overlay?.kind == .unimplemented)
    }

    @Test(arguments: ["fuse.sshfs", "fuse3.sshfs"])
    func `a file system of another program's is not there yet`(type: String) {
        let failure = #expect(throws: Failure.self) { try mount([Mount(type: type, source: "x")]) }
        #expect(failure?.kind == .unimplemented)
    }
}
