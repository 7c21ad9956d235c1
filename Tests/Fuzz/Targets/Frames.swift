import Linux
import Protobuf
import TTRPC

/// The bytes of one connection to us, or from us.
func checkFrames(_ bytes: [UInt8]) throws(FuzzTarget.Violation) {
    let whole = actions(for: bytes, inPiecesOf: max(bytes.count, 1))
    // The first bytes say how it is cut: they are as good as any others.
    for size in [1, 1 + Int(bytes.first ?? 0) % 16] {
        try require(actions(for: bytes, inPiecesOf: size) == whole, "cut into \(size) bytes it means something else")
    }
    var active: Set<UInt32> = []
    var taken = 0
    for action in whole {
        switch action {
        case .handle(let stream, let body):
            try require(stream % 2 == 1, "an even stream is handled")
            try require(active.insert(stream).inserted, "a stream is handled twice")
            try require(body.count <= FrameHeader.longestBody, "a body of \(body.count) bytes")
            taken += FrameHeader.size + body.count
            try checkRequestFrame(stream, body)
        case .refuse(_, let status):
            try require(status.code == 3 || status.code == 8, "refused with \(status.code)")
            taken += FrameHeader.size
        case .close: try require(active.isEmpty, "closed with streams that nobody has answered")
        }
    }
    try require(taken <= bytes.count, "more was handled than came")
    try checkResponse(bytes)
}

/// All that is done with a connection's bytes, and at its end.
private func actions(for bytes: [UInt8], inPiecesOf size: Int) -> [ConnectionState.Action] {
    var machine = ConnectionState()
    var actions: [ConnectionState.Action] = []
    for start in stride(from: 0, to: bytes.count, by: size) {
        actions += machine.on(.received(bytes[start..<min(start + size, bytes.count)]))
    }
    return actions + machine.on(.ended)
}

/// A request that is written again, in a frame, is the same request.
private func checkRequestFrame(_ stream: UInt32, _ body: [UInt8]) throws(FuzzTarget.Violation) {
    guard let request = try accepted({ () throws(Failure) in try TTRPCRequest(decoding: body) }) else { return }
    let written = request.encoded()
    var machine = ConnectionState()
    let frame = FrameHeader.frame(.request, stream: stream, body: written)
    try require(machine.on(.received(frame[...])) == [.handle(stream: stream, body: written)], "another frame")
    let again = try understood { () throws(Failure) in try TTRPCRequest(decoding: written) }
    try require(again == request, "another request: \(request) and \(again)")
    try require(machine.on(.ended) == [], "closed before the answer")
    try require(machine.on(.finished(stream: stream)) == [.close], "not closed after the answer")
}

/// The same bytes as what containerd might answer.
private func checkResponse(_ bytes: [UInt8]) throws(FuzzTarget.Violation) {
    guard let header = FrameHeader(bytes[...]) else { return }
    let body = Array(bytes.dropFirst(FrameHeader.size).prefix(Int(header.length)))
    guard let response = try accepted({ () throws(Failure) in try TTRPCResponse(decoding: body) }) else { return }
    let again = try understood { () throws(Failure) in try TTRPCResponse(decoding: response.encoded()) }
    try require(again == response, "another response: \(response) and \(again)")
}
