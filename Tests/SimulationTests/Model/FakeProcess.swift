import Linux
import Reactor

/// A process as the kernel has it and, once it is adopted, as `ChildProcess` sees it: its end is a fact at once, and
/// known when its pidfd was looked at.
@Loop
final class FakeProcess {
    let pid: Int32
    private let scheduler: Scheduler
    /// How it ended in truth.
    private(set) var exit: Exit?
    /// How it ended, as far as we know.
    private(set) var known: Exit?
    private(set) var wasKilled = false
    /// In an uninterruptible sleep: what is to end it comes when it wakes.
    private(set) var isStuck: Bool
    private var pendingStatus: UInt32?
    private var isAdopted = false
    private var handlers: [@Loop (Exit) -> Void] = []
    /// Who is in its pid namespace, of which it is the first: they end before it does.
    private var others: [FakeProcess] = []
    private var isFirst = false
    private var whenGone: [@Loop () -> Void] = []

    init(pid: Int32, isFirstOfNamespace: Bool, _ scheduler: Scheduler) {
        self.pid = pid
        self.scheduler = scheduler
        isFirst = isFirstOfNamespace
        isStuck = scheduler.random.isOne(in: 30)
    }

    /// Whether a process can still be made where this one is.
    var isAlive: Bool { exit == nil && pendingStatus == nil }

    /// Whether nobody else can have its pid: it is there, or not reaped.
    var isInUse: Bool { exit == nil || isAdopted && known == nil }

    func join(_ process: FakeProcess) { if isFirst { others.append(process) } }

    /// It ends by itself, or by a signal.
    func end(_ status: UInt32) {
        guard exit == nil, pendingStatus == nil else { return }
        pendingStatus = status
        if isFirst { for other in others { other.kill() } }
        finish()
    }

    func kill() {
        wasKilled = true
        guard exit == nil else { return }
        scheduler.sometime("a killed process ends") { self.end(137) }
    }

    /// Nothing holds it up any more.
    func wake() {
        isStuck = false
        finish()
    }

    private func finish() {
        guard let status = pendingStatus, exit == nil, !isStuck else { return }
        if isFirst, let other = others.first(where: { $0.exit == nil }) {
            other.whenGone.append { self.finish() }
            return
        }
        exit = Exit(status: status, time: Timestamp(seconds: scheduler.now, nanoseconds: pid))
        scheduler.note("process \(pid) has ended with \(status)")
        for told in whenGone { told() }
        whenGone = []
        if isAdopted { scheduler.soon("a pidfd is readable") { self.reap() } }
    }

    private func reap() {
        guard known == nil, let exit else { return }
        known = exit
        let told = handlers
        handlers = []
        for handler in told { handler(exit) }
    }

    /// As `Reaper.adopt(_:)`: one that has ended may have been swept by now, and then its end is known at once.
    func adopt() {
        isAdopted = true
        guard let exit else { return }
        if scheduler.random.isOne(in: 2) { known = exit } else { scheduler.soon("a pidfd is readable") { self.reap() } }
    }

    func whenExited(_ handler: @escaping @Loop (Exit) -> Void) {
        if let known { handler(known) } else { handlers.append(handler) }
    }

    /// Runs what it was made for, for as long as it wants.
    func live() {
        guard isAlive else { return }
        let status = [0, 1, 7, 139][scheduler.random.number(below: 4)]
        switch scheduler.random.number(below: 4) {
        case 0: scheduler.sometime("a process ends at once") { self.end(UInt32(status)) }
        case 1:
            let time = Int64(scheduler.random.number(below: 20_000))
            scheduler.after(time, "a process ends") { self.end(UInt32(status)) }
        default: break  // until it is killed
        }
    }

    /// Forgets whom it would tell.
    func forget() {
        handlers = []
        whenGone = []
        others = []
    }
}
