package import Linux
package import Protobuf
package import Reactor
import _Concurrency

/// A client of one server, for one call at a time.
///
/// It connects when it has something to say and keeps the connection. A call ends when it is
/// answered or its connection is lost; it has no end of its own, for a peer that was stopped for a
/// while still has the request in its socket, and a second one would be a duplicate.
@Loop
package final class Client {
    package enum Outcome {
        case answered([UInt8])
        /// The server said no.
        case refused(Status)
        /// No connection, or it was lost before the answer: the server may have heard us or not.
        case lost(Failure)
    }

    private struct Pending {
        let stream: UInt32
        let completion: @Loop (Outcome) -> Void
    }

    private let path: String
    private var socket: FileDescriptor?
    private var watch: Reactor.Watch?
    private var pending: Pending?
    private var nextStream: UInt32 = 1
    private var output: [UInt8] = []
    private var input: [UInt8] = []
    /// A call that failed at once, to be told in the next turn.
    private var failing: Reactor.Timer?

    package init(path: String) { self.path = path }

    /// Calls a method. `completion` is called exactly once, in another turn.
    package func call(
        service: String, method: String, payload: [UInt8], metadata: [Metadata], timeout: Duration,
        _ completion: @escaping @Loop (Outcome) -> Void
    ) {
        precondition(pending == nil, "two calls at once")
        let request = TTRPCRequest(
            service: service, method: method, payload: payload, timeoutNanoseconds: timeout.nanoseconds,
            metadata: metadata)
        pending = Pending(stream: nextStream, completion: completion)
        do throws(Failure) {
            if socket == nil { try connect() }
            output = FrameHeader.frame(.request, stream: nextStream, body: request.encoded())
            nextStream &+= 2
            try flush()
        } catch {
            let failure = error
            failing = Reactor.shared.after(.zero) { [self] in disconnect(failure) }
        }
    }

    /// Gives up the connection; a call under way is lost.
    func disconnect(_ failure: Failure) {
        if let failing { Reactor.shared.cancel(failing) }
        failing = nil
        if let watch { Reactor.shared.cancel(watch) }
        watch = nil
        socket = nil
        output = []
        input = []
        finish(.lost(failure))
    }

    private func finish(_ outcome: Outcome) {
        guard let completion = pending?.completion else { return }
        pending = nil
        completion(outcome)
    }

    private func connect() throws(Failure) {
        let socket = try UnixSocket.connect(to: path)
        watch = try Reactor.shared.watch(socket, for: .readable) { [self] readiness in ready(readiness) }
        self.socket = consume socket
        nextStream = 1
        pending = pending.map { Pending(stream: 1, completion: $0.completion) }
    }

    private func ready(_ readiness: Reactor.Readiness) {
        do throws(Failure) {
            if readiness.contains(.writable) { try flush() }
            if !readiness.isDisjoint(with: [.readable, .hungUp, .failed]) { try receive() }
        } catch {
            disconnect(error)
        }
    }

    private func flush() throws(Failure) {
        while !output.isEmpty, let taken = try socket?.write(output[...]), taken > 0 { output.removeFirst(taken) }
        if output.isEmpty { output = [] }
        if let watch { Reactor.shared.change(watch, to: output.isEmpty ? .readable : [.readable, .writable]) }
    }

    private func receive() throws(Failure) {
        var failure: Failure?
        input += unsafe [UInt8](unsafeUninitializedCapacity: 4096) { buffer, filled in
            do throws(Failure) {
                switch try unsafe socket?.read(into: UnsafeMutableRawBufferPointer(buffer)) {
                case .bytes(let count): filled = count
                case .end: failure = Failure(.unavailable, "\(path): closed by the server")
                case .notYet, nil: break
                }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        while let header = FrameHeader(input[...]) {
            guard header.length <= UInt32(FrameHeader.longestBody) else {
                throw Failure(.unavailable, "\(path): frame too long")
            }
            guard input.count >= FrameHeader.size + Int(header.length) else { break }
            let body = Array(input[FrameHeader.size..<FrameHeader.size + Int(header.length)])
            input.removeFirst(FrameHeader.size + body.count)
            guard header.kind == FrameHeader.Kind.response.rawValue, header.stream == pending?.stream else { continue }
            let response = try TTRPCResponse(decoding: body)
            if let status = response.status, status.code != 0 {
                finish(.refused(Status(code: status.code, message: status.message)))
            } else {
                finish(.answered(response.payload))
            }
        }
        if input.isEmpty { input = [] }
    }
}
