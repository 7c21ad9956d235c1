import Linux
import Reactor

@testable import Containers

/// What must hold of all that is told of containers, in whatever order things happen (C-3.40 … C-3.45).
@Loop
final class Rules {
    /// What was told of one process.
    private struct Told {
        var started = false
        var exit: Exit?
    }

    private struct Life {
        var told: [String: Told] = [:]
        /// Since when init is known to have ended.
        var initEnd: Int64?
        var isDeleted = false
    }

    private let scheduler: Scheduler
    private var lives: [String: Life] = [:]

    init(_ scheduler: Scheduler) { self.scheduler = scheduler }

    /// Init's end has come to the container's ears.
    func initHasEnded(_ id: String) { lives[id]?.initEnd = scheduler.now }

    func hasStarted(_ id: String, _ exec: String) -> Bool { lives[id]?.told[exec]?.started == true }
    func exit(_ id: String, _ exec: String) -> Exit? { lives[id]?.told[exec]?.exit }

    func created(_ id: String) {
        check(lives[id]?.isDeleted != false, "\(id) is created twice")
        lives[id] = Life(told: ["": Told()])
    }

    func execAdded(_ id: String, _ exec: String) {
        check(isThere(id), "exec \(exec) of \(id), which is not there")
        check(lives[id]?.told[""]?.exit == nil, "exec \(exec) is added after init's exit")
        lives[id]?.told[exec] = Told()
    }

    func started(_ id: String, _ exec: String, pid: Int32, _ process: FakeProcess?) {
        check(isThere(id), "\(name(id, exec)) starts and is not there")
        check(lives[id]?.told[exec] != nil, "\(name(id, exec)) starts before it is made")
        check(lives[id]?.told[exec]?.started == false, "\(name(id, exec)) starts twice")
        check(lives[id]?.told[exec]?.exit == nil, "\(name(id, exec)) starts after its exit")
        check(pid != 0 && process?.pid == pid, "\(name(id, exec)) starts with pid \(pid)")
        lives[id]?.told[exec]?.started = true
    }

    /// `state`: what State says of it.
    func exited(
        _ id: String, _ exec: String, pid: Int32, _ exit: Exit, _ process: FakeProcess?, _ state: ProcessState
    ) {
        check(isThere(id), "\(name(id, exec)) exits and is not there")
        check(lives[id]?.told[exec] != nil, "\(name(id, exec)) exits before it is made")
        check(lives[id]?.told[exec]?.exit == nil, "\(name(id, exec)) exits twice")
        check(exec.isEmpty || hasStarted(id, exec), "\(name(id, exec)) exits before its start")
        check(process?.pid == pid, "\(name(id, exec)) exits with another's pid")
        check(process?.exit == exit, "\(name(id, exec)) exits with \(exit.status), and not in truth")
        check(state.status == .stopped && state.exit == exit, "\(name(id, exec)) exits while it is \(state.status)")
        lives[id]?.told[exec]?.exit = exit
        if exec.isEmpty { checkInitExit(id) }
    }

    /// Init's exit is the last, unless an exec keeps it waiting for too long (C-3.42).
    private func checkInitExit(_ id: String) {
        guard let life = lives[id] else { return }
        let running = life.told.filter { $0.value.started && $0.value.exit == nil }.keys.sorted()
        guard !running.isEmpty else { return }
        let waited = scheduler.now - (life.initEnd ?? scheduler.now)
        check(waited >= 10_000, "init of \(id) exits before \(running)")
    }

    func changed(_ id: String, _ words: String) {
        check(isThere(id), "\(id) is \(words) and not there")
        check(lives[id]?.told[""]?.exit == nil, "\(id) is \(words) after its exit")
    }

    /// `process`: init, if there ever was one.
    func deleted(_ id: String, _ process: FakeProcess?, _ exit: Exit?) {
        check(isThere(id), "\(id) is deleted and not there")
        check(process == nil || lives[id]?.told[""]?.exit != nil, "\(id) is deleted before its exit")
        check(exit == process?.exit, "\(id) is deleted with another exit")
        let running = (lives[id]?.told ?? [:]).filter { $0.value.started && $0.value.exit == nil }.keys.sorted()
        check(running.isEmpty, "\(id) is deleted before the exit of \(running)")
        lives[id]?.isDeleted = true
    }

    private func isThere(_ id: String) -> Bool { lives[id]?.isDeleted == false }

    private func name(_ id: String, _ exec: String) -> String { exec.isEmpty ? id : "\(id)/\(exec)" }

    private func check(_ condition: Bool, _ words: @autoclosure () -> String) { scheduler.check(condition, words()) }
}
