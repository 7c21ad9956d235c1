import Reactor

/// An OCI runtime that works, fails or hangs, as the scheduler wants.
@Loop
final class FakeRuntime {
    enum Outcome { case succeeded, failed, timedOut }

    private let scheduler: Scheduler
    /// From now on nothing fails that need not.
    var isReliable = false

    init(_ scheduler: Scheduler) { self.scheduler = scheduler }

    /// Runs a command. `work` is done when the runtime gets to it, and says whether it can; `done` is called once,
    /// with what the shim sees.
    func run(_ work: @escaping @Loop () -> Bool, _ done: @escaping @Loop (Outcome) -> Void) {
        var isOver = false
        let limit = scheduler.after(120_000, "a runtime is killed") {
            guard !isOver else { return }
            isOver = true
            done(.timedOut)
        }
        guard isReliable || !scheduler.random.isOne(in: 40) else { return }
        scheduler.sometime("the runtime works") { [self] in
            guard !isOver else { return }
            let fails = !isReliable && scheduler.random.isOne(in: 10)
            // One that fails may have done its work, or not begun.
            let hasWorked = fails && scheduler.random.isOne(in: 2) ? false : work()
            let outcome = !fails && hasWorked ? Outcome.succeeded : .failed
            scheduler.sometime("the runtime has ended") { [self] in
                guard !isOver else { return }
                isOver = true
                scheduler.cancel(limit)
                // Its end is an event of the loop, the rest of the job comes after.
                scheduler.soon("a job goes on") { done(outcome) }
            }
        }
    }
}
