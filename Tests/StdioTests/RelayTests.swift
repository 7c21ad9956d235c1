import CLinux
import Linux
import Reactor
import Testing

@testable import Stdio

/// Output through real pipes and fifos.
@Loop
struct RelayTests {
    private struct Output {
        let scratch: Scratch
        let path: String
        let stdio: Stdio
        let process: Peer
    }

    /// A process with stdout alone, which has started unless `started` is false.
    private func output(started: Bool = true) throws -> Output {
        let scratch = try Scratch()
        let path = try scratch.fifo("out")
        let stdio = try Stdio.open(StdioPaths(stdout: path), uid: 0, gid: 0)
        let process = try Peer.inheriting(stdio.descriptorsForRuntime[1])
        stdio.runtimeStarted()
        if started { try stdio.start() }
        return Output(scratch: scratch, path: path, stdio: stdio, process: process)
    }

    @Test func `ten megabytes arrive in order and then the end`() async throws {
        let test = try output()
        let client = try Peer.reader(test.path)
        let bytes = pattern(10 << 20)
        let writing = Task {
            try await test.process.write(bytes)
            test.process.close()
        }
        #expect(try await client.read() == bytes)
        try await writing.value
        #expect(await test.stdio.drained())
    }

    @Test func `a client's fifo does not hold more because much goes through it`() async throws {
        let test = try output()
        let client = try Peer.reader(test.path)
        let writing = Task {
            try await test.process.write(pattern(10 << 20))
            test.process.close()
        }
        _ = try await client.read()
        #expect(clinux_pipe_capacity(client.raw) == 64 << 10)
        try await writing.value
    }

    @Test func `many small writes arrive in order`() async throws {
        let test = try output()
        let client = try Peer.reader(test.path)
        let lines = (1...2000).map { "line \($0)\n" }
        let writing = Task {
            for line in lines { try await test.process.write(line) }
            test.process.close()
        }
        #expect(try await String(decoding: client.read(), as: UTF8.self) == lines.joined())
        try await writing.value
    }

    @Test func `the end comes with the last writer, not with the process`() async throws {
        let test = try output()
        let client = try Peer.reader(test.path)
        let grandchild = try Peer.inheriting(test.process.raw)
        test.process.close()
        test.stdio.processExited()
        try await grandchild.write("late")
        #expect(try await client.read(4) == Array("late".utf8))
        #expect(await !test.stdio.relaysEnded(within: .milliseconds(1)))
        grandchild.close()
        #expect(try await client.read() == [])
        #expect(await test.stdio.drained())
    }

    @Test func `the end is told even while the client has not read yet`() async throws {
        let test = try output()
        let bytes = pattern(60_000)
        let client = try Peer.reader(test.path)
        try await test.process.write(bytes)
        test.process.close()
        #expect(await test.stdio.drained())
        #expect(try await client.read() == bytes)
    }

    @Test func `a reader may go, and the next one misses nothing`() async throws {
        let test = try output()
        let first = try Peer.reader(test.path)
        try await test.process.write("one")
        #expect(try await first.read(3) == Array("one".utf8))
        first.close()
        try await test.process.write("two")
        // The relay is told of it in an earlier turn than the second reader.
        await Reactor.shared.sleep(.zero)
        #expect(try await Peer.reader(test.path).read(3) == Array("two".utf8))
        #expect(test.stdio.lostBytes == 0)
    }

    @Test func `output before the start is held back, and is there after it`() async throws {
        let test = try output(started: false)
        let client = try Peer.reader(test.path)
        try await test.process.write("early")
        await Reactor.shared.sleep(.zero)
        #expect(client.readOnce() == nil)
        try test.stdio.start()
        #expect(try await client.read(5) == Array("early".utf8))
    }

    @Test func `what was unread when its process ended is there after who waited was told, and counted`() async throws {
        for isRead in [true, false] {
            let test = try output()
            let bytes = pattern(10_000)
            try await test.process.write(bytes)
            test.process.close()
            test.stdio.processExited()
            await Waiter<Void>.suspend { waiter in test.stdio.afterReading { waiter.resume(()) } }
            if isRead { #expect(try await Peer.reader(test.path).read() == bytes) }
            test.stdio.close()
            #expect(test.stdio.lostBytes == (isRead ? 0 : bytes.count))
        }
    }

    @Test func `a client reads the end while who waits is told only later`() async throws {
        let test = try output()
        let client = try Peer.reader(test.path)
        let bytes = pattern(10_000)
        try await test.process.write(bytes)
        test.process.close()
        test.stdio.processExited()
        var isTold = false
        test.stdio.afterReading { isTold = true }
        #expect(await test.stdio.drained())
        #expect(try await client.read() == bytes)
        #expect(!isTold)
    }

    @Test func `a regular file gets 64 KiB in one turn`() async throws {
        let scratch = try Scratch()
        let path = try scratch.file("log", "")
        let stdio = try Stdio.open(StdioPaths(stdout: path), uid: 0, gid: 0)
        let end = try FileDescriptor(owning: check(clinux_copy_descriptor(stdio.descriptorsForRuntime[1]), "dup", ""))
        end.growPipe(to: 1 << 20)
        let process = try Peer(owning: end)
        stdio.runtimeStarted()
        let bytes = pattern(300_000)
        try await process.write(bytes)
        try stdio.start()
        #expect(try Files.read(path).count == 65536)
        process.close()
        #expect(await stdio.drained())
        #expect(try Files.read(path) == bytes)
    }

    @Test func `a runtime that writes much before the start is not blocked`() async throws {
        let test = try output(started: false)
        let client = try Peer.reader(test.path)
        let bytes = pattern(500_000)
        let writing = Task { try await test.process.write(bytes) }
        #expect(try await client.read(bytes.count) == bytes)
        try await writing.value
    }

    @Test func `a failed runtime's words are taken out of stderr`() async throws {
        let scratch = try Scratch()
        let path = try scratch.fifo("err")
        let stdio = try Stdio.open(StdioPaths(stderr: path), uid: 0, gid: 0)
        let runtime = try Peer.inheriting(stdio.descriptorsForRuntime[2])
        stdio.runtimeStarted()
        try await runtime.write("no such thing\n" + String(repeating: "x", count: 5000))
        #expect(stdio.heldErrorText() == "no such thing\n" + String(repeating: "x", count: 4096 - 14))
        #expect(stdio.heldErrorText().utf8.count == 5014 - 4096)
        #expect(stdio.heldErrorText() == "")
        stdio.close()
    }

    @Test func `a stream whose client does not read does not stop another`() async throws {
        let scratch = try Scratch()
        let paths = try StdioPaths(stdout: scratch.fifo("out"), stderr: scratch.fifo("err"))
        let stdio = try Stdio.open(paths, uid: 0, gid: 0)
        let output = try Peer.inheriting(stdio.descriptorsForRuntime[1])
        let error = try Peer.inheriting(stdio.descriptorsForRuntime[2])
        stdio.runtimeStarted()
        try stdio.start()
        var stuck = 0
        repeat {  // the relay empties the pipe into the fifo, until that is full too
            stuck = try error.fill()
            await Reactor.shared.sleep(.zero)
        } while stuck > 0
        let client = try Peer.reader(paths.stdout)
        let bytes = pattern(1 << 20)
        let writing = Task { try await output.write(bytes) }
        #expect(try await client.read(bytes.count) == bytes)
        try await writing.value
        stdio.close()
    }

    @Test func `after a full fifo was read the rest follows`() async throws {
        let test = try output()
        var written = 0
        var more = 0
        repeat {
            more = try test.process.fill()
            written += more
            await Reactor.shared.sleep(.zero)
        } while more > 0
        #expect(written > 65536)
        test.process.close()
        await Reactor.shared.sleep(.zero)
        #expect(await !test.stdio.relaysEnded(within: .milliseconds(1)))
        let client = try Peer.reader(test.path)
        #expect(try await client.read().count == written)
        #expect(await test.stdio.drained())
    }

    @Test func `streams that nobody wants are the null device, both ways`() async throws {
        let stdio = try Stdio.open(StdioPaths(), uid: 0, gid: 0)
        for raw in stdio.descriptorsForRuntime {
            let peer = try Peer.inheriting(raw)
            try await peer.write("gone")
            #expect(peer.readOnce() == [])
        }
        #expect(await stdio.drained())
        stdio.close()
    }

    @Test func `both streams go to the end of one file`() async throws {
        let scratch = try Scratch()
        let path = try scratch.file("log", "0")
        let stdio = try Stdio.open(StdioPaths(stdout: path, stderr: path), uid: 0, gid: 0)
        let output = try Peer.inheriting(stdio.descriptorsForRuntime[1])
        let error = try Peer.inheriting(stdio.descriptorsForRuntime[2])
        stdio.runtimeStarted()
        try stdio.start()
        try await output.write("1")
        output.close()
        await Reactor.shared.sleep(.zero)
        try await error.write("2")
        error.close()
        #expect(await stdio.drained())
        #expect(try Files.text(path) == "012")
    }

    @Test func `a disk that was full for a while costs no byte`() async throws {
        let scratch = try Scratch()
        try FileSystem.mount(source: "tmpfs", target: scratch.path, type: "tmpfs", flags: [], data: "size=64k")
        defer { _ = unsafe clinux_unmount(scratch.path, 1) }
        let path = try scratch.file("log", "")
        let stdio = try Stdio.open(StdioPaths(stdout: path), uid: 0, gid: 0)
        let process = try Peer.inheriting(stdio.descriptorsForRuntime[1])
        stdio.runtimeStarted()
        try stdio.start()
        let bytes = pattern(300_000)
        let writing = Task {
            try await process.write(bytes)
            process.close()
        }
        #expect(await !stdio.relaysEnded(within: .milliseconds(20)))
        #expect(try Files.read(path).count == 65536)
        try FileSystem.mount(
            source: "tmpfs", target: scratch.path, type: "tmpfs", flags: .remount, data: "size=1m")
        #expect(await stdio.drained())
        try await writing.value
        #expect(try Files.read(path) == bytes)
        #expect(stdio.lostBytes == 0)
    }

    @Test func `what no device ever takes is counted`() async throws {
        let stdio = try Stdio.open(StdioPaths(stdout: "/dev/full"), uid: 0, gid: 0)
        let process = try Peer.inheriting(stdio.descriptorsForRuntime[1])
        stdio.runtimeStarted()
        try stdio.start()
        try await process.write("0123456789")
        await Reactor.shared.sleep(.zero)
        #expect(stdio.lostBytes == 0)
        stdio.close()
        #expect(stdio.lostBytes == 10)
    }

    @Test func `the process's ends belong to whom the client named`() async throws {
        let scratch = try Scratch()
        let path = try scratch.fifo("out")
        let client = try Peer.reader(path)
        let stdio = try Stdio.open(StdioPaths(stdout: path), uid: 1234, gid: 5678)
        let child = try ChildProcess.start(
            Program("/usr/bin/stat", ["-Lc", "%u:%g", "/proc/self/fd/1"]),
            descriptors: stdio.descriptorsForRuntime)
        stdio.runtimeStarted()
        try stdio.start()
        let owner = try await String(decoding: client.read(), as: UTF8.self)
        #expect(owner == "1234:5678\n")
        #expect(await child.exit(within: .seconds(5))?.status == 0)
    }

    @Test func `a failure leaves no descriptor open, nor does the end`() throws {
        let scratch = try Scratch()
        let paths = try StdioPaths(stdin: scratch.fifo("in"), stdout: scratch.fifo("out"), stderr: "/no/such/fifo")
        let before = descriptorCount()
        let failure = #expect(throws: Failure.self) { try Stdio.open(paths, uid: 0, gid: 0) }
        #expect(failure?.errno == Errno.noEntry)
        #expect(descriptorCount() == before)

        var whole = paths
        whole.stderr = try scratch.fifo("err")
        let stdio = try Stdio.open(whole, uid: 0, gid: 0)
        #expect(descriptorCount() > before)
        try stdio.start()
        try stdio.startInput()
        stdio.close()
        stdio.close()
        #expect(descriptorCount() == before)
        #expect(Files.exists(whole.stderr))
    }
}
