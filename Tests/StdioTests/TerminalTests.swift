import CLinux
import Linux
import Reactor
import Testing

@testable import Stdio

@Loop
struct TerminalTests {
    private struct Terminal {
        let scratch: Scratch
        let paths: StdioPaths
        let stdio: Stdio
        let process: Peer
        /// Of the process's side, to open it again.
        let device: String
    }

    private func terminal(
        output: Bool = true, prepare: (Stdio) throws -> Void = { _ in }
    ) throws -> Terminal {
        let scratch = try Scratch()
        let paths = try StdioPaths(
            stdin: scratch.fifo("in"), stdout: output ? scratch.fifo("out") : "", stderr: "/ignored", terminal: true)
        let stdio = try Stdio.open(paths, uid: 0, gid: 0)
        #expect(stdio.descriptorsForRuntime == [])
        stdio.runtimeStarted()
        try prepare(stdio)
        var raw: Int32 = -1
        let process = try Peer(owning: FileDescriptor(owning: check(unsafe clinux_open_terminal(&raw), "pty", "")))
        let device = try Paths.resolved("/proc/self/fd/\(process.raw)")
        try stdio.attach(console: FileDescriptor(owning: raw))
        try stdio.start()
        try stdio.startInput()
        return Terminal(scratch: scratch, paths: paths, stdio: stdio, process: process, device: device)
    }

    private func size(_ terminal: Terminal) -> [UInt16] {
        var (rows, columns): (UInt16, UInt16) = (0, 0)
        _ = unsafe clinux_terminal_size(terminal.process.raw, &rows, &columns)
        return [columns, rows]
    }

    @Test func `what was written before the end arrives to the last byte`() async throws {
        let test = try terminal()
        let client = try Peer.reader(test.paths.stdout)
        let text = String(repeating: "0123456789abcdef", count: 20_000)
        let writing = Task {
            try await test.process.write(text)
            test.process.close()
            test.stdio.processExited()
        }
        #expect(try await String(decoding: client.read(), as: UTF8.self) == text)
        try await writing.value
        #expect(await test.stdio.drained())
    }

    @Test func `a client that reads late misses nothing`() async throws {
        let test = try terminal()
        var written = 0
        var idle = 0
        while idle < 3 {  // a terminal passes bytes on in the kernel's own time
            let more = try test.process.fill()
            written += more
            idle = more == 0 ? idle + 1 : 0
            await Reactor.shared.sleep(.milliseconds(5))
        }
        test.process.close()
        test.stdio.processExited()
        #expect(await !test.stdio.relaysEnded(within: .milliseconds(1)))
        #expect(try await Peer.reader(test.paths.stdout).read().count == written)
    }

    @Test func `closed and opened again it goes on`() async throws {
        let test = try terminal()
        let client = try Peer.reader(test.paths.stdout)
        try await test.process.write("one")
        #expect(try await client.read(3) == Array("one".utf8))
        test.process.close()
        await Reactor.shared.sleep(.milliseconds(2))
        #expect(client.readOnce() == nil)
        let again = try Peer(owning: FileDescriptor(opening: test.device, [.readWrite, .nonblocking]))
        try await again.write("two")
        #expect(try await client.read(3) == Array("two".utf8))
        again.close()
        test.stdio.processExited()
        #expect(try await client.read() == [])
    }

    @Test func `input arrives, and its end leaves the terminal open`() async throws {
        let test = try terminal()
        let client = try Peer.writer(test.paths.stdin)
        let reader = try Peer.reader(test.paths.stdout)
        try await client.write("echo\n")
        #expect(try await test.process.read(5) == Array("echo\n".utf8))
        client.close()
        test.stdio.closeStdin()
        await Reactor.shared.sleep(.milliseconds(2))
        #expect(test.process.readOnce() == nil)
        try await test.process.write("bye")
        test.process.close()
        test.stdio.processExited()
        let all = try await String(decoding: reader.read(), as: UTF8.self)
        #expect(all == "echo\r\nbye")
    }

    @Test func `output that nobody wants is read all the same`() async throws {
        let test = try terminal(output: false)
        try await test.process.write(String(repeating: "x", count: 1 << 20))
        test.process.close()
        test.stdio.processExited()
        #expect(await test.stdio.drained())
    }

    @Test func `a size that comes before the terminal is applied to it, and so is a later one`() throws {
        let test = try terminal { stdio in try stdio.resize(columns: 132, rows: 43) }
        #expect(size(test) == [132, 43])
        try test.stdio.resize(columns: 80, rows: 24)
        #expect(size(test) == [80, 24])
        test.stdio.close()
    }

    @Test func `without a terminal a size is nothing`() throws {
        let scratch = try Scratch()
        let stdio = try Stdio.open(StdioPaths(stdout: scratch.fifo("out")), uid: 0, gid: 0)
        try stdio.resize(columns: 1, rows: 1)
        try stdio.start()
        try stdio.resize(columns: 2, rows: 2)
        stdio.close()
    }

    @Test func `a process that ended before its terminal came is read to the end`() async throws {
        let scratch = try Scratch()
        let paths = try StdioPaths(stdout: scratch.fifo("out"), terminal: true)
        let client = try Peer.reader(paths.stdout)
        let stdio = try Stdio.open(paths, uid: 0, gid: 0)
        var raw: Int32 = -1
        let process = try Peer(owning: FileDescriptor(owning: check(unsafe clinux_open_terminal(&raw), "pty", "")))
        try await process.write("short")
        process.close()
        stdio.processExited()
        try stdio.attach(console: FileDescriptor(owning: raw))
        #expect(try await client.read() == Array("short".utf8))
    }

    @Test func `what is no terminal is refused`() throws {
        let scratch = try Scratch()
        let stdio = try Stdio.open(StdioPaths(stdout: scratch.fifo("out"), terminal: true), uid: 0, gid: 0)
        #expect(throws: Failure.self) { try stdio.attach(console: FileDescriptor(opening: "/dev/null", .readWrite)) }
        stdio.close()
    }

    @Test func `its end closes every descriptor`() throws {
        let before = descriptorCount()
        let test = try terminal()
        test.process.close()
        test.stdio.processExited()
        #expect(descriptorCount() == before)
    }
}
