import Linux
import Reactor
import Testing

@testable import Stdio

/// The client's bytes on their way to a process without a terminal.
@Loop
struct InputTests {
    private struct Input {
        let scratch: Scratch
        let path: String
        let stdio: Stdio
        let process: Peer
    }

    /// A process with stdin alone, which has been started unless `started` is false.
    private func input(started: Bool = true) throws -> Input {
        let scratch = try Scratch()
        let path = try scratch.fifo("in")
        let stdio = try Stdio.open(StdioPaths(stdin: path), uid: 0, gid: 0)
        let process = try Peer.inheriting(stdio.descriptorsForRuntime[0])
        stdio.runtimeStarted()
        try stdio.start()
        if started { try stdio.startInput() }
        return Input(scratch: scratch, path: path, stdio: stdio, process: process)
    }

    @Test func `before the process is started no client can write`() async throws {
        let test = try input(started: false)
        let failure = #expect(throws: Failure.self) { try Peer.writer(test.path) }
        #expect(failure?.errno == 6)  // ENXIO
        try test.stdio.startInput()
        try await Peer.writer(test.path).write("now")
        #expect(try await test.process.read(3) == Array("now".utf8))
    }

    @Test func `a fifo that does not exist is a failure at once`() {
        let failure = #expect(throws: Failure.self) { try Stdio.open(StdioPaths(stdin: "/no/such"), uid: 0, gid: 0) }
        #expect(failure?.errno == Errno.noEntry)
    }

    @Test func `ten megabytes arrive in order and then the end`() async throws {
        let test = try input()
        let client = try Peer.writer(test.path)
        let bytes = pattern(10 << 20)
        let writing = Task {
            try await client.write(bytes)
            client.close()
            test.stdio.closeStdin()
        }
        #expect(try await test.process.read() == bytes)
        try await writing.value
    }

    @Test func `a client that goes does not end it, and the next one goes on`() async throws {
        let test = try input()
        let first = try Peer.writer(test.path)
        try await first.write("one")
        first.close()
        #expect(try await test.process.read(3) == Array("one".utf8))
        await Reactor.shared.sleep(.zero)
        #expect(test.process.readOnce() == nil)
        try await Peer.writer(test.path).write("two")
        #expect(try await test.process.read(3) == Array("two".utf8))
    }

    @Test func `closing it delivers what was written and waits for the client's own end`() async throws {
        let test = try input()
        let client = try Peer.writer(test.path)
        test.stdio.closeStdin()
        test.stdio.closeStdin()
        try await client.write("last")
        #expect(try await test.process.read(4) == Array("last".utf8))
        #expect(test.process.readOnce() == nil)
        client.close()
        #expect(try await test.process.read() == [])
    }

    @Test func `closing it before the start is not forgotten`() async throws {
        let test = try input(started: false)
        test.stdio.closeStdin()
        try test.stdio.startInput()
        #expect(try await test.process.read() == [])
    }

    @Test func `what was written before the start is delivered after it`() async throws {
        let test = try input(started: false)
        // Only a reader and writer in one can do so before we read.
        let client = try Peer(owning: FileDescriptor(opening: test.path, [.readWrite, .nonblocking]))
        try await client.write("early")
        test.stdio.closeStdin()
        try test.stdio.startInput()
        client.close()
        #expect(try await test.process.read() == Array("early".utf8))
    }

    @Test func `a process that closes it breaks the client's pipe, though nobody writes`() async throws {
        let test = try input()
        let client = try Peer.writer(test.path)
        test.process.close()
        try await client.ready(for: [])
        let failure = await #expect(throws: Failure.self) { try await client.write("x") }
        #expect(failure?.errno == Errno.brokenPipe)
    }

    @Test func `a process that does not read holds the client up, and loses nothing`() async throws {
        let test = try input()
        let client = try Peer.writer(test.path)
        var written = 0
        var more = 0
        repeat {
            more = try client.fill()
            written += more
            await Reactor.shared.sleep(.zero)
        } while more > 0
        client.close()
        test.stdio.closeStdin()
        #expect(try await test.process.read().count == written)
    }

    @Test func `a process that ended before it was started reads nothing`() async throws {
        let test = try input(started: false)
        test.stdio.processExited()
        try test.stdio.startInput()
        #expect(try await test.process.read() == [])
        #expect(throws: Failure.self) { try Peer.writer(test.path) }
    }

    @Test func `it is closed when the process has ended`() async throws {
        let test = try input()
        let client = try Peer.writer(test.path)
        test.stdio.processExited()
        let failure = await #expect(throws: Failure.self) { try await client.write("x") }
        #expect(failure?.errno == Errno.brokenPipe)
        #expect(try await test.process.read() == [])
    }

    @Test func `a file is read to its end`() async throws {
        let scratch = try Scratch()
        let path = try scratch.file("input", String(repeating: "0123456789", count: 300_000))
        let stdio = try Stdio.open(StdioPaths(stdin: path), uid: 0, gid: 0)
        let process = try Peer.inheriting(stdio.descriptorsForRuntime[0])
        stdio.runtimeStarted()
        try stdio.start()
        try stdio.startInput()
        #expect(try await process.read() == Files.read(path))
    }
}
