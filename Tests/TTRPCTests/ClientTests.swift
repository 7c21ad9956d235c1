import Linux
import Protobuf
import Reactor
import Testing

@testable import TTRPC

extension Client {
    fileprivate func disconnect() { disconnect(Failure(.cancelled, "disconnected")) }
}

/// Accepts whoever connects.
@Loop
private final class Listener {
    let scratch: Scratch
    let peers = Mailbox<Peer>()
    private let socket: FileDescriptor
    private var watch: Reactor.Watch?

    init() throws {
        scratch = try Scratch()
        socket = try UnixSocket.listen(at: scratch.socket)
        watch = try Reactor.shared.watch(socket, for: .readable) { _ in self.accept() }
    }

    private func accept() {
        do throws(Failure) {
            guard let peer = try UnixSocket.accept(from: socket) else { return }
            peers.put(Peer(owning: peer))
        } catch {
            Issue.record(error)
        }
    }

    func close() {
        if let watch { Reactor.shared.cancel(watch) }
    }
}

@Loop
struct ClientTests {
    private func call(_ client: Client, _ method: String = "M", _ payload: [UInt8] = []) -> Mailbox<Client.Outcome> {
        let outcomes = Mailbox<Client.Outcome>()
        client.call(
            service: "a.B", method: method, payload: payload, metadata: [Metadata(key: "k", value: "v")],
            timeout: .seconds(5)
        ) { outcomes.put($0) }
        return outcomes
    }

    private func payload(_ outcomes: Mailbox<Client.Outcome>) async throws -> [UInt8]? {
        if case .answered(let payload) = try await outcomes.next() { payload } else { nil }
    }

    private func loss(_ outcomes: Mailbox<Client.Outcome>) async throws -> Failure? {
        if case .lost(let failure) = try await outcomes.next() { failure } else { nil }
    }

    private func answer(_ stream: UInt32, _ payload: [UInt8]) -> [UInt8] {
        FrameHeader.frame(.response, stream: stream, body: TTRPCResponse(payload: payload).encoded())
    }

    @Test func `a call is one frame, and its answer another`() async throws {
        let listener = try Listener()
        defer { listener.close() }
        let client = Client(path: listener.scratch.socket)
        let outcomes = call(client, "Forward", [1, 2])
        let peer = try await listener.peers.next()
        let request: [UInt8] =
            [0x0a, 3] + Array("a.B".utf8) + [0x12, 7] + Array("Forward".utf8) + [0x1a, 2, 1, 2]
            + [0x20, 0x80, 0xe4, 0x97, 0xd0, 0x12, 0x2a, 6, 0x0a, 1, 0x6b, 0x12, 1, 0x76]
        #expect(try await peer.frame() == Peer.Frame(stream: 1, kind: 1, body: request))
        try await peer.send(answer(1, [9]))
        #expect(try await payload(outcomes) == [9])
        client.disconnect()
    }

    @Test func `calls share a connection, and each has a stream of its own`() async throws {
        let listener = try Listener()
        defer { listener.close() }
        let client = Client(path: listener.scratch.socket)
        var outcomes = call(client)
        let peer = try await listener.peers.next()
        for stream: UInt32 in [1, 3, 5] {
            #expect(try await peer.frame()?.stream == stream)
            try await peer.send(answer(stream, [UInt8(stream)]))
            #expect(try await payload(outcomes) == [UInt8(stream)])
            outcomes = call(client)
        }
        #expect(listener.peers.isEmpty)
        client.disconnect()
    }

    @Test func `a refusal has the server's status`() async throws {
        let listener = try Listener()
        defer { listener.close() }
        let client = Client(path: listener.scratch.socket)
        let outcomes = call(client)
        let peer = try await listener.peers.next()
        let response = TTRPCResponse(status: TTRPCStatus(code: 12, message: "service a.B"))
        try await peer.send(FrameHeader.frame(.response, stream: 1, body: response.encoded()))
        guard case .refused(let status) = try await outcomes.next() else {
            Issue.record("not refused")
            return
        }
        #expect(status == Status(code: 12, message: "service a.B"))
        let next = call(client)
        try await peer.send(answer(3, []))
        #expect(try await payload(next) == [])
        client.disconnect()
    }

    @Test func `a status of code 0 is an answer`() async throws {
        let listener = try Listener()
        defer { listener.close() }
        let client = Client(path: listener.scratch.socket)
        let outcomes = call(client)
        let peer = try await listener.peers.next()
        let response = TTRPCResponse(status: TTRPCStatus(code: 0, message: ""), payload: [4])
        try await peer.send(FrameHeader.frame(.response, stream: 1, body: response.encoded()))
        #expect(try await payload(outcomes) == [4])
        client.disconnect()
    }

    @Test func `an answer may come in pieces, and frames of others are passed over`() async throws {
        let listener = try Listener()
        defer { listener.close() }
        let client = Client(path: listener.scratch.socket)
        let outcomes = call(client)
        let peer = try await listener.peers.next()
        let payload = [UInt8](repeating: 3, count: 10_000)
        let bytes = answer(7, [1]) + FrameHeader.frame(.data, stream: 1, body: [1]) + answer(1, payload)
        try await peer.send(Array(bytes.prefix(5)))
        await Reactor.shared.sleep(.zero)
        try await peer.send(Array(bytes[5..<6000]))
        await Reactor.shared.sleep(.zero)
        #expect(outcomes.isEmpty)
        try await peer.send(Array(bytes[6000...]))
        #expect(try await self.payload(outcomes) == payload)
        client.disconnect()
    }

    @Test func `a large request is sent as the server reads it`() async throws {
        let listener = try Listener()
        defer { listener.close() }
        let client = Client(path: listener.scratch.socket)
        let payload = [UInt8](repeating: 5, count: 3 << 20)
        let outcomes = call(client, "M", payload)
        let peer = try await listener.peers.next()
        #expect(try TTRPCRequest(decoding: try #require(try await peer.frame()).body).payload == payload)
        try await peer.send(answer(1, []))
        #expect(try await self.payload(outcomes) == [])
        client.disconnect()
    }

    @Test func `a server that is not there loses the call, in another turn`() async throws {
        let scratch = try Scratch()
        let client = Client(path: scratch.socket)
        let outcomes = call(client)
        #expect(outcomes.isEmpty)
        let failure = try await loss(outcomes)
        #expect(failure?.errno == Errno.noEntry)
        #expect(failure?.message == "connect to \(scratch.socket): no such file or directory")
    }

    @Test func `a server that goes loses the call, and the next one connects again`() async throws {
        let listener = try Listener()
        defer { listener.close() }
        let client = Client(path: listener.scratch.socket)
        let outcomes = call(client)
        let first = try await listener.peers.next()
        _ = try await first.frame()
        first.close()
        #expect(
            try await loss(outcomes) == Failure(.unavailable, "\(listener.scratch.socket): closed by the server"))
        let next = call(client)
        let second = try await listener.peers.next()
        #expect(try await second.frame()?.stream == 1)
        try await second.send(answer(1, [2]))
        #expect(try await payload(next) == [2])
        client.disconnect()
    }

    @Test func `a server that goes between two calls harms none`() async throws {
        let listener = try Listener()
        defer { listener.close() }
        let client = Client(path: listener.scratch.socket)
        let outcomes = call(client)
        let first = try await listener.peers.next()
        try await first.send(answer(1, []))
        #expect(try await payload(outcomes) == [])
        first.close()
        await Reactor.shared.sleep(.zero)
        let next = call(client)
        try await listener.peers.next().send(answer(1, [7]))
        #expect(try await payload(next) == [7])
        client.disconnect()
    }

    @Test func `an answer that cannot be decoded loses the call`() async throws {
        let listener = try Listener()
        defer { listener.close() }
        let client = Client(path: listener.scratch.socket)
        let outcomes = call(client)
        try await listener.peers.next().send(FrameHeader.frame(.response, stream: 1, body: [0xff]))
        #expect(try await loss(outcomes) != nil)
    }

    @Test func `an answer that says it is too long loses the call at its header`() async throws {
        let listener = try Listener()
        defer { listener.close() }
        let outcomes = call(Client(path: listener.scratch.socket))
        let peer = try await listener.peers.next()
        try await peer.send([255, 0, 0, 0, 0, 0, 0, 1, 2, 0])
        #expect(try await loss(outcomes)?.message.hasSuffix("frame too long") == true)
    }

    @Test func `whoever disconnects loses his call, once`() async throws {
        let listener = try Listener()
        defer { listener.close() }
        let client = Client(path: listener.scratch.socket)
        let outcomes = call(client)
        _ = try await listener.peers.next()
        client.disconnect()
        client.disconnect()
        #expect(try await loss(outcomes) == Failure(.cancelled, "disconnected"))
        #expect(outcomes.isEmpty)
    }

    @Test func `client and server understand each other`() async throws {
        let scratch = try Scratch()
        let server = Server(listener: try UnixSocket.listen(at: scratch.socket))
        try server.serve(
            { server.answer($0.stream, $0.payload + Array($0.method.utf8)) }, onConnect: {}, onDisconnect: { _ in })
        let client = Client(path: scratch.socket)
        for index: UInt8 in 0..<20 { #expect(try await payload(call(client, "m", [index])) == [index, 0x6d]) }
        #expect(server.accepted == 1)
        client.disconnect()
    }
}
