import _Concurrency

/// What is done by one at a time: who comes meanwhile waits, and who came first is next.
@Loop
package final class Turns {
    /// Somebody has the turn, and whoever comes has to wait.
    package private(set) var isTaken = false
    private var waiting: [(number: UInt32, timer: Reactor.Timer?, waiter: Waiter<Bool>)] = []
    private var last: UInt32 = 0

    package nonisolated init() {}

    /// Suspends until it is the caller's turn, at most for `limit`; false if it was not by then. A turn that was begun
    /// is the caller's to ``end()``.
    package func begin(within limit: Duration? = nil) async -> Bool {
        guard isTaken else {
            isTaken = true
            return true
        }
        return await Waiter<Bool>.suspend { waiter in
            last &+= 1
            let number = last
            let timer = limit.map { limit in
                Reactor.shared.after(limit) {
                    self.waiting.removeAll { $0.number == number }
                    waiter.resume(false)
                }
            }
            waiting.append((number, timer, waiter))
        }
    }

    /// The next one's turn begins, if somebody waits.
    package func end() {
        guard let next = waiting.first else {
            isTaken = false
            return
        }
        waiting.removeFirst()
        if waiting.isEmpty { waiting = [] }
        if let timer = next.timer { Reactor.shared.cancel(timer) }
        next.waiter.resume(true)
    }
}
