package import TTRPC

/// The queue of events for containerd as a machine without IO (contract C-2.44 … C-2.46): strictly in
/// order, one at a time, kept until containerd has answered.
package struct EventDelivery {
    /// One event, encoded when it happened.
    package struct Item: Equatable {
        package let topic: String
        package let request: [UInt8]
        /// An end or a deletion: the last to be dropped.
        package let isEssential: Bool

        package init(topic: String, request: [UInt8], isEssential: Bool) {
            self.topic = topic
            self.request = request
            self.isEssential = isEssential
        }
    }

    package enum Event {
        case queued(Item)
        case delivered
        case refused(Status)
        /// The connection failed or broke: containerd may have heard us or not.
        case lost
        case delayPassed
        /// containerd has just connected to us, so it is there.
        case peerCame
    }

    package enum Action: Equatable {
        case send([UInt8])
        /// Come back with ``Event/delayPassed``.
        case delay(milliseconds: Int64)
        /// The delay asked for is not wanted any more.
        case cancelDelay
        case report(String)
    }

    private enum State {
        case idle
        /// Whether a broken connection was made anew for this event already.
        case sending(again: Bool)
        case waiting
    }

    /// What an outage may cost us, in events and in bytes.
    package static let most = 4096
    package static let mostBytes = 4 << 20
    private static let mostRefusals = 5
    private static let firstDelay: Int64 = 100
    private static let longestDelay: Int64 = 10_000

    private var state = State.idle
    private var queue: [Item] = []
    private var bytes = 0
    private var delay = firstDelay
    private var refusals = 0

    package init() {}

    package var isEmpty: Bool { queue.isEmpty }
    package var count: Int { queue.count }

    package mutating func on(_ event: Event) -> [Action] {
        switch (state, event) {
        case (.idle, .queued(let item)):
            append(item)
            return send(again: false)
        case (.sending, .queued(let item)), (.waiting, .queued(let item)):
            append(item)
            return dropIfTooMany()
        case (.sending, .delivered):
            return next()
        case (.sending, .refused(let status)):
            refusals += 1
            let report = Action.report("event refused: \(queue[0].topic): \(status.message)")
            guard refusals < Self.mostRefusals else { return [report] + next() }
            return [report] + wait()
        case (.sending(let again), .lost):
            return again ? wait() : send(again: true)
        case (.waiting, .delayPassed):
            return send(again: true)
        case (.waiting, .peerCame):
            delay = Self.firstDelay
            return [.cancelDelay] + send(again: true)
        case (.idle, .delivered), (.idle, .refused), (.idle, .lost), (.idle, .delayPassed), (.idle, .peerCame),
            (.sending, .delayPassed), (.sending, .peerCame), (.waiting, .delivered), (.waiting, .refused),
            (.waiting, .lost):
            return []
        }
    }

    private mutating func append(_ item: Item) {
        queue.append(item)
        bytes += item.request.count
    }

    private mutating func remove(at index: Int) -> Item {
        let item = queue.remove(at: index)
        bytes -= item.request.count
        if queue.isEmpty { queue = [] }
        return item
    }

    private mutating func send(again: Bool) -> [Action] {
        state = .sending(again: again)
        return [.send(queue[0].request)]
    }

    private mutating func next() -> [Action] {
        _ = remove(at: 0)
        refusals = 0
        delay = Self.firstDelay
        guard queue.isEmpty else { return send(again: false) }
        state = .idle
        return []
    }

    private mutating func wait() -> [Action] {
        state = .waiting
        let now = delay
        delay = min(delay * 2, Self.longestDelay)
        return [.delay(milliseconds: now)]
    }

    /// The first one may be on its way and stays.
    private mutating func dropIfTooMany() -> [Action] {
        var actions: [Action] = []
        while queue.count > 1, queue.count > Self.most || bytes > Self.mostBytes {
            let index = queue[1...].firstIndex { !$0.isEssential } ?? 1
            actions.append(.report("event dropped, too many are waiting: \(remove(at: index).topic)"))
        }
        return actions
    }
}
