import Linux
import Testing

@testable import Protobuf

struct CodingTests {
    static let decoders: [@Sendable ([UInt8]) throws -> Void] = [
        { _ = try AnyMessage(decoding: $0) },
        { _ = try TTRPCRequest(decoding: $0) },
        { _ = try TTRPCResponse(decoding: $0) },
        { _ = try TaskRequest(decoding: $0) },
        { _ = try ProcessRequest(decoding: $0) },
        { _ = try CreateTaskRequest(decoding: $0) },
        { _ = try ExecRequest(decoding: $0) },
        { _ = try KillRequest(decoding: $0) },
        { _ = try ResizePtyRequest(decoding: $0) },
        { _ = try CloseIORequest(decoding: $0) },
        { _ = try UpdateRequest(decoding: $0) },
        { _ = try CheckpointRequest(decoding: $0) },
        { _ = try ShutdownRequest(decoding: $0) },
        { _ = try RuncOptions(decoding: $0) },
        { _ = try RuntimeOptions(decoding: $0) },
        { _ = try CheckpointOptions(decoding: $0) },
        { _ = try BootstrapParams(decoding: $0) },
        { _ = try ForwardRequest(decoding: $0) },
    ]

    @Test(arguments: [
        [0x0a], [0x0a, 2, 0x63], [0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f],
        [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], [0x08, 1], [0x0b], [0x00],
    ])
    func `what is not a message is refused`(wire: [UInt8]) throws {
        let failure = #expect(throws: Failure.self) { try CreateTaskRequest(decoding: wire) }
        #expect(failure?.kind == .invalidArgument)
        #expect(failure?.message == "CreateTaskRequest: malformed")
    }

    @Test func `a text with a NUL is refused, in a field, a list and a part`() {
        let text = bytes(1, [0x61, 0, 0x62])
        for decode in [Self.decoders[3], Self.decoders[4], Self.decoders[5], Self.decoders[16]] {
            #expect(throws: Failure.self) { try decode(text) }
        }
        #expect(throws: Failure.self) { try CreateTaskRequest(decoding: bytes(3, bytes(4, [0]))) }
        #expect(throws: Failure.self) { try CreateTaskRequest(decoding: bytes(10, text)) }
    }

    @Test func `a text that is not UTF-8 is refused`() {
        #expect(throws: Failure.self) { try TaskRequest(decoding: bytes(1, [0xc3])) }
        #expect(throws: Failure.self) { try TaskRequest(decoding: bytes(1, [0xff, 0xfe])) }
    }

    @Test func `fields that nobody knows are skipped`() throws {
        let wire = number(15, 1) + text(1, "c1") + bytes(14, [0, 1]) + [13 << 3 | 1] + [UInt8](repeating: 9, count: 8)
        #expect(try TaskRequest(decoding: wire) == TaskRequest(id: "c1"))
    }

    @Test func `of a field that comes twice the last counts, and parts are joined`() throws {
        let wire = text(1, "a") + text(1, "b") + bytes(10, text(1, "t")) + bytes(10, bytes(2, [7]))
        let request = try CreateTaskRequest(decoding: wire)
        #expect(request.id == "b")
        #expect(request.options == AnyMessage(typeURL: "t", value: [7]))
    }

    @Test func `a text of several bytes a character comes back as it was`() throws {
        let any = AnyMessage(typeURL: "/tmp/überall/東京/🐳")
        #expect(try AnyMessage(decoding: any.encoded()) == any)
    }

    @Test func `a message cut anywhere is decoded or refused`() {
        let inner = bytes(8, bytes(1, text(1, "type") + bytes(2, [1, 2, 3]))) + text(9, "socket")
        let whole =
            (1...7).reduce([]) { wire, field in wire + bytes(UInt8(field), text(1, "x") + text(2, "y")) } + inner
        for count in 0...whole.count {
            for decode in Self.decoders {
                try? decode([UInt8](whole.prefix(count)))
            }
        }
    }

    @Test func `random bytes are decoded or refused`() {
        var state: UInt64 = 1
        func random(_ bound: UInt64) -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state >> 33) % bound
        }
        for round in 0..<4000 {
            // Half of them look like messages: a tag of a likely field, a short length.
            let wire = (0..<random(60)).flatMap { _ -> [UInt8] in
                round % 2 == 0
                    ? [UInt8(random(256))]
                    : [UInt8(random(16) << 3 | [0, 2, 2, 2][Int(random(4))]), UInt8(random(12))]
            }
            for decode in Self.decoders {
                try? decode(wire)
            }
        }
    }
}
