import CLinux
import Linux
import Reactor
import Testing

@testable import OCIRuntime

/// Not in CLinux, for the program itself sends no descriptor. `message` is a struct msghdr.
@_silgen_name("sendmsg")
private func sendmsg(_ socket: Int32, _ message: UnsafeRawPointer, _ flags: Int32) -> Int

/// What a runtime does with the socket.
@Loop
private struct Sender: ~Copyable {
    let socket: FileDescriptor

    init(_ path: String) throws { socket = try UnixSocket.connect(to: path) }

    /// One byte, and the descriptors beside it.
    func send(_ descriptors: [Int32]) {
        // SAFETY: laid out as sendmsg(2) says, on a 64-bit machine; all of it lives until the call returns.
        let sent = unsafe withUnsafeTemporaryAllocation(of: UInt64.self, capacity: 16) { words in
            unsafe words.initialize(repeating: 0)
            let base = UnsafeMutableRawBufferPointer(words)
            let size = 16 + 4 * descriptors.count
            guard let start = base.baseAddress else { return -1 }
            // At 0 the msghdr, at 56 its iovec, at 72 the payload, at 80 the cmsghdr.
            unsafe words[2] = UInt64(UInt(bitPattern: start) + 56)
            unsafe words[3] = 1
            unsafe words[4] = UInt64(UInt(bitPattern: start) + 80)
            unsafe words[5] = UInt64((size + 7) & ~7)
            unsafe words[7] = UInt64(UInt(bitPattern: start) + 72)
            unsafe words[8] = 1
            unsafe words[10] = UInt64(size)
            unsafe base.storeBytes(of: 1, toByteOffset: 88, as: Int32.self)
            unsafe base.storeBytes(of: 1, toByteOffset: 92, as: Int32.self)
            for (index, descriptor) in descriptors.enumerated() {
                unsafe base.storeBytes(of: descriptor, toByteOffset: 96 + 4 * index, as: Int32.self)
            }
            if descriptors.isEmpty { unsafe (words[4], words[5]) = (0, 0) }
            return unsafe sendmsg(socket.raw, start, 0)
        }
        #expect(sent == 1)
    }
}

@Loop
struct ConsoleSocketTests {
    private func parent(_ path: String) -> String { Paths.parent(of: path) }

    @Test func `the terminal's master arrives, and is the caller's`() async throws {
        let console = try ConsoleSocket()
        defer { console.close() }
        var raw: Int32 = -1
        let other = FileDescriptor(owning: unsafe clinux_open_terminal(&raw))
        let master = FileDescriptor(owning: raw)
        let runtime = try Sender(console.path)
        runtime.send([master.raw])
        #expect(await console.arrived(within: .seconds(10)))
        guard let terminal = console.take() else {
            Issue.record("no terminal")
            return
        }
        #expect(console.take()?.raw == nil)
        #expect(terminal.isTerminal && terminal.raw != master.raw)
        try terminal.resizeTerminal(rows: 12, columns: 34)
        var (rows, columns): (UInt16, UInt16) = (0, 0)
        #expect(unsafe clinux_terminal_size(other.raw, &rows, &columns) == 0)
        #expect(rows == 12 && columns == 34)
    }

    @Test func `it may arrive before anybody asks`() async throws {
        let console = try ConsoleSocket()
        defer { console.close() }
        var raw: Int32 = -1
        let other = FileDescriptor(owning: unsafe clinux_open_terminal(&raw))
        let master = FileDescriptor(owning: raw)
        try Sender(console.path).send([master.raw])
        for _ in 0..<3 { await Reactor.shared.sleep(.zero) }
        #expect(await console.arrived(within: .zero))
        _ = other.raw
    }

    @Test func `what is no terminal is refused`() async throws {
        let console = try ConsoleSocket()
        defer { console.close() }
        let null = try FileDescriptor(opening: "/dev/null", .readWrite)
        try Sender(console.path).send([null.raw])
        #expect(await !console.arrived(within: .seconds(10)))
        #expect(console.problem == Failure(.unknown, "the runtime sent something that is no terminal"))
        #expect(console.take()?.raw == nil)
    }

    @Test(arguments: [0, 2])
    func `it must be one descriptor`(count: Int) async throws {
        let console = try ConsoleSocket()
        defer { console.close() }
        var raw: Int32 = -1
        let other = FileDescriptor(owning: unsafe clinux_open_terminal(&raw))
        let master = FileDescriptor(owning: raw)
        try Sender(console.path).send([Int32](repeating: master.raw, count: count))
        #expect(await !console.arrived(within: .seconds(10)))
        #expect(console.problem.message.hasPrefix("recvmsg "))
        _ = other.raw
    }

    @Test func `a runtime that sends nothing is not waited for longer than the limit`() async throws {
        let console = try ConsoleSocket()
        defer { console.close() }
        #expect(await !console.arrived(within: .milliseconds(1)))
        #expect(console.problem == Failure(.unknown, "the runtime sent no terminal"))
        let silent = try Sender(console.path)
        #expect(await !console.arrived(within: .milliseconds(1)))
        _ = silent.socket.raw
    }

    @Test func `socket and directory are private, and gone after the close`() throws {
        let console = try ConsoleSocket()
        let other = try ConsoleSocket()
        #expect(console.path != other.path)
        #expect(console.path.hasSuffix("/pty.sock"))
        #expect(Files.exists(console.path))
        for socket in [console, other] {
            socket.close()
            #expect(!Files.exists(parent(socket.path)))
        }
        #expect(Files.isDirectory(parent(parent(console.path))))
    }

    @Test func `it is made where XDG_RUNTIME_DIR says`() throws {
        let scratch = try Scratch()
        let before = Process.environment("XDG_RUNTIME_DIR")
        Process.setEnvironment("XDG_RUNTIME_DIR", to: scratch.path)
        defer {
            Process.forgetEnvironment("XDG_RUNTIME_DIR")
            if let before { Process.setEnvironment("XDG_RUNTIME_DIR", to: before) }
        }
        let console = try ConsoleSocket()
        #expect(console.path.hasPrefix("\(scratch.path)/pty"))
        console.close()
        #expect(try Files.directories(in: scratch.path) == [])
    }
}
