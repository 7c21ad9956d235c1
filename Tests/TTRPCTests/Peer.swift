import Linux
import Reactor
import Testing
import _Concurrency

@testable import TTRPC

/// Not in CLinux, for the program itself never ends one direction.
@_silgen_name("shutdown") private func shutdown(_ socket: Int32, _ direction: Int32) -> Int32

/// A directory of one test's own for its sockets, removed with them.
@Loop
final class Scratch {
    let path = "/tmp/swiftrunc-\(Process.randomName())"
    var socket: String { "\(path)/socket" }

    init() throws {
        _ = try Signals.open()  // a test that writes to a socket nobody reads wants EPIPE and not the signal
        try Files.makeDirectory(path, mode: 0o700)
    }

    deinit {
        Files.remove("\(path)/socket")
        Files.removeDirectory(path)
    }
}

/// The other side of a socket, frame by frame. Never blocks the loop.
@Loop
final class Peer {
    struct Frame: Equatable {
        let stream: UInt32
        let kind: UInt8
        let body: [UInt8]
    }

    private var socket: FileDescriptor?
    private var watch: Reactor.Watch?
    private var input: [UInt8] = []

    init(owning socket: consuming FileDescriptor) { self.socket = consume socket }

    convenience init(connectingTo path: String) throws { self.init(owning: try UnixSocket.connect(to: path)) }

    func close() { socket = nil }

    /// Nothing more will be sent; answers are still read.
    func endSending() { #expect(shutdown(socket?.raw ?? -1, 1) == 0) }

    func send(_ bytes: [UInt8]) async throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = try socket?.write(rest) ?? 0
            rest = rest.dropFirst(count)
            if count == 0 { try await ready(for: .writable) }
        }
    }

    /// The next frame; nil at the end.
    func frame() async throws -> Frame? {
        while true {
            if let header = FrameHeader(input[...]), input.count >= 10 + Int(header.length) {
                let body = Array(input[10..<10 + Int(header.length)])
                input.removeFirst(10 + body.count)
                return Frame(stream: header.stream, kind: header.kind, body: body)
            }
            guard let chunk = try await read() else { return nil }
            input += chunk
        }
    }

    private func read() async throws -> [UInt8]? {
        while true {
            var result = FileDescriptor.Reading.notYet
            let bytes = try unsafe [UInt8](unsafeUninitializedCapacity: 65536) { buffer, filled in
                result = try unsafe socket?.read(into: UnsafeMutableRawBufferPointer(buffer)) ?? .end
                if case .bytes(let count) = result { filled = count }
            }
            switch result {
            case .bytes: return bytes
            case .end: return nil
            case .notYet: try await ready(for: .readable)
            }
        }
    }

    /// Suspends until it is ready; a test that would wait for ever fails.
    private func ready(for interest: Reactor.Readiness) async throws {
        let isReady = await Waiter<Bool>.suspend { waiter in
            let limit = Reactor.shared.after(.seconds(20)) {
                self.stopWatching()
                waiter.resume(false)
            }
            do throws(Failure) {
                guard let socket = socket.take() else { throw Failure(.internal, "closed") }
                watch = try Reactor.shared.watch(socket, for: interest) { _ in
                    self.stopWatching()
                    Reactor.shared.cancel(limit)
                    waiter.resume(true)
                }
                self.socket = consume socket
            } catch {
                Reactor.shared.cancel(limit)
                waiter.resume(false)
            }
        }
        try #require(isReady, "nothing happened for 20 seconds")
    }

    private func stopWatching() {
        if let watch { Reactor.shared.cancel(watch) }
        watch = nil
    }
}

/// Values that come one by one, and somebody who waits for them.
@Loop
final class Mailbox<Value: Sendable> {
    private var values: [Value] = []
    private var waiter: Waiter<Bool>?

    func put(_ value: Value) {
        values.append(value)
        let waiter = self.waiter
        self.waiter = nil
        waiter?.resume(true)
    }

    /// The next one; a test that would wait for ever fails.
    func next() async throws -> Value {
        if values.isEmpty {
            let came = await Waiter<Bool>.suspend { waiter in
                self.waiter = waiter
                _ = Reactor.shared.after(.seconds(20)) {
                    if self.values.isEmpty, self.waiter != nil {
                        self.waiter = nil
                        waiter.resume(false)
                    }
                }
            }
            try #require(came, "nothing happened for 20 seconds")
        }
        return values.removeFirst()
    }

    var isEmpty: Bool { values.isEmpty }
}
