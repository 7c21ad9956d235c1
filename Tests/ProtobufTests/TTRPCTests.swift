import Linux
import Testing

@testable import Protobuf

struct TTRPCTests {
    let request = TTRPCRequest(
        service: "containerd.task.v2.Task", method: "Wait", payload: [10, 1, 99], timeoutNanoseconds: 5_000_000_000,
        metadata: [Metadata(key: "containerd-namespace-ttrpc", value: "default"), Metadata(key: "k", value: "")])

    @Test func `a request has its five fields`() throws {
        let wire =
            text(1, "containerd.task.v2.Task") + text(2, "Wait") + bytes(3, [10, 1, 99]) + number(4, 5_000_000_000)
            + bytes(5, text(1, "containerd-namespace-ttrpc") + text(2, "default")) + bytes(5, text(1, "k"))
        #expect(try TTRPCRequest(decoding: wire) == request)
        #expect(request.encoded() == wire)
    }

    @Test func `a response of a call that succeeded has no status`() throws {
        #expect(TTRPCResponse(payload: [8, 5]).encoded() == [0x12, 2, 8, 5])
        #expect(try TTRPCResponse(decoding: [0x12, 2, 8, 5]) == TTRPCResponse(payload: [8, 5]))
    }

    @Test func `an empty reply has no bytes`() throws {
        #expect(TTRPCResponse().encoded() == [])
        #expect(try TTRPCResponse(decoding: []) == TTRPCResponse())
    }

    @Test func `an error has a code and a message`() throws {
        let response = TTRPCResponse(status: TTRPCStatus(code: 12, message: "service foo.Bar"))
        let wire = bytes(1, number(1, 12) + text(2, "service foo.Bar"))
        #expect(response.encoded() == wire)
        #expect(try TTRPCResponse(decoding: wire) == response)
    }

    @Test func `details of an error are skipped`() throws {
        let wire = bytes(1, number(1, 5) + text(2, "not found") + bytes(3, text(1, "x")))
        #expect(
            try TTRPCResponse(decoding: wire) == TTRPCResponse(status: TTRPCStatus(code: 5, message: "not found")))
    }

    @Test func `a payload of 4 MiB comes back as it was`() throws {
        var large = request
        large.payload = [UInt8](repeating: 7, count: 4 << 20)
        #expect(try TTRPCRequest(decoding: large.encoded()) == large)
        let response = TTRPCResponse(payload: large.payload)
        #expect(try TTRPCResponse(decoding: response.encoded()) == response)
    }
}
