import CLinux
import Linux
import Reactor
import Testing
import _Concurrency

@testable import Stdio

/// Output whose reader does not read: nobody waits, bytes keep their order, and what is missing is marked
/// where it is missing.
@Loop
struct OverflowTests {
    private struct Output {
        let stdio: Stdio
        let path: String
        let process: Peer
        let client: Peer
        let said: Said
        let scratch: Scratch
    }

    @Loop private final class Said { var lines: [String] = [] }

    private func output(_ policy: OutputPolicy, limit: Int = 1 << 20, directory: String? = nil) throws -> Output {
        let scratch = try Scratch()
        let path = try scratch.fifo("out")
        let client = try Peer.reader(path)
        var place = SpillPlace()
        place.directory = directory ?? scratch.path
        place.limit = limit
        let said = Said()
        let owner = Stdio.Owner(id: "c1", namespace: "ns", policy: policy, spill: place) { said.lines.append($0) }
        let stdio = try Stdio.open(StdioPaths(stdout: path), uid: 0, gid: 0, owner: owner)
        let process = try Peer.inheriting(stdio.descriptorsForRuntime[1])
        stdio.runtimeStarted()
        try stdio.start()
        return Output(stdio: stdio, path: path, process: process, client: client, said: said, scratch: scratch)
    }

    @Test func `spilled output comes out whole and in order`() async throws {
        let test = try output(.spill, limit: 4 << 20)
        let bytes = pattern(3 << 20)
        try await test.process.write(bytes)  // nobody has read yet
        let first = try await test.client.read(2 << 20)
        try await test.process.write(bytes)  // beyond the end of the file, which begins anew
        test.process.close()
        #expect(try await first + test.client.read() == bytes + bytes)
        #expect(await test.stdio.drained())
        test.stdio.close()
        #expect(test.stdio.lostBytes == 0)
        #expect(test.said.lines == [])
    }

    @Test func `spilled output comes out after the end of the process`() async throws {
        let test = try output(.spill)
        let bytes = pattern(900_000)
        try await test.process.write(bytes)
        await taken(test.process)
        test.process.close()
        test.stdio.processExited()
        #expect(await !test.stdio.relaysEnded(within: .milliseconds(1)))
        #expect(try await test.client.read() == bytes)
        #expect(await test.stdio.drained())
    }

    @Test func `of more than the limit the oldest is dropped and marked`() async throws {
        let test = try output(.spill, limit: 1 << 16)
        let bytes = pattern(1 << 20)
        try await test.process.write(bytes)
        await taken(test.process)
        test.process.close()
        let read = try await test.client.read()
        let (before, missing, after) = try #require(split(read))
        #expect(before == Array(bytes.prefix(before.count)))
        #expect(after == Array(bytes.suffix(after.count)))
        #expect(before.count + missing + after.count == bytes.count)
        #expect(after.count >= 1 << 16)
        test.stdio.close()
        #expect(test.stdio.lostBytes == missing)
        #expect(test.said.lines.first == "\(missing) bytes of output were dropped")
    }

    @Test func `dropped output is marked, at the end too`() async throws {
        let test = try output(.drop)
        let bytes = pattern(1 << 20)
        try await test.process.write(bytes)
        await taken(test.process)
        test.process.close()
        let (before, missing, after) = try #require(split(try await test.client.read()))
        #expect(before == Array(bytes.prefix(before.count)))
        #expect(after == [])
        #expect(before.count + missing == bytes.count)
        #expect(await test.stdio.drained())
    }

    @Test func `where no file can be made output is dropped, and the reason is told`() async throws {
        let test = try output(.spill, directory: "/no/such/directory")
        let bytes = pattern(1 << 20)
        try await test.process.write(bytes)
        await taken(test.process)
        test.process.close()
        let (before, missing, _) = try #require(split(try await test.client.read()))
        #expect(before.count + missing == bytes.count)
        #expect(
            test.said.lines.first
                == "output is dropped and not spilled: open a file in /no/such/directory: no such file or directory")
    }

    @Test func `a full disk drops what it does not take, behind what it took`() async throws {
        let scratch = try Scratch()
        try FileSystem.mount(source: "tmpfs", target: scratch.path, type: "tmpfs", flags: [], data: "size=64k")
        defer { _ = unsafe clinux_unmount(scratch.path, 1) }
        let test = try output(.spill, directory: scratch.path)
        let bytes = pattern(1 << 20)
        try await test.process.write(bytes)
        await taken(test.process)
        test.process.close()
        let (before, missing, after) = try #require(split(try await test.client.read()))
        #expect(before == Array(bytes.prefix(before.count)))
        #expect(before.count >= 65536 + 65536)
        #expect(after == [])
        #expect(before.count + missing == bytes.count)
        #expect(test.said.lines.first == "output is dropped and not spilled: no space, or an error of its disk")
    }

    @Test func `a process that is gone while its reader is stopped is given up in time, and counted`() async throws {
        let test = try output(.drop)
        try await test.process.write(pattern(1 << 20))
        await taken(test.process)
        test.process.close()
        #expect(await !test.stdio.drained())
        test.stdio.close()
        #expect(test.stdio.lostBytes > 1 << 19)
    }

    @Test(arguments: [OutputPolicy.drop, .spill])
    func `a terminal that nobody has open does not spin while its reader is stopped`(policy: OutputPolicy) async throws
    {
        let scratch = try Scratch()
        let path = try scratch.fifo("out")
        let client = try Peer.reader(path)
        let owner = Stdio.Owner(id: "c1", namespace: "ns", policy: policy) { _ in }
        let stdio = try Stdio.open(StdioPaths(stdout: path, terminal: true), uid: 0, gid: 0, owner: owner)
        var master: Int32 = -1
        let slave = try Peer(owning: FileDescriptor(owning: check(unsafe clinux_open_terminal(&master), "open", "")))
        try stdio.attach(console: FileDescriptor(owning: master))
        try await slave.write([UInt8](repeating: 0x66, count: 300_000))
        slave.close()
        // A loop that spins takes all the time there is.
        let before = try processorTime()
        await Reactor.shared.sleep(.milliseconds(300))
        #expect(try processorTime() - before < 100_000_000)
        stdio.processExited()
        if policy == .spill { #expect(try await client.read().count == 300_000) }
        stdio.close()
    }

    /// Suspends until the relay has all that was written, so that there is one mark.
    private func taken(_ process: Peer) async {
        while clinux_pipe_unread(process.raw) > 0 { await Reactor.shared.sleep(.zero) }
    }

    /// This program's, in nanoseconds (proc(5), schedstat).
    private func processorTime() throws -> Int {
        let times = try String(decoding: Files.read("/proc/self/schedstat"), as: UTF8.self)
        return try #require(times.split(separator: " ").first.flatMap { Int($0) })
    }

    /// What is before the one mark, how much it says, and what is after it.
    private func split(_ read: [UInt8]) -> (before: [UInt8], missing: Int, after: [UInt8])? {
        let begin = Array("\n[swiftrunc: ".utf8)
        let end = Array(" bytes of output were dropped]\n".utf8)
        guard let first = read.firstRange(of: begin), let last = read[first.upperBound...].firstRange(of: end) else {
            return nil
        }
        let number = Int(String(decoding: read[first.upperBound..<last.lowerBound], as: UTF8.self))
        return number.map { (Array(read[..<first.lowerBound]), $0, Array(read[last.upperBound...])) }
    }
}
