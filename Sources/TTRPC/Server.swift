package import Linux
import Protobuf
package import Reactor
import _Concurrency

/// One call of a service's method, as it came.
package struct Call {
    package let service: String
    package let method: String
    package let payload: [UInt8]
    /// From now; nil if the caller sets none.
    package let timeout: Duration?
    package let stream: Server.Stream
}

/// Serves a listening socket: calls go to the handler, which answers each by its stream, now or
/// years later, in any order. Connections cost a descriptor and no buffer while nothing moves.
@Loop
package final class Server {
    /// Which call is meant: plain data, valid for ever, harmless once its connection is gone.
    package struct Stream: Hashable {
        package let connection: UInt32
        package let id: UInt32
    }

    package typealias Handler = @Loop (Call) -> Void

    private let listener: FileDescriptor
    private var listening: Reactor.Watch?
    private var connections: [UInt32: Connection] = [:]
    private var lastConnection: UInt32 = 0
    private var pauseMilliseconds: Int64 = 0
    private var pause: Reactor.Timer?
    private var handler: Handler?
    private var onConnect: (@Loop () -> Void)?
    private var onDisconnect: (@Loop (_ connection: UInt32) -> Void)?

    /// Owns the socket; nobody is accepted before ``serve(_:onConnect:onDisconnect:)``.
    package init(listener: consuming FileDescriptor) { self.listener = listener }

    /// Begins to accept. `onConnect`: a peer came. `onDisconnect`: the peer of a connection will not
    /// hear answers any more; whoever holds streams of it calls ``abandon(_:)`` for those nobody
    /// works on.
    package func serve(
        _ handler: @escaping Handler, onConnect: @escaping @Loop () -> Void,
        onDisconnect: @escaping @Loop (_ connection: UInt32) -> Void
    ) throws(Failure) {
        self.handler = handler
        self.onConnect = onConnect
        self.onDisconnect = onDisconnect
        try listen()
    }

    /// How many peers were accepted so far.
    package var accepted: UInt32 { lastConnection }

    /// Whether there is a connection whose peer may still call.
    package var hasPeers: Bool { connections.values.contains { !$0.peerEnded } }
    /// Whether that connection's peer may still call.
    package func hasPeer(_ connection: UInt32) -> Bool { connections[connection]?.peerEnded == false }

    /// As the reactor's.
    package func compact() { connections.compact() }

    /// No new connections from now on; those there are go on.
    package func stopAccepting() {
        if let listening { Reactor.shared.cancel(listening) }
        listening = nil
        if let pause { Reactor.shared.cancel(pause) }
        pause = nil
    }

    /// Answers a call with its response message.
    package func answer(_ stream: Stream, _ payload: [UInt8]) {
        send(stream, TTRPCResponse(payload: payload).encoded())
    }

    /// Answers a call with a failure of its service.
    package func answer(_ stream: Stream, _ failure: Failure) { refuse(stream, Status(failure)) }

    /// Answers a call with a failure of the protocol's.
    package func refuse(_ stream: Stream, _ status: Status) { send(stream, status.response) }

    /// The call gets no answer, for its caller is gone.
    package func abandon(_ stream: Stream) { connections[stream.connection]?.finish(stream.id) }

    /// Whether all answers have left.
    package var isFlushed: Bool { connections.values.allSatisfy { $0.isFlushed } }

    private func send(_ stream: Stream, _ response: [UInt8]) {
        let body = response.count > FrameHeader.longestBody ? Status.tooLong(response.count).response : response
        guard let connection = connections[stream.connection] else { return }
        connection.send(FrameHeader.frame(.response, stream: stream.id, body: body))
        connection.finish(stream.id)
    }

    private func listen() throws(Failure) {
        listening = try Reactor.shared.watch(listener, for: .readable) { [self] _ in accept() }
    }

    private func accept() {
        do throws(Failure) {
            // Some at a time: those that are gone again already are closed before more are taken.
            for _ in 0..<16 {
                guard let socket = try UnixSocket.accept(from: listener) else { return }
                pauseMilliseconds = 0
                guard UnixSocket.peerIsUs(socket) else { continue }
                lastConnection &+= 1
                let id = lastConnection
                connections[id] = try Connection(id: id, socket: socket, server: self)
                onConnect?()
            }
        } catch {
            if error.errno != Errno.aborted { waitToAccept() }
        }
    }

    /// Out of descriptors or memory: somebody must close something first.
    private func waitToAccept() {
        pauseMilliseconds = min(max(1, pauseMilliseconds * 2), 1000)
        stopAccepting()
        pause = Reactor.shared.after(.milliseconds(pauseMilliseconds)) { [self] in
            do throws(Failure) { try listen() } catch { waitToAccept() }
        }
    }

    fileprivate func handle(_ connection: Connection, stream id: UInt32, _ body: [UInt8]) {
        let stream = Stream(connection: connection.id, id: id)
        do throws(Failure) {
            let request = try TTRPCRequest(decoding: body)
            handler?(
                Call(
                    service: request.service, method: request.method, payload: request.payload,
                    timeout: request.timeoutNanoseconds > 0 ? .nanoseconds(request.timeoutNanoseconds) : nil,
                    stream: stream))
        } catch {
            refuse(stream, Status(code: 3, message: "unmarshal request error: \(error.message)"))
        }
    }

    fileprivate func refuse(_ connection: Connection, stream: UInt32, _ status: Status) {
        connection.send(FrameHeader.frame(.response, stream: stream, body: status.response))
    }

    fileprivate func disconnected(_ connection: Connection) { onDisconnect?(connection.id) }
    fileprivate func closed(_ connection: Connection) { connections.removeAndShrink(connection.id) }
}

extension Status {
    /// The body of the response that says it.
    fileprivate var response: [UInt8] {
        TTRPCResponse(status: TTRPCStatus(code: code, message: message)).encoded()
    }
}

/// One peer.
@Loop
private final class Connection {
    let id: UInt32
    private var socket: FileDescriptor?
    private var watch: Reactor.Watch?
    private var state = ConnectionState()
    private var output: [UInt8] = []
    private var sent = 0
    private(set) var peerEnded = false
    private var closing = false
    private unowned(unsafe) let server: Server  // it owns us

    /// More unsent answers than this, and we stop reading a peer that does not read.
    private static let mostOutput = 8 << 20
    private static let chunk = 8192

    init(id: UInt32, socket: consuming FileDescriptor, server: Server) throws(Failure) {
        self.id = id
        unsafe self.server = server
        self.socket = nil
        watch = try Reactor.shared.watch(socket, for: .readable) { [self] readiness in ready(readiness) }
        self.socket = consume socket
    }

    var isFlushed: Bool { output.isEmpty }

    func send(_ frame: [UInt8]) {
        guard socket != nil else { return }
        output += frame
        if output.count == frame.count { flush() } else { updateInterest() }
    }

    func finish(_ stream: UInt32) { perform(state.on(.finished(stream: stream))) }

    private func ready(_ readiness: Reactor.Readiness) {
        if readiness.contains(.writable) { flush() }
        if readiness.contains(.readable) { receive() }
        if !readiness.isDisjoint(with: [.hungUp, .failed]), !readiness.contains(.readable) { close() }
    }

    private func receive() {
        // Some at a time, so that a peer that sends without end does not keep the others waiting.
        for _ in 0..<16 {
            guard let chunk = read() else { return }
            perform(state.on(.received(chunk[...])))
            guard socket != nil, output.count - sent <= Self.mostOutput else { return updateInterest() }
            // Less than was asked for: there was no more. What comes now, an end too, is told by the next epoll_wait.
            guard chunk.count == Self.chunk else { return }
        }
    }

    /// What the peer sent, nil if nothing now or nothing ever again.
    private func read() -> [UInt8]? {
        var ended = false
        let chunk = unsafe [UInt8](unsafeUninitializedCapacity: Self.chunk) { buffer, filled in
            do throws(Failure) {
                switch try unsafe socket?.read(into: UnsafeMutableRawBufferPointer(buffer)) {
                case .bytes(let count): filled = count
                case .end: ended = true
                case .notYet, nil: break
                }
            } catch {
                ended = true
            }
        }
        if ended, !peerEnded {
            peerEnded = true
            unsafe server.disconnected(self)
            perform(state.on(.ended))
            updateInterest()
        }
        return chunk.isEmpty ? nil : chunk
    }

    private func perform(_ actions: [ConnectionState.Action]) {
        for action in actions {
            switch action {
            case .handle(let stream, let body): unsafe server.handle(self, stream: stream, body)
            case .refuse(let stream, let status): unsafe server.refuse(self, stream: stream, status)
            case .close:
                closing = true
                if output.isEmpty { close() }
            }
        }
    }

    private func flush() {
        do throws(Failure) {
            while sent < output.count, let taken = try socket?.write(output[sent...]), taken > 0 { sent += taken }
        } catch {
            return close()
        }
        if sent == output.count {
            output = []
            sent = 0
            if closing { return close() }
        } else if sent > output.count - sent {
            output.removeFirst(sent)  // of a peer that is never quite done
            sent = 0
        }
        updateInterest()
    }

    private func updateInterest() {
        guard let watch else { return }
        var interest: Reactor.Readiness = []
        if !peerEnded, output.count - sent <= Self.mostOutput { interest.insert(.readable) }
        if !output.isEmpty { interest.insert(.writable) }
        Reactor.shared.change(watch, to: interest)
    }

    private func close() {
        guard let watch else { return }
        self.watch = nil
        Reactor.shared.cancel(watch)
        socket = nil
        if !peerEnded {
            peerEnded = true
            unsafe server.disconnected(self)
        }
        unsafe server.closed(self)
    }
}
