import Linux
import OCIRuntime
import Reactor
import Stdio

@testable import Containers

/// A ``Container``, whose own code tells what happens, over processes and a runtime that are not real: its verbs
/// that wait for the runtime are here, step by step as they are there.
@Loop
final class FakeTask {
    let container: Container
    private unowned let shim: FakeShim
    private let scheduler: Scheduler
    /// The processes that we know of; init's is "".
    private(set) var processes: [String: FakeProcess] = [:]
    /// All that run in it, known or not.
    private var inside: [FakeProcess] = []
    private let hasPIDNamespace: Bool
    private var endWaiters: [@Loop () -> Void] = []
    /// The execs that the runtime is about to make.
    private var starting: Set<String> = []

    init(_ id: String, _ shim: FakeShim, publish: @escaping Container.Publish) {
        self.shim = shim
        scheduler = shim.scheduler
        hasPIDNamespace = !scheduler.random.isOne(in: 3)
        let nowhere = "/nonexistent"
        let runtime = Runtime(binary: nowhere, root: nowhere, systemdCgroup: false)
        let settings = Container.Settings(runtime: runtime, runtimeFile: "", optionsFile: [])
        let request = Container.Request(id: id, bundle: nowhere, mounts: [], stdio: StdioPaths(), settings: settings)
        // What the runtime would be asked to kill is killed here.
        container = Container(request, sharesPIDNamespace: false, publish: publish)
        container.after = { [scheduler, initial = container.initial] delay, handler in
            scheduler.after(delay.components.seconds * 1000, "init's exit has waited") {
                handler()
                scheduler.check(initial.state.exit != nil, "the exit of \(id) waits for ever")
            }
        }
    }

    var id: String { container.id }

    func isInUse(_ pid: Int32) -> Bool { inside.contains { $0.pid == pid && $0.isInUse } }

    func forget() {
        for process in inside { process.forget() }
        endWaiters = []
    }

    /// What holds its processes up does so no more, and they are killed.
    func release() {
        for process in inside { process.wake() }
        killAll()
    }

    private func makeProcess(isInit: Bool) -> FakeProcess {
        let process = FakeProcess(pid: shim.nextPID(), isFirstOfNamespace: isInit && hasPIDNamespace, scheduler)
        inside.removeAll { $0.known != nil }
        inside.first?.join(process)
        inside.append(process)
        return process
    }

    private func killAll() { for process in inside where process.exit == nil { process.kill() } }

    /// As soon as its end is known.
    private func watch(_ process: FakeProcess, of owner: TaskProcess) {
        process.whenExited { [self] exit in
            let isInit = owner === container.initial
            if isInit { shim.rules.initHasEnded(container.id) }
            container.tell(owner, .exited(exit))
            if isInit, !hasPIDNamespace { scheduler.sometime("the rest is killed") { self.killAll() } }
            checkIsTold(owner)
            checkIsTold(container.initial)
        }
    }

    /// An exit is told at once, unless something has to come before it (C-3.44).
    private func checkIsTold(_ owner: TaskProcess) {
        guard owner.state.hasEnded, owner.state.exit == nil else { return }
        let isStarting = owner.state.status == .created && !owner.state.isBeingDeleted
        let isHeld = owner === container.initial && hasUnfinishedExec
        scheduler.check(isStarting || isHeld, "the exit of \(owner.id) is not told")
    }

    private var hasUnfinishedExec: Bool {
        !starting.isEmpty || container.execs.values.contains { $0.pid != 0 && $0.state.exit == nil }
    }

    /// As `Container.initEnd()`.
    func initIsTold() {
        let told = endWaiters
        endWaiters = []
        for waiter in told { scheduler.soon("a job goes on", waiter) }
    }

    // MARK: Create and Start

    func create(_ reply: @escaping @Loop (Answer) -> Void) {
        var born: FakeProcess?
        shim.runtime.run { [self] in
            born = makeProcess(isInit: true)
            return true
        } _: { [self] outcome in
            guard outcome == .succeeded, let born else {
                born?.kill()
                return reply(.refused(.unknown))
            }
            adopt(born, as: container.initial, "")
            shim.willTellCreation(of: self)
            container.publish(.created(container, pid: born.pid))
            watch(born, of: container.initial)
            reply(.running(pid: born.pid))
        }
    }

    private func adopt(_ process: FakeProcess, as owner: TaskProcess, _ exec: String) {
        process.adopt()
        processes[exec] = process
        owner.pid = process.pid
    }

    func start(_ exec: String, _ reply: @escaping @Loop (Answer) -> Void) throws(Failure) {
        scheduler.soon("a job begins") { [self] in
            do throws(Failure) {
                if exec.isEmpty { try startInit(reply) } else { try start(exec: exec, reply) }
            } catch {
                reply(.refused(error.kind))
            }
        }
    }

    private func startInit(_ reply: @escaping @Loop (Answer) -> Void) throws(Failure) {
        let initial = container.initial
        try initial.state.request(.start)
        shim.runtime.run { [self] in
            processes[""]?.live()
            return processes[""]?.isAlive == true
        } _: { [self] outcome in
            container.tell(initial, outcome == .succeeded ? .started : .startFailed)
            checkIsTold(initial)
            reply(outcome == .succeeded ? .running(pid: initial.pid) : .refused(.unknown))
        }
    }

    func add(_ exec: String) throws(Failure) {
        guard !exec.isEmpty else { throw Failure(.invalidArgument, "exec id") }
        try container.add(exec: exec, specification: [], paths: StdioPaths())
        processes[exec] = nil
    }

    private func start(exec: String, _ reply: @escaping @Loop (Answer) -> Void) throws(Failure) {
        let process = try container.process(exec)
        guard !container.initial.state.hasEnded, !container.initial.state.isBeingDeleted else {
            throw Failure(.failedPrecondition, "init process is not running")
        }
        try process.state.request(.start)
        container.perform(container.order.on(.execStarting(exec)))
        starting.insert(exec)
        var born: FakeProcess?
        shim.runtime.run { [self] in
            guard let initial = processes[""], initial.isAlive else { return false }
            born = makeProcess(isInit: false)
            born?.live()
            return true
        } _: { [self] outcome in
            starting.remove(exec)
            guard outcome == .succeeded, let born, !container.initial.state.isDeleted else {
                born?.kill()
                container.tell(process, .startFailed)
                container.publish(.execNeverRan(id: container.id, exec: exec))
                container.perform(container.order.on(.execEnded(exec)))
                checkIsTold(container.initial)
                return reply(.refused(.unknown))
            }
            adopt(born, as: process, exec)
            container.tell(process, .started)
            watch(born, of: process)
            if container.initial.state.hasEnded { born.kill() }
            reply(.running(pid: born.pid))
        }
    }

    // MARK: Kill, Pause and Resume

    func kill(_ exec: String, _ reply: @escaping @Loop (Answer) -> Void) throws(Failure) {
        scheduler.soon("a job begins") { [self] in
            do throws(Failure) {
                let process = try container.process(exec)
                guard process.pid != 0 else { throw Failure(.failedPrecondition, "process not created") }
                guard !process.state.hasEnded else { throw Failure(.notFound, "process already finished") }
                if scheduler.random.isOne(in: 3) {
                    scheduler.sometime("a process ends by a signal") { self.processes[exec]?.end(143) }
                } else {
                    processes[exec]?.kill()
                }
                reply(.done)
            } catch {
                reply(.refused(error.kind))
            }
        }
    }

    func pause(_ reply: @escaping @Loop (Answer) -> Void) throws(Failure) {
        let initial = container.initial
        try initial.state.request(.pause)
        shim.runtime.run {
            self.processes[""]?.isAlive == true
        } _: { [self] outcome in
            container.tell(initial, outcome == .succeeded ? .paused : .pauseFailed)
            if outcome == .succeeded, !initial.state.hasEnded { container.publish(.paused(id: container.id)) }
            reply(outcome == .succeeded ? .done : .refused(.unknown))
        }
    }

    func resume(_ reply: @escaping @Loop (Answer) -> Void) throws(Failure) {
        let initial = container.initial
        try initial.state.request(.resume)
        shim.runtime.run {
            self.processes[""]?.isAlive == true
        } _: { [self] outcome in
            container.tell(initial, outcome == .succeeded ? .resumed : .resumeFailed)
            if outcome == .succeeded, !initial.state.hasEnded { container.publish(.resumed(id: container.id)) }
            reply(outcome == .succeeded ? .done : .refused(.unknown))
        }
    }

    // MARK: Delete

    func delete(_ exec: String, _ reply: @escaping @Loop (Answer) -> Void) {
        do throws(Failure) {
            let process = try container.process(exec)
            try process.state.request(.delete)
            if exec.isEmpty { deleteInit(reply) } else { delete(process, reply) }
        } catch {
            reply(.refused(error.kind))
        }
    }

    /// Its streams are waited for a while.
    private func delete(_ process: TaskProcess, _ reply: @escaping @Loop (Answer) -> Void) {
        scheduler.after(Int64(scheduler.random.number(below: 50)), "streams are drained") { [self] in
            container.tell(process, .deleted)
            container.execs[process.id] = nil
            if process.pid == 0 { container.publish(.execNeverRan(id: container.id, exec: process.id)) }
            reply(ending(process))
        }
    }

    private func deleteInit(_ reply: @escaping @Loop (Answer) -> Void) {
        shim.runtime.run { [self] in
            killAll()
            return true
        } _: { [self] outcome in
            guard outcome == .succeeded else { return failDelete(reply) }
            waitForEnds(patience: 2000) { [self] in
                scheduler.after(Int64(scheduler.random.number(below: 50)), "streams are drained") { [self] in
                    finishDelete(reply)
                }
            } orFail: {
                self.failDelete(reply)
            }
        }
    }

    private func failDelete(_ reply: @escaping @Loop (Answer) -> Void) {
        container.tell(container.initial, .deleteFailed)
        let told = shim.rules.exit(id, "")
        scheduler.check(container.initial.state.exit == told, "State knows an exit of \(id) that was not told")
        reply(.refused(.unknown))
    }

    private func finishDelete(_ reply: @escaping @Loop (Answer) -> Void) {
        let initial = container.initial
        container.tell(initial, .deleted)
        let answer = ending(initial)
        container.publish(.deleted(id: container.id, pid: initial.pid, initial.state.exit))
        reply(answer)
    }

    /// Until all have ended that were killed, for a while; and until init's end was told, however long that takes.
    private func waitForEnds(
        patience: Int64, _ goOn: @escaping @Loop () -> Void, orFail fail: @escaping @Loop () -> Void
    ) {
        let owners = [container.initial] + container.execs.values
        let haveEnded = owners.allSatisfy { $0.pid == 0 || $0.state.hasEnded }
        let someLive = inside.contains { $0.wasKilled && $0.exit == nil }
        if patience > 0, !haveEnded || someLive {
            scheduler.after(200, "Delete looks again") { [self] in
                waitForEnds(patience: patience - 200, goOn, orFail: fail)
            }
            return
        }
        guard !someLive else { return fail() }
        guard container.initial.state.hasEnded, container.initial.state.exit == nil else { return goOn() }
        endWaiters.append(goOn)
    }

    private func ending(_ process: TaskProcess) -> Answer {
        .ended(status: process.state.exit?.status ?? 0, time: process.state.exit?.time ?? .never)
    }
}
