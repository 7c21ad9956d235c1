package import Linux
import _Concurrency

/// Ends of our children, each told to its owner and to nobody else.
///
/// A child with an owner is reaped through its pidfd. Two kinds have none: orphans that became ours
/// (subreaper), and a process whose runtime has not said its pid yet. The sweep tells them apart: a
/// *birth* names the file in which the runtime leaves the pid before it exits. The process may be our
/// child before that, and dead: crun's `exec` orphans it first and says its pid after. So what died
/// without an owner is remembered while a birth is open, and no exit is ever lost; else it is dropped.
@Loop
package final class Reaper {
    package static let shared = Reaper()

    /// A process that a runtime is about to make. Ended by ``adopt(_:)`` or ``abandon(_:)``.
    package struct Birth {
        fileprivate let number: UInt32
        fileprivate let pidFile: String
    }

    private var owned: [Int32: ChildProcess] = [:]
    private var births: [Birth] = []
    /// Ends without an owner, since the first open birth.
    private var unclaimed: [(pid: Int32, exit: Exit)] = []
    private static let mostUnclaimed = 4096
    private var lastBirth: UInt32 = 0
    private var sweepIsDue = false

    private init() {
        Reactor.shared.setBeforeWaiting { Reaper.shared.sweep() }
    }

    /// A SIGCHLD came: look for dead children once all other work of this turn is done.
    package func requestSweep() { sweepIsDue = true }

    /// Before a runtime is started that will write the pid of a new process to `pidFile`.
    package func expect(pidFile: String) -> Birth {
        lastBirth &+= 1
        let birth = Birth(number: lastBirth, pidFile: pidFile)
        births.append(birth)
        return birth
    }

    /// The process of `birth`, after its runtime has exited with success. It may have ended by now. After a failure
    /// it is the caller's to ``refuse(_:)``.
    package func adopt(_ birth: Birth) throws(Failure) -> ChildProcess {
        do throws(Failure) {
            defer { abandon(birth) }
            let pid = try pid(in: birth.pidFile)
            // Who has the pid now comes first: another that died before may have had it too.
            if !isUnownedChild(pid), let index = unclaimed.lastIndex(where: { $0.pid == pid }) {
                return ChildProcess(pid: pid, exit: unclaimed.remove(at: index).exit)
            }
            return try ChildProcess.adopt(pid)
        } catch {
            throw error.adding("failed to retrieve OCI runtime container pid")
        }
    }

    /// The runtime failed: no process will come of `birth`.
    package func abandon(_ birth: Birth) {
        births.removeAll { $0.number == birth.number }
        guard births.isEmpty else { return }
        unclaimed = []
        requestSweep()
    }

    /// Nobody wants the process of `birth`: if it is there, it is killed.
    package func refuse(_ birth: Birth) {
        do throws(Failure) {
            let pid = try pid(in: birth.pidFile)
            if isUnownedChild(pid) { Child.kill(pid) }
        } catch {}  // the runtime has not made it
        abandon(birth)
    }

    /// As the reactor's.
    package func compact() {
        owned.compact()
        births.compact()
    }

    private func isUnownedChild(_ pid: Int32) -> Bool { owned[pid] == nil && Child.exists(pid) }

    fileprivate func add(_ child: ChildProcess) { owned[child.pid] = child }
    fileprivate func remove(_ child: ChildProcess) { owned.removeAndShrink(child.pid) }

    private func sweep() {
        guard sweepIsDue else { return }
        sweepIsDue = false
        while let pid = Child.nextDead() {
            if let child = owned[pid] {
                child.reap()
                continue
            }
            do throws(Failure) {
                guard let exit = try Child.reap(pid) else { return }
                guard !births.isEmpty else { continue }
                // A runtime that hangs while orphans die by the thousand must not cost memory without end.
                if unclaimed.count >= Self.mostUnclaimed { unclaimed.removeFirst(Self.mostUnclaimed / 2) }
                unclaimed.append((pid, exit))
            } catch {
                return  // whatever it is, the next SIGCHLD looks again
            }
        }
    }

    private func pid(in file: String) throws(Failure) -> Int32 {
        let text = try Files.text(file)
        guard let pid = Int32(text.trimmed), pid > 0 else {
            throw Failure(.unknown, "\(file): no pid")
        }
        return pid
    }
}

/// A child of ours, until it has ended and was reaped.
@Loop
package final class ChildProcess {
    package let pid: Int32
    /// How it ended; nil while it runs.
    package private(set) var exit: Exit?
    private var child: Child?
    private var watch: Reactor.Watch?
    private var waiters: [(number: Int, handler: @Loop (Exit) -> Void)] = []
    private var lastWaiter = 0

    /// Starts a program, see ``Child``.
    package static func start(_ program: Program, descriptors: [Int32]) throws(Failure) -> ChildProcess {
        try own(Child(starting: program, descriptors: descriptors))
    }

    /// A child that was started just now, before anybody else could reap it. After a failure it is killed.
    package static func own(_ child: consuming Child) throws(Failure) -> ChildProcess {
        let pid = child.pid
        do throws(Failure) {
            return try ChildProcess(owning: child)
        } catch {
            // It would go on, and nobody would know. The sweep reaps it.
            Child.kill(pid)
            throw error
        }
    }

    /// A child that nobody has adopted yet. It may have ended.
    package static func adopt(_ pid: Int32) throws(Failure) -> ChildProcess {
        try ChildProcess(owning: Child(adopting: pid))
    }

    fileprivate init(pid: Int32, exit: Exit) {
        self.pid = pid
        self.exit = exit
    }

    // What may fail before all is set is done before: an embedded build leaks the memory of an object whose `init` throws
    // earlier (Swift 6.3.1).
    private init(owning child: consuming Child) throws(Failure) {
        pid = child.pid
        // Once: a dead one that another still traces is not ours to reap before the SIGCHLD that comes then.
        watch = try Reactor.shared.watch(child.pidfd, for: [.readable, .edge]) { _ in self.reap() }
        self.child = consume child
        Reaper.shared.add(self)
    }

    /// Calls `handler` once, when the process has ended: at once if it has.
    package func whenExited(_ handler: @escaping @Loop (Exit) -> Void) {
        if let exit { handler(exit) } else { _ = addWaiter(handler) }
    }

    private func addWaiter(_ handler: @escaping @Loop (Exit) -> Void) -> Int {
        lastWaiter += 1
        waiters.append((lastWaiter, handler))
        return lastWaiter
    }

    /// Suspends until the process has ended, however long that takes.
    package func end() async -> Exit {
        if let exit { return exit }
        return await Waiter<Exit>.suspend { waiter in _ = addWaiter { waiter.resume($0) } }
    }

    /// Suspends until the process has ended, for at most `limit`; nil if it still runs then.
    package func exit(within limit: Duration) async -> Exit? {
        if let exit { return exit }
        return await Waiter<Exit?>.suspend { waiter in
            var number = 0
            let timer = Reactor.shared.after(limit) {
                self.waiters.removeAll { $0.number == number }
                waiter.resume(nil)
            }
            number = addWaiter { exit in
                Reactor.shared.cancel(timer)
                waiter.resume(exit)
            }
        }
    }

    /// Sends `signal`; fails with ESRCH once the process has ended.
    package func kill(_ signal: Int32 = 9) throws(Failure) {
        guard child != nil else { throw Failure(.notFound, errno: Errno.noProcess, "process already finished") }
        try child?.kill(signal)
    }

    /// SIGKILL to the process group that it leads; nothing once it has ended.
    package func killGroup() { child?.killGroup() }

    /// Reaps it if it has ended, and tells whoever waits.
    fileprivate func reap() {
        let exit: Exit?
        do throws(Failure) {
            exit = try child?.reap()
        } catch {
            // Nobody else reaps our children. Should it happen all the same, waiting on would be for ever, and
            // 255 is what containerd calls an unknown status.
            exit = Exit(status: 255, time: .now())
        }
        guard let exit else { return }
        if let watch { Reactor.shared.cancel(watch) }
        watch = nil
        child = nil
        Reaper.shared.remove(self)
        self.exit = exit
        let told = waiters
        waiters = []
        for waiter in told { waiter.handler(exit) }
    }
}
