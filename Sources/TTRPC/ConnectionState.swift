/// The server's side of one connection as a machine without IO: bytes in, whole requests out.
///
/// It knows which streams are being answered, so that one is not opened twice and the connection
/// can end when the last answer is gone. It holds bytes only while a frame is incomplete.
package struct ConnectionState {
    package enum Event {
        case received(ArraySlice<UInt8>)
        /// The peer will send nothing more.
        case ended
        /// The call of this stream was answered or given up.
        case finished(stream: UInt32)
    }

    package enum Action: Equatable {
        case handle(stream: UInt32, body: [UInt8])
        /// Answer without asking any service.
        case refuse(stream: UInt32, Status)
        /// Nothing will come of this connection any more, once what is to be sent is sent.
        case close
    }

    private enum State {
        case reading
        /// In the body of a frame that is too long, so many bytes before its end.
        case discarding(Int)
        case ended
        case closed
    }

    private var state = State.reading
    private var buffer: [UInt8] = []
    private var active: Set<UInt32> = []

    package init() {}

    package mutating func on(_ event: Event) -> [Action] {
        switch (state, event) {
        case (.reading, .received(let bytes)):
            buffer += bytes
            return parse()
        case (.discarding(let rest), .received(let bytes)):
            guard bytes.count >= rest else {
                state = .discarding(rest - bytes.count)
                return []
            }
            state = .reading
            buffer += bytes.dropFirst(rest)
            return parse()
        case (.reading, .ended), (.discarding, .ended):
            state = .ended
            buffer = []
            return closeIfIdle()
        case (.reading, .finished(let stream)), (.discarding, .finished(let stream)):
            active.remove(stream)
            return []
        case (.ended, .finished(let stream)):
            active.remove(stream)
            return closeIfIdle()
        case (.ended, .received), (.ended, .ended), (.closed, .received), (.closed, .ended), (.closed, .finished):
            return []
        }
    }

    private mutating func closeIfIdle() -> [Action] {
        guard active.isEmpty else { return [] }
        state = .closed
        return [.close]
    }

    private mutating func parse() -> [Action] {
        var actions: [Action] = []
        var start = 0
        while let header = FrameHeader(buffer[start...]) {
            let length = Int(header.length)
            let body = start + FrameHeader.size
            if length > FrameHeader.longestBody {
                actions.append(.refuse(stream: header.stream, .tooLong(length)))
                let here = min(length, buffer.count - body)
                start = body + here
                guard here == length else {
                    state = .discarding(length - here)
                    break
                }
                continue
            }
            guard buffer.count - body >= length else { break }
            if let action = accept(header, Array(buffer[body..<body + length])) { actions.append(action) }
            start = body + length
        }
        if start == buffer.count { buffer = [] } else { buffer.removeFirst(start) }
        return actions
    }

    private mutating func accept(_ header: FrameHeader, _ body: [UInt8]) -> Action? {
        func refused(_ text: String) -> Action { .refuse(stream: header.stream, Status(code: 3, message: text)) }
        switch FrameHeader.Kind(rawValue: header.kind) {
        case .request:
            guard header.stream % 2 == 1 else { return refused("StreamID must be odd for client initiated streams") }
            guard active.insert(header.stream).inserted else {
                return refused("StreamID cannot be re-used and must increment")
            }
            return .handle(stream: header.stream, body: body)
        case .data: return active.contains(header.stream) ? nil : refused("StreamID is no longer active")
        case .response, nil: return nil
        }
    }
}
