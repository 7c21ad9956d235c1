import Cgroups
package import Linux
import Mounts
import OCIRuntime
import Reactor
import Stdio
import _Concurrency

extension Container {
    /// Makes the container and its init, which waits to be started. After a failure nothing is left
    /// of it but what the bundle had before.
    package func create() async throws(Failure) {
        let birth = Reaper.shared.expect(pidFile: pidFile)
        do throws(Failure) {
            try prepareBundle()
            rootfs = try RootfsMount(mounting: request.mounts, at: rootfsPath)
            let stdio = try initial.openStdio(uid: request.settings.ioUID, gid: request.settings.ioGID)
            try await runCreate(stdio)
            try await adopt(birth)
        } catch {
            Reaper.shared.abandon(birth)
            initial.closeStdio()
            rootfs = nil
            throw error
        }
    }

    private func prepareBundle() throws(Failure) {
        guard Files.isDirectory(bundle) else { throw Failure(.notFound, "bundle \(bundle): no such directory") }
        if !request.mounts.isEmpty { try Files.makeDirectory(rootfsPath, mode: 0o711) }
        try Files.writeAtomically(request.settings.optionsFile, to: "\(bundle)/options.json")
        try Files.writeAtomically(Array(request.settings.runtimeFile.utf8), to: "\(bundle)/runtime")
        Files.remove(pidFile)
    }

    private func runCreate(_ stdio: Stdio) async throws(Failure) {
        let log = RuntimeLog(self.log)
        let console = initial.paths.terminal ? try ConsoleSocket() : nil
        defer { console?.close() }
        let command = Runtime.create(
            id,
            Runtime.Creation(
                bundle: bundle, pidFile: pidFile, consoleSocket: console?.path, noPivot: request.settings.noPivot,
                noNewKeyring: request.settings.noNewKeyring))
        let failed = "OCI runtime create failed"
        let invocation: Invocation
        do throws(Failure) {
            invocation = try start(command, log: log.path, stdio)
        } catch {
            throw log.failure(failed, fallback: error.message)
        }
        switch await invocation.outcome() {
        case .succeeded: break
        case .failed(let text): throw log.failure(failed, fallback: text + stdio.heldErrorText())
        case .timedOut(let text):
            await destroy()
            throw Failure(.deadlineExceeded, "\(failed): \(text)")
        }
        do throws(Failure) {
            try await attach(console, to: stdio)
            try stdio.start()
        } catch {
            await destroy()
            throw error.adding(failed)
        }
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

    private func adopt(_ birth: Reaper.Birth) async throws(Failure) {
        let child: ChildProcess
        do throws(Failure) {
            child = try Reaper.shared.adopt(birth)
        } catch {
            await destroy()
            throw error
        }
        initial.runs(as: child)
        cgroup = Cgroup.of(pid: child.pid)
        rootfs.take()?.keep()
        publish(.created(self, pid: child.pid))
        child.whenExited { exit in self.tell(self.initial, .exited(exit)) }
    }

    /// What a runtime that was killed half-way may have left.
    private func destroy() async {
        do throws(Failure) {
            _ = try await run(Runtime.delete(id, force: true), within: .seconds(10))  // there may be nothing
        } catch {}  // no runtime: then there is nothing either
    }
}
