import Linux
import Protobuf
import Reactor
import Testing

@testable import TTRPC

/// A server on a real socket whose calls wait in a mailbox for their answers.
@Loop
private final class Service {
    let scratch: Scratch
    let server: Server
    let calls = Mailbox<Call>()
    let arrivals = Mailbox<Void>()
    let departures = Mailbox<UInt32>()

    init() throws {
        scratch = try Scratch()
        server = Server(listener: try UnixSocket.listen(at: scratch.socket))
        let (calls, arrivals, departures) = (calls, arrivals, departures)
        try server.serve(
            { calls.put($0) }, onConnect: { arrivals.put(()) }, onDisconnect: { departures.put($0) })
    }

    func peer() throws -> Peer { try Peer(connectingTo: scratch.socket) }
}

private func request(_ stream: UInt32, _ method: String, _ payload: [UInt8] = [], timeout: Int64 = 0) -> [UInt8] {
    let body = TTRPCRequest(service: "a.B", method: method, payload: payload, timeoutNanoseconds: timeout)
    return FrameHeader.frame(.request, stream: stream, body: body.encoded())
}

private func answer(_ stream: UInt32, _ payload: [UInt8]) -> Peer.Frame {
    Peer.Frame(stream: stream, kind: 2, body: TTRPCResponse(payload: payload).encoded())
}

private func refusal(_ stream: UInt32, _ code: Int32, _ message: String) -> Peer.Frame {
    let status = TTRPCStatus(code: code, message: message)
    return Peer.Frame(stream: stream, kind: 2, body: TTRPCResponse(status: status).encoded())
}

@Loop
struct ServerTests {
    /// As containerd 1.6's client writes a call, byte by byte.
    private let golden: [UInt8] =
        [0, 0, 0, 0x2c, 0, 0, 0, 1, 1, 0]
        + [0x0a, 0x17] + Array("containerd.task.v2.Task".utf8)
        + [0x12, 0x05] + Array("State".utf8)
        + [0x1a, 0x04, 0x0a, 0x02, 0x63, 0x31]
        + [0x20, 0x80, 0xe4, 0x97, 0xd0, 0x12]

    @Test func `a call comes as containerd sends it`() async throws {
        let service = try Service()
        let peer = try service.peer()
        try await peer.send(golden)
        let call = try await service.calls.next()
        #expect(call.service == "containerd.task.v2.Task")
        #expect(call.method == "State")
        #expect(call.payload == [0x0a, 0x02, 0x63, 0x31])
        #expect(call.timeout == .seconds(5))
        #expect(call.stream.id == 1)
        service.server.answer(call.stream, [])
        #expect(try await peer.frame() == Peer.Frame(stream: 1, kind: 2, body: []))
    }

    @Test func `calls are answered in any order`() async throws {
        let service = try Service()
        let peer = try service.peer()
        try await peer.send(request(1, "One") + request(3, "Two") + request(5, "Three"))
        let calls = [
            try await service.calls.next(), try await service.calls.next(), try await service.calls.next(),
        ]
        #expect(calls.map(\.method) == ["One", "Two", "Three"])
        #expect(calls[0].timeout == nil)
        for index in [2, 0, 1] { service.server.answer(calls[index].stream, [UInt8(index)]) }
        #expect(try await peer.frame() == answer(5, [2]))
        #expect(try await peer.frame() == answer(1, [0]))
        #expect(try await peer.frame() == answer(3, [1]))
    }

    @Test func `peers with the same stream get their own answers`() async throws {
        let service = try Service()
        let (first, second) = (try service.peer(), try service.peer())
        try await first.send(request(1, "First"))
        let firstCall = try await service.calls.next()
        try await second.send(request(1, "Second"))
        let secondCall = try await service.calls.next()
        #expect(firstCall.stream != secondCall.stream)
        service.server.answer(secondCall.stream, [2])
        service.server.answer(firstCall.stream, [1])
        #expect(try await first.frame() == answer(1, [1]))
        #expect(try await second.frame() == answer(1, [2]))
        #expect(service.server.accepted == 2)
    }

    @Test func `a failure has its code and its word`() async throws {
        let service = try Service()
        let peer = try service.peer()
        try await peer.send(request(1, "One") + request(3, "Two"))
        service.server.answer(try await service.calls.next().stream, Failure(.notFound, "container not created"))
        #expect(try await peer.frame() == refusal(1, 5, "container not created: not found"))
        service.server.refuse(try await service.calls.next().stream, Status(code: 12, message: "service a.B"))
        #expect(try await peer.frame() == refusal(3, 12, "service a.B"))
    }

    @Test func `bytes that are no request are refused, and the connection goes on`() async throws {
        let service = try Service()
        let peer = try service.peer()
        try await peer.send(FrameHeader.frame(.request, stream: 1, body: [0xff]) + request(2, "Even"))
        let first = try #require(try await peer.frame())
        #expect(first.stream == 1)
        let status = try TTRPCResponse(decoding: first.body).status
        #expect(status?.code == 3)
        #expect(status?.message.hasPrefix("unmarshal request error: ") == true)
        #expect(
            try await peer.frame() == refusal(2, 3, "StreamID must be odd for client initiated streams"))
        try await peer.send(request(1, "Again"))
        service.server.answer(try await service.calls.next().stream, [1])
        #expect(try await peer.frame() == answer(1, [1]))
        #expect(service.calls.isEmpty)
    }

    @Test func `a request of more than 4 MiB is refused, and the connection goes on`() async throws {
        let service = try Service()
        let peer = try service.peer()
        let length = 4 << 20 + 1
        try await peer.send(
            FrameHeader.frame(.request, stream: 1, body: [UInt8](repeating: 1, count: length)) + request(3, "Next"))
        #expect(
            try await peer.frame()
                == refusal(1, 8, "message length 4194305 exceed maximum message size of 4194304"))
        service.server.answer(try await service.calls.next().stream, [1])
        #expect(try await peer.frame() == answer(3, [1]))
    }

    @Test func `large messages go both ways, and an answer that is too large is a refusal`() async throws {
        let service = try Service()
        let peer = try service.peer()
        let large = [UInt8](repeating: 7, count: 4 << 20 - 100)
        async let sending: Void = peer.send(request(1, "Large", large))
        let call = try await service.calls.next()
        try await sending
        #expect(call.payload == large)
        service.server.answer(call.stream, call.payload)
        #expect(!service.server.isFlushed)
        #expect(try await peer.frame() == answer(1, large))
        #expect(service.server.isFlushed)
        try await peer.send(request(3, "More"))
        service.server.answer(try await service.calls.next().stream, [UInt8](repeating: 7, count: 4 << 20))
        #expect(
            try await peer.frame()
                == refusal(3, 8, "message length 4194309 exceed maximum message size of 4194304"))
    }

    @Test func `a peer that has ended its sending still gets its answers, and then the end`() async throws {
        let service = try Service()
        let peer = try service.peer()
        try await peer.send(request(1, "One") + request(3, "Two"))
        peer.endSending()
        let (first, second) = (try await service.calls.next(), try await service.calls.next())
        #expect(try await service.departures.next() == first.stream.connection)
        service.server.answer(first.stream, [1])
        #expect(try await peer.frame() == answer(1, [1]))
        service.server.answer(second.stream, [2])
        #expect(try await peer.frame() == answer(3, [2]))
        #expect(try await peer.frame() == nil)
        #expect(service.departures.isEmpty)
    }

    @Test func `an abandoned call keeps no connection open`() async throws {
        let service = try Service()
        let peer = try service.peer()
        try await peer.send(request(1, "Wait"))
        peer.endSending()
        let call = try await service.calls.next()
        _ = try await service.departures.next()
        service.server.abandon(call.stream)
        #expect(try await peer.frame() == nil)
    }

    @Test func `a peer that is gone is told of once, and answers to it harm none`() async throws {
        let service = try Service()
        let (gone, other) = (try service.peer(), try service.peer())
        try await gone.send(request(1, "One"))
        let call = try await service.calls.next()
        gone.close()
        #expect(try await service.departures.next() == call.stream.connection)
        service.server.answer(call.stream, [1])
        service.server.abandon(call.stream)
        try await other.send(request(1, "Two"))
        service.server.answer(try await service.calls.next().stream, [2])
        #expect(try await other.frame() == answer(1, [2]))
        #expect(service.departures.isEmpty)
    }

    @Test func `a peer that says nothing is a peer`() async throws {
        let service = try Service()
        let peer = try service.peer()
        try await service.arrivals.next()
        #expect(service.server.accepted == 1)
        peer.close()
        #expect(try await service.departures.next() == 1)
    }

    @Test func `without accepting, those who are connected go on`() async throws {
        let service = try Service()
        let peer = try service.peer()
        try await service.arrivals.next()
        service.server.stopAccepting()
        let late = try service.peer()
        try await peer.send(request(1, "One"))
        service.server.answer(try await service.calls.next().stream, [1])
        #expect(try await peer.frame() == answer(1, [1]))
        #expect(service.server.accepted == 1)
        peer.close()
        _ = try await service.departures.next()
        late.close()
    }

    @Test func `a peer that reads nothing is not read for ever, and loses nothing`() async throws {
        let service = try Service()
        let peer = try service.peer()
        let payload = [UInt8](repeating: 1, count: 3 << 20)
        for stream: UInt32 in [1, 3, 5] {
            try await peer.send(request(stream, "Large"))
            service.server.answer(try await service.calls.next().stream, payload)
        }
        try await peer.send(request(7, "Unread"))
        await Reactor.shared.sleep(.zero)
        await Reactor.shared.sleep(.zero)
        #expect(service.calls.isEmpty)
        for stream: UInt32 in [1, 3, 5] { #expect(try await peer.frame() == answer(stream, payload)) }
        #expect(try await service.calls.next().method == "Unread")
    }
}
