import Linux
import Reactor

/// A pipe of a few bytes, or a fifo or file that fails now and then, with what epoll tells of its two ends: edges only.
@Loop
final class FakePipe {
    /// What an edge-triggered watch does: it tells of a change, and when it is asked anew.
    @Loop
    final class Watch {
        private let scheduler: Scheduler
        private let ready: @Loop () -> Reactor.Readiness
        private var handler: (@Loop (Reactor.Readiness) -> Void)?
        private(set) var interest: Reactor.Readiness = []
        private var isPending = false

        init(
            _ scheduler: Scheduler, _ ready: @escaping @Loop () -> Reactor.Readiness,
            _ handler: @escaping @Loop (Reactor.Readiness) -> Void
        ) {
            self.scheduler = scheduler
            self.ready = ready
            self.handler = handler
        }

        func ask(for interest: Reactor.Readiness) {
            self.interest = interest
            signal()
        }

        func signal() {
            guard handler != nil, !isPending else { return }
            isPending = true
            scheduler.soon("a pipe is ready") { [self] in
                isPending = false
                let told = ready().intersection([interest, .hungUp, .failed])
                if !told.isEmpty { handler?(told) }
            }
        }

        func cancel() { handler = nil }
    }

    let capacity: Int
    private(set) var bytes: [UInt8] = []
    private(set) var hasWriter = true
    private(set) var hasReader = true
    /// No space left, for now.
    var fails = false
    private var watches: [Watch] = []
    private let scheduler: Scheduler

    init(capacity: Int, _ scheduler: Scheduler) {
        self.capacity = capacity
        self.scheduler = scheduler
    }

    var room: Int { capacity - bytes.count }

    func write(_ new: ArraySlice<UInt8>) -> Int {
        let taken = min(new.count, room)
        bytes += new.prefix(taken)
        if taken > 0 { signal() }
        return taken
    }

    func read(atMost count: Int) -> [UInt8] {
        let taken = Array(bytes.prefix(count))
        bytes.removeFirst(taken.count)
        if !taken.isEmpty { signal() }
        return taken
    }

    func closeWriter() {
        hasWriter = false
        signal()
    }

    func closeReader() {
        hasReader = false
        signal()
    }

    func watchReader(_ handler: @escaping @Loop (Reactor.Readiness) -> Void) -> Watch {
        watch(handler) { [unowned self] in
            bytes.isEmpty ? (hasWriter ? [] : .hungUp) : hasWriter ? .readable : [.readable, .hungUp]
        }
    }

    func watchWriter(_ handler: @escaping @Loop (Reactor.Readiness) -> Void) -> Watch {
        watch(handler) { [unowned self] in hasReader ? (room > 0 ? .writable : []) : [.writable, .failed] }
    }

    private func watch(
        _ handler: @escaping @Loop (Reactor.Readiness) -> Void, _ ready: @escaping @Loop () -> Reactor.Readiness
    ) -> Watch {
        let watch = Watch(scheduler, ready, handler)
        watches.append(watch)
        return watch
    }

    private func signal() { for watch in watches { watch.signal() } }
}
