import CLinux
import Linux
import Reactor
import Testing

@testable import Mounts

/// On a tmpfs of the test's own.
@Loop
struct RootfsMountTests {
    private let scratch: Scratch
    private let rootfs: String
    private let memory = Mount(type: "tmpfs", source: "tmpfs", options: ["size=64k", "nosuid"])

    init() throws {
        scratch = try Scratch()
        rootfs = try scratch.directory("rootfs")
    }

    private func mount(_ mounts: [Mount]) async throws(Failure) {
        let guardian = try await RootfsMount(mounting: mounts, at: rootfs)
        guardian.keep()
    }

    private func canWrite(_ path: String) -> Bool { (try? Files.writeAtomically([1], to: path)) != nil }

    @Test func `what is kept stays mounted, in order`() async throws {
        let lower = try scratch.directory("lower/inner")
        try await mount([
            Mount(type: "bind", source: Paths.parent(of: lower), options: ["rbind"]),
            Mount(type: "tmpfs", source: "tmpfs", target: "/inner", options: ["size=64k"]),
        ])
        #expect(try scratch.mounted() == ["rootfs", "rootfs/inner"])
        #expect(canWrite("\(rootfs)/inner/file"))
        #expect(!Files.exists("\(lower)/file"))
    }

    @Test func `what is undone is unmounted, with all that came on top`() async throws {
        let guardian = try await RootfsMount(mounting: [memory], at: rootfs)
        let inner = try scratch.directory("rootfs/a b")
        try FileSystem.mount(source: "tmpfs", target: inner, type: "tmpfs", flags: [], data: "")
        #expect(try scratch.mounted() == ["rootfs", "rootfs/a b"])
        await guardian.undo()
        #expect(try scratch.mounted() == [])
    }

    @Test func `what is dropped is unmounted soon`() async throws {
        do { _ = try await RootfsMount(mounting: [memory], at: rootfs) }
        while try scratch.mounted() != [] { await Reactor.shared.sleep(.milliseconds(1)) }
    }

    @Test func `no mounts are nothing to undo`() async throws {
        try FileSystem.mount(source: "tmpfs", target: rootfs, type: "tmpfs", flags: [], data: "")
        await (try RootfsMount(mounting: [], at: rootfs)).undo()
        #expect(try scratch.mounted() == ["rootfs"])
    }

    @Test func `after a failure nothing is mounted, and it says which mount it was`() async throws {
        let wrong = Mount(type: "tmpfs", source: "src", options: ["ro", "nonsense=1", "x"])
        let failure = await #expect(throws: Failure.self) { try await mount([memory, wrong]) }
        #expect(
            failure?.message == "failed to mount rootfs component: mount source: \"src\", target: \"\(rootfs)\", "
                + "fstype: tmpfs, flags: 0x1, data: \"nonsense=1,x\", err: invalid argument")
        #expect(failure?.errno == Errno.invalid)
        #expect(try scratch.mounted() == [])
    }

    @Test func `a bind mount can be read-only while its source is not`() async throws {
        let source = try scratch.directory("source")
        try await mount([Mount(type: "bind", source: source, options: ["rbind", "ro"])])
        #expect(!canWrite("\(rootfs)/file"))
        #expect(canWrite("\(source)/file"))
        #expect(Files.exists("\(rootfs)/file"))
    }

    @Test func `a remount changes what is there`() async throws {
        try await mount([memory])
        #expect(canWrite("\(rootfs)/file"))
        try await mount([Mount(type: "tmpfs", source: "tmpfs", options: ["remount", "ro", "size=64k"])])
        #expect(!canWrite("\(rootfs)/other"))
        try await mount([Mount(type: "tmpfs", source: "tmpfs", options: ["remount", "rw"])])
        #expect(canWrite("\(rootfs)/other"))
        #expect(try scratch.mounted() == ["rootfs"])
    }

    @Test func `propagation is set by a call of its own`() async throws {
        try await mount([Mount(type: "tmpfs", source: "tmpfs", options: ["shared"])])
        let line = try Files.text("/proc/self/mountinfo").split(separator: "\n").first { $0.contains(" \(rootfs) ") }
        #expect(line?.contains(" shared:") == true)
    }

    @Test func `an overlay gets its directories`() async throws {
        let (lower, upper, work) = try (
            scratch.directory("lower"), scratch.directory("upper"), scratch.directory("work")
        )
        try Files.writeAtomically([1], to: "\(lower)/below")
        try await mount([
            Mount(
                type: "overlay", source: "overlay",
                options: ["workdir=\(work)", "upperdir=\(upper)", "lowerdir=\(lower)"])
        ])
        #expect(Files.exists("\(rootfs)/below"))
        #expect(canWrite("\(rootfs)/above"))
        #expect(Files.exists("\(upper)/above"))
    }

    @Test func `no symlink leads a target out of the rootfs`() async throws {
        let outside = try scratch.directory("outside")
        _ = try scratch.directory("rootfs\(outside)")
        let target = Program("/bin/ln", ["-s", outside, "\(rootfs)/link"])
        let linker = try Child(starting: target, descriptors: [0, 1, 2])
        while try linker.reap() == nil { _ = clinux_poll(linker.pidfd.raw, UInt32(CLINUX_IN)) }
        try await mount([Mount(type: "tmpfs", source: "tmpfs", target: "../../link")])
        #expect(try scratch.mounted() == ["rootfs\(outside)"])
    }

    @Test func `a target that does not exist is a failure`() async throws {
        var inner = memory
        inner.target = "none"
        let failure = await #expect(throws: Failure.self) { try await mount([memory, inner]) }
        #expect(failure?.message.hasSuffix("err: open none in \(rootfs): no such file or directory") == true)
        #expect(try scratch.mounted() == [])
    }

    @Test func `what is below the rootfs can be read-only, and have a propagation of its own`() async throws {
        let source = try scratch.directory("source")
        _ = try scratch.directory("source/inner")
        try await mount([
            Mount(type: "bind", source: source, options: ["rbind"]),
            Mount(type: "bind", source: source, target: "inner", options: ["rbind", "ro", "rshared"]),
        ])
        #expect(canWrite("\(rootfs)/file"))
        #expect(!canWrite("\(rootfs)/inner/other"))
        let lines = try Files.text("/proc/self/mountinfo").split(separator: "\n")
        #expect(lines.first { $0.contains(" \(rootfs)/inner ") }?.contains(" shared:") == true)
    }

    @Test func `options must fit in a page`() async throws {
        let long = String(repeating: "x", count: FileSystem.pageSize)
        for mount in [
            Mount(type: "tmpfs", source: "tmpfs", options: [long]),
            Mount(type: "overlay", source: "overlay", options: ["lowerdir=\(long)"]),
        ] {
            let failure = await #expect(throws: Failure.self) { try await self.mount([mount]) }
            #expect(failure?.kind == .invalidArgument)
            #expect(failure?.message.hasSuffix("err: mount options is too long") == true)
        }
    }

    @Test(arguments: ["n", "a-long-name-", "quite-a-long-name-of-a-layer-"])
    func `an overlay may have more layers than a page names`(name: String) async throws {
        let (upper, work) = try (scratch.directory("upper"), scratch.directory("work"))
        let layers = try (0..<180).map { try scratch.directory("layers/\(name)\($0)/x") }
        for (number, layer) in layers.enumerated() { try Files.writeAtomically([1], to: "\(layer)/file\(number)") }
        let options = ["lowerdir=\(layers.joined(separator: ":"))", "upperdir=\(upper)", "workdir=\(work)", "noexec"]
        let before = try Paths.workingDirectory()
        try await mount([Mount(type: "overlay", source: "overlay", options: options)])
        #expect(Files.exists("\(rootfs)/file0") && Files.exists("\(rootfs)/file179"))
        #expect(canWrite("\(rootfs)/above"))
        #expect(try Paths.workingDirectory() == before)
        #expect(FileSystem.lockedFlags(at: rootfs).contains(.noExec))
    }

    /// tmpfs can be mapped since Linux 6.3.
    nonisolated private static let canMap: Bool = {
        let numbers = ((try? Files.text("/proc/sys/kernel/osrelease")) ?? "").split(separator: ".").map { Int($0) ?? 0 }
        return numbers.count > 1 && (numbers[0], numbers[1]) >= (6, 3)
    }()

    private let maps = ["uidmap=0:70000:10", "gidmap=0:80000:10"]

    /// Whom the file is seen as, by the words of another program.
    private func owner(_ path: String) async throws -> String {
        let program = Program("/bin/stat", ["-c", "%u:%g", path])
        let invocation = try Invocation.start(program, named: "stat")
        guard case .succeeded(let output) = await invocation.outcome(within: .seconds(9)) else { return "" }
        return String(decoding: output, as: UTF8.self).trimmed
    }

    @Test(.enabled(if: canMap)) func `owners of a bind mount are mapped`() async throws {
        let source = try scratch.directory("source")
        _ = try scratch.directory("source/inner")
        try Files.writeAtomically([1], to: "\(source)/file")
        try await mount([
            Mount(type: "bind", source: source, options: ["rbind", "ro"] + maps),
            Mount(type: "bind", source: source, target: "inner", options: ["bind"] + maps),
        ])
        #expect(try scratch.mounted() == ["rootfs", "rootfs/inner"])
        #expect(try await owner("\(rootfs)/file") == "70000:80000")
        #expect(try await owner("\(rootfs)/inner/file") == "70000:80000")
        #expect(try await owner("\(source)/file") == "0:0")
        #expect(!canWrite("\(rootfs)/other"))
    }

    @Test(.enabled(if: canMap)) func `of an overlay the layers are mapped, and nothing else is mounted`() async throws {
        let (one, two) = try (scratch.directory("layers/one"), scratch.directory("layers/two"))
        let (upper, work) = try (scratch.directory("upper"), scratch.directory("work"))
        try Files.writeAtomically([1], to: "\(one)/file")
        try await mount([
            Mount(
                type: "overlay", source: "overlay",
                options: ["lowerdir=\(two):\(one)", "upperdir=\(upper)", "workdir=\(work)"] + maps)
        ])
        #expect(try scratch.mounted() == ["rootfs"])
        #expect(try await owner("\(rootfs)/file") == "70000:80000")
        #expect(canWrite("\(rootfs)/above"))
        #expect(Files.exists("\(upper)/above"))
    }

    @Test(.enabled(if: canMap)) func `layers that are mounts of their own are mapped too`() async throws {
        let (one, two) = try (scratch.directory("layers/one"), scratch.directory("layers/two"))
        try FileSystem.mount(source: "tmpfs", target: one, type: "tmpfs", flags: [], data: "")
        try Files.writeAtomically([1], to: "\(one)/file")
        let (upper, work) = try (scratch.directory("upper"), scratch.directory("work"))
        for layers in ["\(two):\(one)", one] {
            let options = ["lowerdir=\(layers)", "upperdir=\(upper)", "workdir=\(work)"] + maps
            let guardian = try await RootfsMount(
                mounting: [Mount(type: "overlay", source: "overlay", options: options)], at: rootfs)
            #expect(try scratch.mounted().sorted() == ["layers/one", "rootfs"])
            #expect(try await owner("\(rootfs)/file") == "70000:80000")
            await guardian.undo()
            #expect(try scratch.mounted() == ["layers/one"])
        }
    }

    @Test(.enabled(if: canMap)) func `a layer that cannot be mapped is not left out unseen`() async throws {
        let (one, two) = try (scratch.directory("layers/one"), scratch.directory("layers/two"))
        try FileSystem.mount(source: "tmpfs", target: one, type: "tmpfs", flags: [], data: "")
        try FileSystem.mount(source: "", target: one, type: "", flags: .unbindable, data: "")
        let failure = await #expect(throws: Failure.self) {
            try await mount([Mount(type: "overlay", source: "overlay", options: ["lowerdir=\(two):\(one)"] + maps)])
        }
        #expect(failure?.message.hasSuffix("err: layer \(one) is a mount of its own and cannot be mapped") == true)
        #expect(try scratch.mounted() == ["layers/one"])
    }

    @Test(arguments: [("fuse.x", "mount.fuse"), ("fuse3.x", "mount.fuse3")])
    func `a file system of a process' own is mounted by a program`(type: String, program: String) async throws {
        let path = try #require(Process.environment("PATH"))
        defer { Process.setEnvironment("PATH", to: path) }
        Process.setEnvironment("PATH", to: scratch.path)
        let words = Mount(type: type, source: "src", options: ["ro", "x=1"])
        var foreign = words
        foreign.options.append("X-containerd.y")
        let unconsumed = await #expect(throws: Failure.self) { try await mount([foreign]) }
        #expect(unconsumed?.kind == .invalidArgument)
        let missing = await #expect(throws: Failure.self) { try await mount([words]) }
        #expect(missing?.message.hasSuffix("exec: \"\(program)\": executable file not found in $PATH") == true)
        try Files.writeAtomically(
            Array("#!/bin/sh\necho \"$*\"; exit 3\n".utf8), to: "\(scratch.path)/\(program)", mode: 0o755)
        let refused = await #expect(throws: Failure.self) { try await mount([words]) }
        #expect(refused?.message.hasSuffix("exit status 3: src \(rootfs) -o ro -o x=1 -t x\n") == true)
    }
}
