package import Cgroups
package import Linux
package import Mounts
package import OCIRuntime
package import Reactor
package import Seccomp
package import Stdio
import _Concurrency

/// A container of this shim: its processes, and what must be undone when it goes.
///
/// Its verbs are in the extensions beside this file. What always holds: of each process `started` comes
/// before `exited`, and init's `exited` before `deleted`; it comes after the execs', but for one that
/// cannot be killed.
@Loop
package final class Container {
    /// What a client asks for (task.proto `CreateTaskRequest`), checked.
    package struct Request {
        package var id: String
        /// An absolute path.
        package var bundle: String
        package var mounts: [Mount]
        package var stdio: StdioPaths
        package var settings: Settings
        /// The image to restore from, an absolute path, and the image that it builds on; empty: a
        /// new container.
        package var checkpoint = ""
        package var parentCheckpoint = ""

        package init(id: String, bundle: String, mounts: [Mount], stdio: StdioPaths, settings: Settings) {
            self.id = id
            self.bundle = bundle
            self.mounts = mounts
            self.stdio = stdio
            self.settings = settings
        }
    }

    /// How its runtime is to be used (C-3.61).
    package struct Settings {
        package var runtime: Runtime
        /// containerd's, for loggers.
        package var namespace = ""
        /// Where its bundle wants its cgroup (config.json, `linux.cgroupsPath`).
        package var cgroupsPath = ""
        /// What happens to its processes' output while nobody reads it.
        package var output = OutputPolicy.wait
        package var spill = SpillPlace()
        /// Each exec is in a cgroup of its own.
        package var isolatesExecs = false
        /// Who listens to its calls; nil: nobody.
        package var seccomp: SeccompAgent.Plan?
        package var noPivot = false
        package var noNewKeyring = false
        package var ioUID: UInt32 = 0
        package var ioGID: UInt32 = 0
        /// CRIU's working directory for a restore; empty: the bundle's `work`.
        package var criuWorkPath = ""
        /// What a later `delete` must know (C-1.74): the files `runtime` and `options.json`.
        package var runtimeFile: String
        package var optionsFile: [UInt8]

        package init(runtime: Runtime, runtimeFile: String, optionsFile: [UInt8]) {
            self.runtime = runtime
            self.runtimeFile = runtimeFile
            self.optionsFile = optionsFile
        }
    }

    /// How long a call waits for the Start of the process that it is about, as it does for a lock of the Go shim.
    static let startLimit = Duration.seconds(10)

    package typealias Publish = @Loop (TaskEvent) -> Void

    package let request: Request
    package let initial: TaskProcess
    var execs: [String: TaskProcess] = [:]
    /// The specification of each exec that has not been started.
    var specifications: [String: [UInt8]] = [:]
    /// Where its processes are; nil if that could not be found out.
    package internal(set) var cgroup: Cgroup?
    /// Of execs that are no more, and have left processes behind.
    var abandonedCgroups: [ExecCgroup] = []
    /// As long as something may be killed in it and told.
    var memoryWatch: OOMWatch?
    var hasUntoldKill = false
    /// As long as somebody listens to its calls.
    var seccomp: SeccompAgent?
    var rootfs: RootfsMount?
    var order = ExitOrder()
    /// Of the calls that change it.
    let turns = Turns()
    /// The runtime's delete that was under way when a process that could not be ended made ours fail.
    var slowDelete: Invocation?
    /// The runtime knows nothing of it any more, and may have left its cgroup.
    var isForgotten = false
    /// Commands of the runtime under way that do not outlive it.
    private var commands: [Invocation] = []
    /// How long a Delete waits for them, before it ends them.
    var commandLimit = Container.runtimeLimit
    /// Its cgroup may be frozen still, and then not every runtime deletes it.
    private(set) var endedPaused = false
    let publish: Publish
    private let sharesPIDNamespace: Bool
    private var endWaiters: [@Loop () -> Void] = []
    /// The reactor's clock; a simulation has its own.
    var after: @Loop (Duration, @escaping @Loop () -> Void) -> Void = { _ = Reactor.shared.after($0, $1) }

    package var id: String { request.id }
    package var bundle: String { request.bundle }
    var runtime: Runtime { request.settings.runtime }
    /// Where the runtime logs what is done to the container as a whole, one command after the other. A bundle
    /// that is gone takes no log, and that is no reason to fail.
    var log: String { Files.isDirectory(bundle) ? "\(bundle)/log.json" : "/dev/null" }
    /// Where a command logs that may run beside others, whose errors would be mixed with its own (C-5.41).
    var ownLog: String? { Files.isDirectory(bundle) ? "\(bundle)/log-\(Process.randomName()).json" : nil }
    var pidFile: String { "\(bundle)/init.pid" }
    var rootfsPath: String { "\(bundle)/rootfs" }

    /// Only the record; ``create()`` makes the container. `sharesPIDNamespace`: when init dies, the
    /// kernel does not kill the rest.
    package init(_ request: Request, sharesPIDNamespace: Bool, publish: @escaping Publish) {
        self.request = request
        self.sharesPIDNamespace = sharesPIDNamespace
        self.publish = publish
        initial = TaskProcess(id: request.id, paths: request.stdio)
    }

    /// The ids of its execs, started or not.
    package var execIDs: [String] { execs.keys.sorted() }

    /// As the reactor's.
    package func compact() {
        execs.compact()
        specifications.compact()
        order.compact()
    }

    /// Init for "", else the exec of that id.
    package func process(_ exec: String) throws(Failure) -> TaskProcess {
        if exec.isEmpty { return initial }
        guard let process = execs[exec] else { throw Failure(.notFound, "process does not exist \(exec)") }
        return process
    }

    /// What State reports for `process`: a paused container's execs are paused (C-3.13).
    package func status(of process: TaskProcess) -> ProcessState.Status {
        process !== initial && initial.state.isPaused ? initial.state.status : process.state.status
    }

    /// Which exec a pid is; nil for others.
    package func exec(withPID pid: Int32) -> String? {
        execs.first { $0.value.pid == pid && !$0.value.state.hasEnded }?.key
    }

    /// Runs a command of the runtime that has no stdio of the container's. Without `log` nobody reads what it logs. It does
    /// not outlive the container, for its name may be another's then.
    func run(
        _ command: [String], log: RuntimeLog? = nil, input: [UInt8]? = nil, within limit: Duration = Runtime.timeout
    ) async throws(Failure) -> Invocation.Outcome {
        guard !initial.state.isDeleted else { throw Failure(.notFound, "container not created") }
        let ownLog = log == nil ? ownLog : nil
        defer { if let ownLog { Files.remove(ownLog) } }
        let invocation = try runtime.invoke(command, log: log?.path ?? ownLog ?? "/dev/null", input: input)
        commands.append(invocation)
        defer { commands.removeAll { $0 === invocation } }
        return await invocation.outcome(within: limit)
    }

    /// Runs a command whose failure changes nothing, as the peers do.
    func attempt(_ command: [String], within limit: Duration = Runtime.timeout) async {
        do throws(Failure) { _ = try await run(command, within: limit) } catch {}  // no runtime is a failure too
    }

    /// Suspends until no command is left; those that have not ended within ``commandLimit`` are killed.
    func endCommands() async {
        var limit = commandLimit
        while let command = commands.first {
            if await !command.hasEnded(within: limit) {
                command.end()
                limit = .zero
            }
            commands.removeAll { $0 === command }
        }
    }

    /// Tells the process' machine what happened, and does what it says.
    func tell(_ process: TaskProcess, _ fact: ProcessState.Fact) {
        let wasPaused = process.state.isPaused
        if case .exited(let exit) = fact {
            // Now, for whoever sees that the cgroup is empty may remove it, as systemd does.
            memoryWatch?.look()
            if process === initial { recordEnd(exit) }
        }
        for action in process.state.on(fact) {
            switch action {
            case .announceStart: announceStart(process)
            case .end(let exit): end(process, exit, wasPaused: wasPaused)
            }
        }
        if fact == .started || fact == .startFailed { process.startHasEnded() }
    }

    private func announceStart(_ process: TaskProcess) {
        if process === initial {
            publish(.started(id: id, pid: process.pid))
            tellKill()
        } else {
            publish(.execStarted(id: id, exec: process.id, pid: process.pid))
        }
    }

    private func end(_ process: TaskProcess, _ exit: Exit, wasPaused: Bool) {
        process.stdio?.processExited()
        guard process === initial else {
            announce(process, exit)
            return perform(order.on(.execEnded(process.id)))
        }
        endedPaused = wasPaused
        if sharesPIDNamespace { killRest() }
        perform(order.on(.initEnded(exit)))
    }

    /// A fact for the order of exits, and what follows.
    func perform(_ actions: [ExitOrder.Action]) {
        for action in actions {
            switch action {
            case .publishInit(let exit): announce(initial, exit)
            case .armDeadline: after(ExitOrder.patience) { self.stopWaitingForExecs() }
            }
        }
    }

    private func stopWaitingForExecs() {
        let late = order.unfinished
        let actions = order.on(.deadline)
        if !actions.isEmpty { publish(.outlived(id: id, by: late)) }
        perform(actions)
    }

    /// State says stopped before anybody hears of the exit.
    private func announce(_ process: TaskProcess, _ exit: Exit) {
        tell(process, .announced)
        if process === initial {
            memoryWatch?.look()
            tellKill()
            stopWatchingMemory()
        }
        let denials = process === initial ? seccomp?.conclude() : nil
        publish(.exited(id: id, exec: process === initial ? "" : process.id, pid: process.pid, exit, denials: denials))
        guard process === initial else { return }
        let told = endWaiters
        endWaiters = []
        for waiter in told { waiter() }
    }

    /// Suspends until init's exit was told, which may be later than the exit.
    func initEnd() async {
        guard initial.state.exit == nil else { return }
        await Waiter<Void>.suspend { waiter in endWaiters.append { waiter.resume(()) } }
    }

    /// Without a pid namespace of its own, what init leaves behind lives on (C-3.42); if it was
    /// frozen, it cannot die before it is thawed (C-3.36). The runtime's delete, if it has ended init, does it itself.
    private func killRest() {
        guard !initial.state.isBeingDeleted else { return }
        if let others = cgroup?.processes(), others.isEmpty { return }
        Loop.start {
            await self.attempt(Runtime.kill(self.id, signal: 9, all: true))
            if self.endedPaused { await self.attempt(Runtime.resume(self.id)) }
        }
    }
}
