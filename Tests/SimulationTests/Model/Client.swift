import Reactor
import TTRPC

/// One connection of a client's: requests leave in pieces, and each is answered once. As `Server`'s own, whose
/// ``ConnectionState`` it drives.
@Loop
final class Client {
    let number: Int
    private let scheduler: Scheduler
    private unowned let shim: FakeShim
    private var machine = ConnectionState()
    private var nextStream: UInt32 = 1
    /// Bytes on their way to the shim.
    private var bytes: [UInt8] = []
    private var isArriving = false
    private(set) var hasHungUp = false
    private var isKnownToHaveHungUp = false
    private(set) var isClosed = false
    /// What was asked and not answered.
    private(set) var waiting: [UInt32: Call] = [:]

    init(_ number: Int, _ scheduler: Scheduler, _ shim: FakeShim) {
        self.number = number
        self.scheduler = scheduler
        self.shim = shim
    }

    func ask(_ call: Call) {
        scheduler.note("client \(number) asks \(nextStream): \(call.verb) \(call.id) \(call.exec)")
        waiting[nextStream] = call
        bytes += FrameHeader.frame(.request, stream: nextStream, body: call.body)
        nextStream += 2
        arrive()
    }

    /// Sends nothing any more, and still reads.
    func hangUp() {
        hasHungUp = true
        arrive()
    }

    private func arrive() {
        guard !isArriving else { return }
        isArriving = true
        scheduler.sometime("bytes arrive") { [self] in
            isArriving = false
            let count = min(bytes.count, 1 + scheduler.random.number(below: 40))
            let piece = bytes.prefix(count)
            bytes.removeFirst(count)
            if !piece.isEmpty { perform(machine.on(.received(piece))) }
            guard bytes.isEmpty else { return arrive() }
            if hasHungUp, !isKnownToHaveHungUp {
                isKnownToHaveHungUp = true
                shim.forget(connection: number)
                perform(machine.on(.ended))
            }
        }
    }

    private func perform(_ actions: [ConnectionState.Action]) {
        for action in actions {
            switch action {
            case .handle(let stream, let body):
                scheduler.check(waiting[stream]?.body == body, "stream \(stream) has another body")
                guard let call = Call(body) else { return scheduler.check(false, "a body of nobody's") }
                shim.handle(call, Call.Stream(connection: number, id: stream))
            case .refuse(let stream, _): scheduler.check(false, "stream \(stream) is refused")
            case .close:
                scheduler.check(!isClosed, "closed twice")
                scheduler.check(waiting.isEmpty, "closed before it was answered: \(waiting.keys.sorted())")
                isClosed = true
            }
        }
    }

    func answer(_ stream: UInt32, _ answer: Answer) {
        scheduler.note("client \(number) is answered \(stream): \(answer)")
        guard let call = waiting.removeValue(forKey: stream) else {
            return scheduler.check(false, "stream \(stream) is answered, and nobody has asked")
        }
        shim.checkAnswer(call, answer)
        finish(stream)
    }

    /// A Wait that nobody hears the answer of.
    func abandon(_ stream: UInt32) {
        scheduler.check(waiting.removeValue(forKey: stream)?.verb == .wait, "stream \(stream) is given up")
        finish(stream)
    }

    private func finish(_ stream: UInt32) { perform(machine.on(.finished(stream: stream))) }
}
