import CLinux
import Linux
import Reactor
import Testing
import _Concurrency

@testable import Stdio

/// A directory of one test's own, removed with what is in it.
@Loop
final class Scratch {
    let path: String
    private var names: [String] = []

    init() throws {
        // A test that writes to a pipe nobody reads wants EPIPE and not the signal.
        _ = clinux_close(clinux_signals())
        path = "/tmp/swiftrunc-\(Process.randomName())"
        try Files.makeDirectory(path, mode: 0o700)
    }

    deinit {
        for name in names { Files.remove("\(path)/\(name)") }
        Files.removeDirectory(path)
    }

    func fifo(_ name: String) throws -> String {
        names.append(name)
        try check(unsafe clinux_make_fifo("\(path)/\(name)", 0o600), "mkfifo", name)
        return "\(path)/\(name)"
    }

    func file(_ name: String, _ text: String) throws -> String {
        names.append(name)
        try Files.writeAtomically(Array(text.utf8), to: "\(path)/\(name)")
        return "\(path)/\(name)"
    }
}

/// Somebody at the other end: the client or the process. Never blocks the loop.
@Loop
final class Peer {
    private var descriptor: FileDescriptor?
    private var watch: Reactor.Watch?

    init(owning descriptor: consuming FileDescriptor) throws {
        try descriptor.makeNonblocking()
        self.descriptor = consume descriptor
    }

    static func reader(_ path: String) throws -> Peer {
        try Peer(owning: FileDescriptor(opening: path, [.readOnly, .nonblocking]))
    }

    static func writer(_ path: String) throws -> Peer {
        try Peer(owning: FileDescriptor(opening: path, [.writeOnly, .nonblocking]))
    }

    /// What a child has after it inherited `raw`.
    static func inheriting(_ raw: Int32) throws -> Peer {
        try Peer(owning: FileDescriptor(owning: check(clinux_copy_descriptor(raw), "dup", "\(raw)")))
    }

    var raw: Int32 { descriptor?.raw ?? -1 }

    func close() { descriptor = nil }

    /// Reads `count` bytes, or fewer up to the end.
    func read(_ count: Int = .max) async throws -> [UInt8] {
        var all: [UInt8] = []
        while all.count < count {
            let result = readOnce(min(65536, count - all.count))
            switch result {
            case .some(let chunk) where chunk.isEmpty: return all
            case .some(let chunk): all += chunk
            case nil: try await ready(for: .readable)
            }
        }
        return all
    }

    /// nil: nothing yet. Empty: the end.
    func readOnce(_ count: Int = 65536) -> [UInt8]? {
        var result: Int64 = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            result = unsafe clinux_read(raw, buffer.baseAddress!, count)
            filled = Int(max(0, result))
        }
        return result == -Int64(Errno.again) ? nil : bytes
    }

    /// Writes all of it; fails with EPIPE when nobody reads any more.
    func write(_ bytes: [UInt8]) async throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = try descriptor?.write(rest) ?? 0
            rest = rest.dropFirst(count)
            if count == 0 { try await ready(for: .writable) }
        }
    }

    func write(_ text: String) async throws { try await write(Array(text.utf8)) }

    /// Writes until nothing more is taken; how much that was.
    func fill() throws -> Int {
        var total = 0
        while let count = try descriptor?.write(ArraySlice(repeating: 0x66, count: 4096)), count > 0 { total += count }
        return total
    }

    /// Suspends until it is ready; a test that would wait for ever fails.
    func ready(for interest: Reactor.Readiness) async throws {
        let isReady = await Waiter<Bool>.suspend { waiter in
            let limit = Reactor.shared.after(.seconds(20)) {
                self.stopWatching()
                waiter.resume(false)
            }
            do throws(Failure) {
                try watch(for: interest) {
                    Reactor.shared.cancel(limit)
                    waiter.resume(true)
                }
            } catch {
                Reactor.shared.cancel(limit)
                waiter.resume(false)
            }
        }
        try #require(isReady, "nothing happened for 20 seconds")
    }

    private func watch(for interest: Reactor.Readiness, _ handler: @escaping @Loop () -> Void) throws(Failure) {
        guard let descriptor = descriptor.take() else { throw Failure(.internal, "closed") }
        watch = try Reactor.shared.watch(descriptor, for: interest) { _ in
            self.stopWatching()
            handler()
        }
        self.descriptor = consume descriptor
    }

    private func stopWatching() {
        if let watch { Reactor.shared.cancel(watch) }
        watch = nil
    }
}

/// Bytes that tell where they belong.
func pattern(_ count: Int) -> [UInt8] {
    unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
        for index in 0..<count { unsafe buffer[index] = UInt8(truncatingIfNeeded: index &* 31 &+ index >> 8) }
        filled = count
    }
}

/// How many descriptors this program has, the reactor's among them.
@Loop
func descriptorCount() -> Int {
    _ = Reactor.shared
    return (0..<1024).count { clinux_poll($0, 0) & 0x20 == 0 }
}

extension Stdio {
    /// One whose complaints nobody hears.
    static func open(_ paths: StdioPaths, uid: UInt32, gid: UInt32) throws(Failure) -> Stdio {
        try open(paths, uid: uid, gid: gid, owner: Owner(id: "c1", namespace: "ns") { _ in })
    }
}
