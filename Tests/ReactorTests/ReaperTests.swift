import CLinux
import Linux
import Testing
import _Concurrency

@testable import Reactor

@Loop
struct ReaperTests {
    private func start(_ script: String, _ descriptors: [Int32] = [0, 1, 2]) throws -> ChildProcess {
        try ChildProcess.start(Program("/bin/sh", ["-c", script]), descriptors: descriptors)
    }

    @Test func `a program has the environment that it is given, or ours`() async throws {
        for (environment, test) in [
            ([], "[ -z \"$HOME$X\" ]"), (["X=1", "Y=a b"], "[ \"$X$Y$HOME\" = \"1a b\" ]"), (nil, "[ -n \"$PATH\" ]"),
        ] as [([String]?, String)] {
            let program = Program("/bin/sh", ["-c", test], environment: environment)
            let child = try ChildProcess.start(program, descriptors: [0, 1, 2])
            #expect(await child.exit(within: .seconds(10))?.status == 0)
        }
    }

    @Test(arguments: [(0, "exit 0"), (7, "exit 7"), (255, "exit 255"), (128 + 9, "kill -9 $$"), (128 + 15, "kill $$")])
    func `a child's status is its code, or 128 and its signal`(status: UInt32, script: String) async throws {
        let before = Timestamp.now()
        let exit = try #require(await start(script).exit(within: .seconds(10)))
        #expect(exit.status == status)
        #expect(exit.time.text >= before.text && exit.time.text <= Timestamp.now().text)
    }

    @Test func `whoever asks is told, before the end or after it, once`() async throws {
        let child = try start("exec sleep 600")
        var told: [String] = []
        child.whenExited { _ in told.append("first") }
        child.whenExited { _ in told.append("second") }
        #expect(child.exit == nil)
        #expect(await child.exit(within: .milliseconds(1)) == nil)
        try child.kill()
        #expect(await child.exit(within: .seconds(10))?.status == 137)
        child.whenExited { _ in told.append("third") }
        #expect(told == ["first", "second", "third"])
        #expect(await child.exit(within: .zero)?.status == 137)
    }

    @Test func `a child that has ended cannot be killed`() async throws {
        let child = try start("exit 0")
        #expect(await child.exit(within: .seconds(10)) != nil)
        let failure = #expect(throws: Failure.self) { try child.kill(0) }
        #expect(failure?.errno == Errno.noProcess)
    }

    @Test func `a program that does not exist is a failure, and no child`() {
        let failure = #expect(throws: Failure.self) {
            _ = try ChildProcess.start(Program("/no/such", []), descriptors: [])
        }
        #expect(
            failure
                == Failure(.unknown, errno: Errno.noEntry, "fork/exec /no/such: no such file or directory"))
    }

    @Test func `a child has its directory, its group and no descriptor but those given`() async throws {
        let test = """
            [ "$(pwd -P)" = /proc ] || exit 1
            for n in 3 4 5 6 7 8 9 10 11 12; do [ ! -e $$/fd/$n ] || exit 2; done
            read -r pid name state parent group rest <$$/stat
            [ $group = $$ ] || exit 3
            """
        let program = Program("/bin/sh", ["-c", test], workingDirectory: "/proc", leadsProcessGroup: true)
        let child = try ChildProcess.start(program, descriptors: [0, 1, 2])
        #expect(await child.exit(within: .seconds(10))?.status == 0)
    }

    @Test func `descriptors take their places, whatever their order`() async throws {
        var pipe = try Pipe()
        guard let writing = pipe.writing.take(), let reading = pipe.reading.take() else { return }
        let child = try start("echo out; echo err >&2", [0, writing.raw, writing.raw])
        #expect(await child.exit(within: .seconds(10))?.status == 0)
        #expect(String(decoding: reading.readNow(atMost: 100), as: UTF8.self) == "out\nerr\n")
    }

    @Test func `many children end, each with its own status`() async throws {
        let children = try (0..<64).map { try start("exit \($0)") }
        for (number, child) in children.enumerated() {
            #expect(await child.exit(within: .seconds(10))?.status == UInt32(number))
        }
    }

    @Test func `the sweep reaps an orphan that nobody expects`() async throws {
        let orphan = try await Orphan()
        await orphan.die()
        Reaper.shared.requestSweep()
        await Reactor.shared.sleep(.zero)
        #expect(!Files.exists("/proc/\(orphan.pid)"))
    }

    @Test func `the sweep leaves an owner its child`() async throws {
        let child = try start("exit 3")
        // Dead, before the reactor can see it: no turn of it may pass.
        let pidfd = FileDescriptor(owning: try check(clinux_pidfd_open(child.pid), "pidfd_open", "\(child.pid)"))
        while clinux_poll(pidfd.raw, UInt32(CLINUX_IN)) == 0 {}
        Reaper.shared.requestSweep()
        await Reactor.shared.sleep(.zero)
        #expect(await child.exit(within: .seconds(10))?.status == 3)
    }

    @Test func `a process that ends before it is adopted keeps its status`() async throws {
        let orphan = try await Orphan()
        let birth = Reaper.shared.expect(pidFile: orphan.pidFile)
        await orphan.die()
        Reaper.shared.requestSweep()
        await Reactor.shared.sleep(.zero)
        #expect(!Files.exists("/proc/\(orphan.pid)"))
        let child = try Reaper.shared.adopt(birth)
        #expect(child.pid == orphan.pid)
        #expect(child.exit?.status == 7)
    }

    @Test func `a process that ends before its pid is said keeps its status`() async throws {
        let orphan = try await Orphan()
        let said = try Files.text(orphan.pidFile)
        Files.remove(orphan.pidFile)
        let birth = Reaper.shared.expect(pidFile: orphan.pidFile)
        await orphan.die()
        Reaper.shared.requestSweep()
        await Reactor.shared.sleep(.zero)
        try Files.writeAtomically(Array(said.utf8), to: orphan.pidFile)
        #expect(try Reaper.shared.adopt(birth).exit?.status == 7)
    }

    @Test func `a process that lives is adopted, and its end comes later`() async throws {
        let orphan = try await Orphan()
        let birth = Reaper.shared.expect(pidFile: orphan.pidFile)
        let child = try Reaper.shared.adopt(birth)
        #expect(child.pid == orphan.pid)
        #expect(child.exit == nil)
        await orphan.die()
        #expect(await child.exit(within: .seconds(10))?.status == 7)
    }

    @Test func `a process that died and was not swept is adopted all the same`() async throws {
        let orphan = try await Orphan()
        let birth = Reaper.shared.expect(pidFile: orphan.pidFile)
        await orphan.die()
        let child = try Reaper.shared.adopt(birth)
        #expect(await child.exit(within: .seconds(10))?.status == 7)
    }

    @Test func `a birth that is abandoned leaves an orphan`() async throws {
        let orphan = try await Orphan()
        Reaper.shared.abandon(Reaper.shared.expect(pidFile: orphan.pidFile))
        await orphan.die()
        Reaper.shared.requestSweep()
        await Reactor.shared.sleep(.zero)
        #expect(!Files.exists("/proc/\(orphan.pid)"))
    }

    @Test func `a birth that is refused ends its process`() async throws {
        let orphan = try await Orphan()
        Reaper.shared.refuse(Reaper.shared.expect(pidFile: orphan.pidFile))
        await orphan.died()
        Reaper.shared.requestSweep()
        await Reactor.shared.sleep(.zero)
        #expect(!Files.exists("/proc/\(orphan.pid)"))
    }

    @Test func `a birth that is refused after its process was adopted harms nobody`() async throws {
        let orphan = try await Orphan()
        let birth = Reaper.shared.expect(pidFile: orphan.pidFile)
        let child = try Reaper.shared.adopt(birth)
        Reaper.shared.refuse(birth)
        await orphan.die()
        #expect(await child.exit(within: .seconds(10))?.status == 7)
    }

    @Test(arguments: ["", "x", "-1", "0"])
    func `a pid file must have a pid`(text: String) throws {
        let file = "/tmp/swiftrunc-\(Process.randomName())"
        defer { Files.remove(file) }
        let birth = Reaper.shared.expect(pidFile: file)
        if !text.isEmpty { try Files.writeAtomically(Array(text.utf8), to: file) }
        let failure = #expect(throws: Failure.self) { _ = try Reaper.shared.adopt(birth) }
        #expect(failure?.message.hasPrefix("failed to retrieve OCI runtime container pid: ") == true)
    }
}

/// A grandchild that became our child. It ends with status 7 when it is told to.
@Loop
private final class Orphan {
    let pid: Int32
    let pidFile = "/tmp/swiftrunc-\(Process.randomName())"
    private var control: FileDescriptor?
    private var pidfd: FileDescriptor?

    init() async throws {
        try Process.becomeSubreaper()
        var pipe = try Pipe()
        guard let reading = pipe.reading.take() else { throw Failure(.internal, "no pipe") }
        control = pipe.writing.take()
        let script = "(read x <&3; exit 7) & printf %s $! >\(pidFile)"
        let parent = try ChildProcess.start(Program("/bin/sh", ["-c", script]), descriptors: [0, 1, 2, reading.raw])
        #expect(await parent.exit(within: .seconds(10))?.status == 0)
        pid = try #require(Int32(Files.text(pidFile)))
        pidfd = FileDescriptor(owning: try check(clinux_pidfd_open(pid), "pidfd_open", "\(pid)"))
    }

    deinit { Files.remove(pidFile) }

    /// Ends it; it is dead then, and not reaped by this.
    func die() async {
        control = nil
        await died()
    }

    /// Waits for its end.
    func died() async {
        guard let pidfd = pidfd.take() else { return }
        var watch: Reactor.Watch?
        await Waiter<Void>.suspend { waiter in
            watch = try? Reactor.shared.watch(pidfd, for: [.readable, .edge]) { _ in waiter.resume(()) }
            if watch == nil { waiter.resume(()) }
        }
        if let watch { Reactor.shared.cancel(watch) }
    }
}
