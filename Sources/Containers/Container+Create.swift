import Cgroups
package import Linux
import Mounts
import OCIRuntime
import Reactor
import Stdio
import _Concurrency

extension Container {
    /// Makes the container and its init, which waits to be started; of one that is to be restored,
    /// only what a later ``start()`` needs. After a failure nothing is left of it but what the bundle
    /// had before.
    package func create() async throws(Failure) {
        let birth = Reaper.shared.expect(pidFile: pidFile)
        var configuration: [UInt8]?
        do throws(Failure) {
            try prepareBundle()
            configuration = try openSeccomp()
            rootfs = try await RootfsMount(mounting: request.mounts, at: rootfsPath)
            let stdio = try openStdio(of: initial)
            try await stdio.waitUntilReady()
            if request.checkpoint.isEmpty { try await runCreate(stdio, birth) } else { Reaper.shared.abandon(birth) }
            rootfs.take()?.keep()
            publish(.created(self, pid: initial.pid))
            initial.child?.whenExited { exit in self.tell(self.initial, .exited(exit)) }
        } catch {
            Reaper.shared.abandon(birth)
            // The shim may end before a logger that has to be killed.
            await initial.stdio?.endLogger()
            initial.closeStdio()
            Files.remove(pidFile)
            Files.remove(unfinished(pidFile))
            LifeRecord.remove(from: bundle)
            abandonSeccomp(restoring: configuration)
            await rootfs.take()?.undo()
            throw error
        }
    }

    private func prepareBundle() throws(Failure) {
        guard Files.isDirectory(bundle) else { throw Failure(.notFound, "bundle \(bundle): no such directory") }
        if !request.mounts.isEmpty { try Files.makeDirectory(rootfsPath, mode: 0o711) }
        try Files.writeAtomically(request.settings.optionsFile, to: "\(bundle)/options.json")
        try Files.writeAtomically(Array(request.settings.runtimeFile.utf8), to: "\(bundle)/runtime")
        Files.remove(pidFile)
        LifeRecord.remove(from: bundle)
    }

    func openStdio(of process: TaskProcess) throws(Failure) -> Stdio {
        try process.openStdio(request.settings) { text in
            self.publish(.complaint(id: self.id, exec: process === self.initial ? "" : process.id, text))
        }
    }

    private func runCreate(_ stdio: Stdio, _ birth: Reaper.Birth) async throws(Failure) {
        let console = try consoleSocket()
        defer { console?.close() }
        try await makeInit(Runtime.create(id, creation(console)), "OCI runtime create failed", stdio, console, birth)
    }

    /// Where a terminal will come, if init has one.
    func consoleSocket() throws(Failure) -> ConsoleSocket? { initial.paths.terminal ? try ConsoleSocket() : nil }

    func creation(_ console: ConsoleSocket?) -> Runtime.Creation {
        Runtime.Creation(
            bundle: bundle, pidFile: pidFile, consoleSocket: console?.path, noPivot: request.settings.noPivot,
            noNewKeyring: request.settings.noNewKeyring)
    }

    /// Runs the command that makes init, Create's or a restore's; `failed` begins the text of a failure.
    func makeInit(
        _ command: [String], _ failed: String, _ stdio: Stdio, _ console: ConsoleSocket?, _ birth: Reaper.Birth,
        within limit: Duration = Runtime.timeout
    ) async throws(Failure) {
        let log = RuntimeLog(self.log)
        // One that the runtime knows before is not ours to remove.
        let wasKnown = isKnownToRuntime
        let invocation: Invocation
        do throws(Failure) {
            invocation = try start(command, log: log.path, stdio)
        } catch {
            throw log.failure(failed, fallback: error.message)
        }
        switch await invocation.outcome(within: limit) {
        case .succeeded: break
        case .failed(let text):
            let failure = log.failure(failed, fallback: text + stdio.heldErrorText())
            // A runtime that was killed has not cleaned up (P-30).
            if !wasKnown, isKnownToRuntime { await destroy() }
            throw failure
        case .timedOut(let text):
            if !wasKnown { await destroy() }
            throw Failure(.deadlineExceeded, "\(failed): \(text)")
        }
        do throws(Failure) {
            try await attach(console, to: stdio)
            try stdio.start()
        } catch {
            await destroy()
            throw error.adding(failed)
        }
        do throws(Failure) {
            initial.runs(as: try Reaper.shared.adopt(birth))
        } catch {
            await destroy()
            throw error
        }
        if !initial.isReaped { cgroup = Cgroup.of(pid: initial.pid) }
        cgroup?.enableControllers()
        watchMemory()
        recordBirth()
    }

    /// Starts a command that makes a process with `stdio`.
    func start(_ command: [String], log: String, _ stdio: Stdio) throws(Failure) -> Invocation {
        let descriptors = stdio.descriptorsForRuntime
        let invocation = try runtime.invoke(command, log: log, descriptors: descriptors.isEmpty ? nil : descriptors)
        stdio.runtimeStarted()
        return invocation
    }

    /// The runtime has succeeded, so the terminal is there or will never be.
    func attach(_ console: ConsoleSocket?, to stdio: Stdio) async throws(Failure) {
        guard let console else { return }
        guard await console.arrived(within: .seconds(10)), let terminal = console.take() else { throw console.problem }
        try stdio.attach(console: terminal)
    }

    /// Whether the runtime has a directory for it, whatever became of it.
    private var isKnownToRuntime: Bool { Files.exists("\(runtime.root)/\(id)") }

    /// What a runtime that was killed half-way may have left. Of a cgroup that it had not noted yet it does not know; and who
    /// is in there ends once it sees that nobody goes on with it.
    private func destroy() async {
        await attempt(Runtime.delete(id, force: true), within: .seconds(10))
        for _ in 0..<50 {
            guard let cgroup = Cgroup(named: request.settings.cgroupsPath) else { return }
            cgroup.removeIfEmpty()
            await Reactor.shared.sleep(.milliseconds(20))
        }
    }
}
