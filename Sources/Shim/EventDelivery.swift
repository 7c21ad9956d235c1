package import TTRPC

/// The queue of events for containerd as a machine without IO (contract C-2.44 … C-2.46): strictly in
/// order, one at a time, kept until containerd has answered.
///
/// The oldest are in memory, the later ones in a file that our owner keeps; those after them, in memory again, only
/// once the file takes no more, and those alone are ever dropped.
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
        /// The file did not take the item of the last ``Action/store(_:)``.
        case notStored(Item, reason: String)
        /// The oldest of the file, at least one, which it has no more. None: it cannot be read.
        case loaded([Item])
    }

    package enum Action: Equatable {
        case send([UInt8])
        /// Come back with ``Event/delayPassed``.
        case delay(milliseconds: Int64)
        /// The delay asked for is not wanted any more.
        case cancelDelay
        case report(String)
        /// Append it to the file, and say only if that failed, at once.
        case store(Item)
        /// Come back with ``Event/loaded(_:)``, at once.
        case load
    }

    private enum State {
        case idle
        case loading
        /// Whether a broken connection was made anew for this event already.
        case sending(again: Bool)
        case waiting
    }

    /// How many events, or bytes of them, are in memory before the file is used.
    package static let fewest = 64
    package static let fewestBytes = 64 << 10
    /// What an outage may cost us in memory when there is no file.
    package static let most = 4096
    package static let mostBytes = 4 << 20
    private static let mostRefusals = 5
    private static let firstDelay: Int64 = 100
    private static let longestDelay: Int64 = 10_000

    private let fewest: Int
    private var state = State.idle
    private var queue: [Item] = []
    /// How many are in the file: later than those of the queue.
    private var stored = 0
    /// Later still: what the file did not take.
    private var late: [Item] = []
    private var bytes = 0
    private var delay = firstDelay
    private var refusals = 0

    /// `fewest`: how many are in memory before the file is used.
    package init(fewest: Int = Self.fewest) { self.fewest = fewest }

    package var isEmpty: Bool { count == 0 }
    package var count: Int { queue.count + stored + late.count }

    package mutating func on(_ event: Event) -> [Action] {
        switch (state, event) {
        case (.idle, .queued(let item)):
            append(item)
            return send(again: false)
        case (.sending, .queued(let item)), (.waiting, .queued(let item)), (.loading, .queued(let item)):
            return keep(item)
        case (.sending, .notStored(let item, let reason)), (.waiting, .notStored(let item, let reason)),
            (.loading, .notStored(let item, let reason)):
            return notStored(item, reason)
        case (.loading, .loaded(let items)):
            return loaded(items)
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
        case (.idle, _), (.sending, .delayPassed), (.sending, .peerCame), (.sending, .loaded), (.waiting, .delivered),
            (.waiting, .refused), (.waiting, .lost), (.waiting, .loaded), (.loading, _):
            return []
        }
    }

    private mutating func append(_ item: Item) {
        queue.append(item)
        bytes += item.request.count
    }

    private mutating func keep(_ item: Item) -> [Action] {
        guard late.isEmpty else { return keepLate(item) }
        guard stored > 0 || queue.count >= fewest || bytes + item.request.count > Self.fewestBytes else {
            append(item)
            return []
        }
        stored += 1
        return [.store(item)]
    }

    private mutating func notStored(_ item: Item, _ reason: String) -> [Action] {
        stored -= 1
        return [.report("events are kept in memory: \(reason)")] + keepLate(item)
    }

    /// The first one of all may be on its way and stays; of the others those go first that are not essential.
    private mutating func keepLate(_ item: Item) -> [Action] {
        late.append(item)
        bytes += item.request.count
        var actions: [Action] = []
        while !late.isEmpty, queue.count + late.count > Self.most || bytes > Self.mostBytes {
            let dropped = late.remove(at: late.firstIndex { !$0.isEssential } ?? 0)
            bytes -= dropped.request.count
            actions.append(.report("event dropped, too many are waiting: \(dropped.topic)"))
        }
        return actions
    }

    private mutating func loaded(_ items: [Item]) -> [Action] {
        for item in items.prefix(stored) { append(item) }
        guard items.isEmpty else {
            stored -= min(stored, items.count)
            return proceed()
        }
        let report = Action.report("\(stored) events lost: their file cannot be read")
        stored = 0
        return [report] + proceed()
    }

    private mutating func send(again: Bool) -> [Action] {
        state = .sending(again: again)
        return [.send(queue[0].request)]
    }

    private mutating func next() -> [Action] {
        bytes -= queue.removeFirst().request.count
        refusals = 0
        delay = Self.firstDelay
        return proceed()
    }

    private mutating func proceed() -> [Action] {
        guard queue.isEmpty else { return send(again: false) }
        guard stored == 0 else {
            state = .loading
            return [.load]
        }
        queue = late
        late = []
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
}
