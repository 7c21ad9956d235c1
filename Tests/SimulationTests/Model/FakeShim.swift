import Linux
import Reactor

@testable import Containers

/// What `TaskService` does with calls and with what containers tell.
@Loop
final class FakeShim {
    private struct Key: Hashable {
        let id: String
        let exec: String
    }

    let scheduler: Scheduler
    let runtime: FakeRuntime
    let rules: Rules
    let publisher: Publisher
    var clients: [Client] = []
    private(set) var tasks: [String: FakeTask] = [:]
    private var creating: Set<String> = []
    private var waits: [Key: [Call.Stream]] = [:]
    private var deletions: [Key: [Call.Stream]] = [:]
    private var lastPID: Int32 = 0

    init(_ scheduler: Scheduler) {
        self.scheduler = scheduler
        runtime = FakeRuntime(scheduler)
        rules = Rules(scheduler)
        publisher = Publisher(scheduler)
    }

    var hasWaits: Bool { !waits.isEmpty }
    var isEmpty: Bool { tasks.isEmpty && creating.isEmpty }
    func isMaking(_ id: String) -> Bool { creating.contains(id) }
    var all: [FakeTask] { tasks.keys.sorted().compactMap { tasks[$0] } }

    /// Few numbers, so that they come again (C-3.45).
    func nextPID() -> Int32 {
        repeat { lastPID = lastPID % 60 + 1 } while tasks.values.contains { $0.isInUse(lastPID) }
        return lastPID
    }

    func handle(_ call: Call, _ stream: Call.Stream) {
        do throws(Failure) {
            switch call.verb {
            case .create: try create(call, stream)
            case .start: try task(call).start(call.exec) { self.answer(stream, $0) }
            case .delete: try delete(call, stream)
            case .state: try state(call, stream)
            case .wait: try wait(call, stream)
            case .kill: try task(call).kill(call.exec) { self.answer(stream, $0) }
            case .exec:
                try task(call).add(call.exec)
                answer(stream, .done)
            case .pause: try task(call).pause { self.answer(stream, $0) }
            case .resume: try task(call).resume { self.answer(stream, $0) }
            }
        } catch {
            answer(stream, .refused(error.kind))
        }
    }

    private func task(_ call: Call) throws(Failure) -> FakeTask {
        guard let task = tasks[call.id] else { throw Failure(.notFound, "container not created") }
        return task
    }

    private func answer(_ stream: Call.Stream, _ answer: Answer) {
        clients.first { $0.number == stream.connection }?.answer(stream.id, answer)
    }

    private func create(_ call: Call, _ stream: Call.Stream) throws(Failure) {
        guard tasks[call.id] == nil, creating.insert(call.id).inserted else {
            throw Failure(.alreadyExists, "id \(call.id)")
        }
        let task = FakeTask(call.id, self) { self.tell($0) }
        task.create { answer in
            self.creating.remove(call.id)
            self.answer(stream, answer)
        }
    }

    /// Before it says so itself: `TaskEvent.created` has the container and not the task.
    func willTellCreation(of task: FakeTask) { tasks[task.container.id] = task }

    private func state(_ call: Call, _ stream: Call.Stream) throws(Failure) {
        let process = try task(call).container.process(call.exec)
        let told = rules.exit(call.id, call.exec)
        scheduler.check(told == nil || process.state.status == .stopped, "\(call.id) \(call.exec) is not stopped")
        scheduler.check(told == process.state.exit, "State knows another exit than was told")
        answer(stream, .done)
    }

    private func delete(_ call: Call, _ stream: Call.Stream) throws(Failure) {
        let task = try task(call)
        _ = try task.container.process(call.exec)
        let key = Key(id: call.id, exec: call.exec)
        guard deletions[key] == nil else {
            deletions[key]?.append(stream)
            return
        }
        deletions[key] = []
        scheduler.soon("a job begins") {
            task.delete(call.exec) { answer in
                for stream in [stream] + (self.deletions.removeValue(forKey: key) ?? []) { self.answer(stream, answer) }
            }
        }
    }

    // MARK: Wait

    private func wait(_ call: Call, _ stream: Call.Stream) throws(Failure) {
        let process = try task(call).container.process(call.exec)
        if let exit = process.state.exit { return answer(stream, .ended(status: exit.status, time: exit.time)) }
        guard !process.state.startHasFailed || call.exec.isEmpty else {
            return answer(stream, .ended(status: 0, time: .never))
        }
        waits[Key(id: call.id, exec: call.exec), default: []].append(stream)
    }

    private func wake(_ key: Key, _ exit: Exit?) {
        let answer = Answer.ended(status: exit?.status ?? 0, time: exit?.time ?? .never)
        for stream in waits.removeValue(forKey: key) ?? [] { self.answer(stream, answer) }
    }

    func forget(connection: Int) {
        for key in waits.keys.sorted(by: { ($0.id, $0.exec) < ($1.id, $1.exec) }) {
            for stream in waits[key] ?? [] where stream.connection == connection {
                clients.first { $0.number == connection }?.abandon(stream.id)
            }
            let rest = (waits[key] ?? []).filter { $0.connection != connection }
            waits[key] = rest.isEmpty ? nil : rest
        }
    }

    // MARK: what containers tell

    private func tell(_ event: TaskEvent) {
        switch event {
        case .created(let container, let pid):
            rules.created(container.id)
            publish("created \(container.id) \(pid)")
        case .started(let id, let pid):
            rules.started(id, "", pid: pid, tasks[id]?.processes[""])
            publish("started \(id) \(pid)")
        case .execAdded(let id, let exec):
            rules.execAdded(id, exec)
            publish("exec added \(id)/\(exec)")
        case .execStarted(let id, let exec, let pid):
            rules.started(id, exec, pid: pid, tasks[id]?.processes[exec])
            publish("exec started \(id)/\(exec) \(pid)")
        case .execNeverRan(let id, let exec): wake(Key(id: id, exec: exec), nil)
        case .exited(let id, let exec, let pid, let exit, _): tellExit(id, exec, pid, exit)
        case .paused(let id), .resumed(let id), .outOfMemory(let id):
            rules.changed(id, "told of")
            publish("told of \(id)")
        case .deleted(let id, _, let exit):
            rules.deleted(id, tasks[id]?.processes[""], exit)
            tasks.removeValue(forKey: id)?.forget()
            for key in waits.keys.filter({ $0.id == id }).sorted(by: { $0.exec < $1.exec }) {
                wake(key, key.exec.isEmpty ? exit : nil)
            }
            publish("deleted \(id)", isEssential: true)
        case .outlived(let id, let execs): scheduler.note("\(id) is outlived by \(execs)")
        case .memoryUnwatched, .complaint, .checkpointed, .restoreFailed, .seccomp, .rootfsDetached, .unrecorded: break
        }
    }

    private func tellExit(_ id: String, _ exec: String, _ pid: Int32, _ exit: Exit) {
        guard let task = tasks[id], let process = try? task.container.process(exec) else {
            return scheduler.check(false, "\(id) \(exec) exits, and is not known")
        }
        rules.exited(id, exec, pid: pid, exit, task.processes[exec], process.state)
        publish("exited \(id)/\(exec) \(exit.status)", isEssential: true)
        wake(Key(id: id, exec: exec), exit)
        if exec.isEmpty { task.initIsTold() }
    }

    private func publish(_ words: @autoclosure () -> String, isEssential: Bool = false) {
        scheduler.note("event \(publisher.published): \(words())")
        publisher.publish(isEssential: isEssential)
    }

    // MARK: what answers say

    func checkAnswer(_ call: Call, _ answer: Answer) {
        let told = rules.exit(call.id, call.exec)
        switch (call.verb, answer) {
        case (.start, .running(let pid)):
            scheduler.check(rules.hasStarted(call.id, call.exec), "Start is answered before the event")
            scheduler.check(
                tasks[call.id] == nil || tasks[call.id]?.processes[call.exec]?.pid == pid, "Start says \(pid)")
        case (.wait, .ended(let status, let time)):
            if time == .never {
                let hasRun = rules.hasStarted(call.id, call.exec) || told != nil
                scheduler.check(!hasRun, "Wait for \(call.id) \(call.exec) says that it never ran")
            } else {
                let isTrue = told?.status == status && told?.time == time
                scheduler.check(isTrue, "Wait for \(call.id) \(call.exec) says \(status)")
            }
        default: break
        }
    }
}
