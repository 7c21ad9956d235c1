import _Concurrency

/// Something that is yet to happen, and the jobs that wait for it, each as long as it likes.
@Loop
package final class Gate {
    private var waiting: [(number: UInt32, timer: Reactor.Timer, waiter: Waiter<Bool>)] = []
    private var last: UInt32 = 0

    package nonisolated init() {}

    /// Suspends until the next ``open()``, at most for `limit`; false if there was none.
    package func opens(within limit: Duration) async -> Bool {
        await Waiter<Bool>.suspend { waiter in
            last &+= 1
            let number = last
            let timer = Reactor.shared.after(limit) {
                self.waiting.removeAll { $0.number == number }
                waiter.resume(false)
            }
            waiting.append((number, timer, waiter))
        }
    }

    /// It has happened: all who wait go on.
    package func open() {
        let told = waiting
        waiting = []
        for one in told {
            Reactor.shared.cancel(one.timer)
            one.waiter.resume(true)
        }
    }
}
