import Reactor
import TTRPC

@testable import Shim

/// Does what ``EventDelivery`` says, as `EventPublisher` does, with a containerd that is there, says no, says nothing
/// or is away. The one place that knows the machine's events and actions.
@Loop
final class Publisher {
    enum Peer { case present, refusing, mute, away }

    private let scheduler: Scheduler
    private var delivery = EventDelivery(fewest: 3)
    /// A file that takes an event more often than not, and gives them back some at a time.
    private var file: [EventDelivery.Item] = []
    private var delay: Scheduler.Timer?
    private var isSending = false
    private(set) var peer = Peer.present
    /// What a peer that is mute has been sent.
    private var unanswered: [UInt8]?
    private(set) var published = 0
    /// How often each event was refused.
    private var refusals: [Int: Int] = [:]
    /// The last event that came to containerd.
    private var last = -1
    private(set) var delivered = 0

    init(_ scheduler: Scheduler) { self.scheduler = scheduler }

    /// An event is its number.
    func publish(isEssential: Bool) {
        let number = published
        published += 1
        let request = [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: number >> $0) }
        perform(.queued(EventDelivery.Item(topic: "/t", request: request, isEssential: isEssential)))
    }

    var isEmpty: Bool { delivery.isEmpty }

    /// containerd changes; one that comes also connects to us.
    func become(_ peer: Peer) {
        let wasThere = self.peer != .away
        self.peer = peer
        scheduler.note("containerd is \(peer)")
        if let request = unanswered, peer != .mute {
            unanswered = nil
            scheduler.sometime("containerd answers late") { self.answer(request) }
        }
        if !wasThere, peer != .away { scheduler.sometime("containerd connects") { self.perform(.peerCame) } }
    }

    private func perform(_ event: EventDelivery.Event) {
        let count = delivery.count
        for action in delivery.on(event) {
            switch action {
            case .send(let request): send(request)
            case .delay(let milliseconds):
                scheduler.check(milliseconds > 0 && milliseconds <= 10_000, "a delay of \(milliseconds) ms")
                delay = scheduler.after(milliseconds, "the delay has passed") { [self] in
                    delay = nil
                    perform(.delayPassed)
                }
            case .cancelDelay:
                if let delay { scheduler.cancel(delay) }
                delay = nil
            case .report(let words): scheduler.note(words)
            case .store(let item):
                if scheduler.random.isOne(in: 8) {
                    perform(.notStored(item, reason: "no space"))
                } else {
                    file.append(item)
                }
            case .load:
                let some = file.prefix(scheduler.random.isOne(in: 2) ? 1 : 5)
                file.removeFirst(some.count)
                perform(.loaded(Array(some)))
            }
        }
        scheduler.check(delivery.count >= count - 1, "several events are gone at once")
        scheduler.check(delivery.isEmpty || isSending || delay != nil, "events that nobody sends")
    }

    private func send(_ request: [UInt8]) {
        scheduler.check(!isSending, "two events are sent at once")
        isSending = true
        scheduler.sometime("containerd gets an event") { self.answer(request) }
    }

    private func answer(_ request: [UInt8]) {
        switch peer {
        case .away: return told(.lost)
        case .mute: unanswered = request
        case .refusing where !scheduler.random.isOne(in: 3):
            refusals[number(request), default: 0] += 1
            told(.refused(Status(code: 3, message: "no")))
        case .refusing, .present:
            receive(number(request))
            told(scheduler.random.isOne(in: 12) ? .lost : .delivered)
        }
    }

    private func told(_ event: EventDelivery.Event) {
        scheduler.soon("an event is answered") { [self] in
            isSending = false
            perform(event)
        }
    }

    /// At least once, and in order (C-2.44, C-2.45). What was refused five times is passed over (C-2.46).
    private func receive(_ number: Int) {
        scheduler.note("containerd has event \(number)")
        delivered += number > last ? 1 : 0
        scheduler.check(number >= last, "event \(number) comes after \(last)")
        for missing in last + 1..<max(number, last + 1) {
            scheduler.check(refusals[missing, default: 0] >= 5, "event \(missing) is lost")
        }
        last = max(last, number)
    }

    /// When all is told.
    func checkEnd() {
        scheduler.check(delivery.isEmpty, "\(delivery.count) events are not sent")
        for missing in last + 1..<max(published, last + 1) {
            scheduler.check(refusals[missing, default: 0] >= 5, "event \(missing) is lost at the end")
        }
    }

    private func number(_ request: [UInt8]) -> Int { request.reversed().reduce(0) { $0 << 8 | Int($1) } }
}
