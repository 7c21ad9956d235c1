import Testing

@testable import TTRPC

extension ConnectionState {
    fileprivate mutating func receive(_ bytes: [UInt8]) -> [Action] { on(.received(bytes[...])) }
}

struct ConnectionStateTests {
    private func request(_ stream: UInt32, _ body: [UInt8] = []) -> [UInt8] {
        FrameHeader.frame(.request, stream: stream, body: body)
    }

    private func header(_ kind: UInt8, stream: UInt32, length: UInt32) -> [UInt8] {
        var bytes: [UInt8] = []
        for word in [length, stream] { bytes += [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: word >> $0) } }
        return bytes + [kind, 0]
    }

    private func refusal(_ stream: UInt32, _ text: String) -> ConnectionState.Action {
        .refuse(stream: stream, Status(code: 3, message: text))
    }

    private func tooLong(_ stream: UInt32, _ length: Int) -> ConnectionState.Action {
        .refuse(
            stream: stream,
            Status(code: 8, message: "message length \(length) exceed maximum message size of 4194304"))
    }

    @Test func `a request that comes byte by byte is handled once it is whole`() {
        var machine = ConnectionState()
        let bytes = request(1, [5, 6, 7])
        for byte in bytes.dropLast() { #expect(machine.receive([byte]) == []) }
        #expect(machine.receive([7]) == [.handle(stream: 1, body: [5, 6, 7])])
    }

    @Test(arguments: 1..<40)
    func `it does not matter where a stream is cut`(size: Int) {
        var machine = ConnectionState()
        let bytes = request(1, [1]) + request(3) + request(5, [UInt8](repeating: 9, count: 20))
        var actions: [ConnectionState.Action] = []
        for start in stride(from: 0, to: bytes.count, by: size) {
            actions += machine.receive(Array(bytes[start..<min(start + size, bytes.count)]))
        }
        #expect(
            actions == [
                .handle(stream: 1, body: [1]), .handle(stream: 3, body: []),
                .handle(stream: 5, body: [UInt8](repeating: 9, count: 20)),
            ])
    }

    @Test func `what is left after a whole frame is the beginning of the next`() {
        var machine = ConnectionState()
        let second = request(3, [8, 9])
        #expect(machine.receive(request(1) + second.prefix(11)) == [.handle(stream: 1, body: [])])
        #expect(machine.receive([9]) == [.handle(stream: 3, body: [8, 9])])
    }

    @Test func `a body of 4 MiB is accepted`() {
        var machine = ConnectionState()
        let body = [UInt8](repeating: 1, count: 4 << 20)
        #expect(machine.receive(request(1, body)) == [.handle(stream: 1, body: body)])
    }

    @Test func `a longer one is refused, and what follows it is read`() {
        var machine = ConnectionState()
        let length = 4 << 20 + 1
        let long = header(1, stream: 7, length: UInt32(length)) + [UInt8](repeating: 1, count: length)
        #expect(
            machine.receive(long + request(9, [1])) == [tooLong(7, length), .handle(stream: 9, body: [1])])
    }

    @Test func `a longer one in pieces is refused at its header and then passed over`() {
        var machine = ConnectionState()
        let length = 5 << 20
        #expect(machine.receive(header(1, stream: 7, length: UInt32(length))) == [tooLong(7, length)])
        let half = [UInt8](repeating: 1, count: length / 2)
        #expect(machine.receive(half) == [])
        #expect(machine.on(.finished(stream: 99)) == [])
        #expect(machine.receive(half.dropLast()) == [])
        #expect(machine.receive([1] + request(9)) == [.handle(stream: 9, body: [])])
    }

    @Test func `a longer one that ends with a piece is followed by the next`() {
        var machine = ConnectionState()
        let length = 5 << 20
        #expect(machine.receive(header(1, stream: 7, length: UInt32(length)) + [1, 2]) == [tooLong(7, length)])
        #expect(machine.receive([UInt8](repeating: 1, count: length - 2)) == [])
        #expect(machine.receive(request(9)) == [.handle(stream: 9, body: [])])
    }

    @Test func `a refused stream is not active`() {
        var machine = ConnectionState()
        let length = 4 << 20 + 1
        let long = header(1, stream: 7, length: UInt32(length)) + [UInt8](repeating: 1, count: length)
        _ = machine.receive(long)
        #expect(machine.receive(request(7)) == [.handle(stream: 7, body: [])])
    }

    @Test(arguments: [0, 2, UInt32.max - 1])
    func `an even stream is refused`(stream: UInt32) {
        var machine = ConnectionState()
        #expect(
            machine.receive(request(stream))
                == [refusal(stream, "StreamID must be odd for client initiated streams")])
        #expect(machine.on(.ended) == [.close])
    }

    @Test func `a stream that is being answered cannot be opened again, one that was answered can`() {
        var machine = ConnectionState()
        #expect(machine.receive(request(1)) == [.handle(stream: 1, body: [])])
        #expect(
            machine.receive(request(1))
                == [refusal(1, "StreamID cannot be re-used and must increment")])
        #expect(machine.on(.finished(stream: 1)) == [])
        #expect(machine.receive(request(1)) == [.handle(stream: 1, body: [])])
    }

    @Test func `streams may be opened in any order`() {
        var machine = ConnectionState()
        for stream: UInt32 in [9, 3, 0xffff_ffff, 5, 1] {
            #expect(machine.receive(request(stream)) == [.handle(stream: stream, body: [])])
        }
    }

    @Test func `data of a stream that is not active is refused, of one that is passed over`() {
        var machine = ConnectionState()
        let data = FrameHeader.frame(.data, stream: 1, body: [1, 2])
        #expect(machine.receive(data) == [refusal(1, "StreamID is no longer active")])
        #expect(machine.receive(request(1) + data) == [.handle(stream: 1, body: [])])
        #expect(machine.on(.finished(stream: 1)) == [])
        #expect(machine.receive(data) == [refusal(1, "StreamID is no longer active")])
    }

    @Test(arguments: [0, 2, 4, 255])
    func `frames of other kinds are passed over`(kind: UInt8) {
        var machine = ConnectionState()
        let other = header(kind, stream: 1, length: 3) + [1, 2, 3]
        #expect(machine.receive(other + request(1)) == [.handle(stream: 1, body: [])])
    }

    @Test func `a connection without calls closes at the peer's end`() {
        var machine = ConnectionState()
        #expect(machine.on(.ended) == [.close])
        #expect(machine.on(.ended) == [])
        #expect(machine.receive(request(1)) == [])
    }

    @Test func `one with calls closes after the last answer`() {
        var machine = ConnectionState()
        _ = machine.receive(request(1) + request(3) + request(5))
        #expect(machine.on(.finished(stream: 3)) == [])
        #expect(machine.on(.ended) == [])
        #expect(machine.receive(request(7)) == [])
        #expect(machine.on(.finished(stream: 1)) == [])
        #expect(machine.on(.finished(stream: 1)) == [])
        #expect(machine.on(.finished(stream: 5)) == [.close])
        #expect(machine.on(.finished(stream: 5)) == [])
    }

    @Test func `an end inside a frame is an end`() {
        var machine = ConnectionState()
        #expect(machine.receive([0, 0]) == [])
        #expect(machine.on(.ended) == [.close])
        var second = ConnectionState()
        _ = second.receive(header(1, stream: 1, length: 5 << 20))
        #expect(second.on(.ended) == [.close])
    }
}
