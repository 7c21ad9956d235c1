package import Linux
import Mounts
import OCIRuntime
import Reactor
import Stdio
import _Concurrency

extension Container {
    /// How long it waits for a process that was killed to be gone.
    private static let killLimit = Duration.seconds(2)

    /// Deletes the container: created or stopped, else it is refused. After a failure it is as it
    /// was, and may be deleted again.
    package func delete() async throws(Failure) {
        try initial.state.request(.delete)
        do throws(Failure) {
            for exec in execs.values { leaveCgroup(of: exec) }
            try await runDelete()
            await drain(initial)
            for exec in execs.values { exec.closeStdio() }
            try await unmount()
        } catch {
            tell(initial, .deleteFailed)
            throw error
        }
        tell(initial, .deleted)
        publish(.deleted(id: id, pid: initial.pid, initial.state.exit))
    }

    private func runDelete() async throws(Failure) {
        if endedPaused { await attempt(Runtime.resume(id)) }
        let log = RuntimeLog(self.log)
        let failed = "failed to delete task"
        let outcome: Invocation.Outcome
        do throws(Failure) {
            outcome = try await run(Runtime.delete(id, force: false), log: log)
        } catch {
            throw log.failure(failed, fallback: error.message)
        }
        switch outcome {
        case .succeeded: break
        case .failed(let text):
            let failure = log.failure(failed, fallback: text)
            guard RuntimeWords.isMissing(failure.message) || RuntimeWords.isMissing(text) else { throw failure }
        case .timedOut(let text): throw Failure(.deadlineExceeded, "\(failed): \(text)")
        }
        // What the runtime has just killed (an init that never started, execs that outlived theirs) is
        // told first.
        for process in [initial] + execs.values where process.pid != 0 && !process.state.hasEnded {
            _ = await process.child?.exit(within: Self.killLimit)  // one that cannot die is not waited for
        }
        if initial.state.hasEnded { await initEnd() }
    }

    /// Delete of an exec that does not run.
    package func delete(exec: String) async throws(Failure) {
        let process = try process(exec)
        try process.state.request(.delete)
        await drain(process)
        leaveCgroup(of: process)
        Files.remove(pidFile(of: exec))
        tell(process, .deleted)
        execs.removeAndShrink(exec)
        specifications.removeAndShrink(exec)
    }

    private func drain(_ process: TaskProcess) async {
        if let stdio = process.stdio {
            if process.pid != 0 { _ = await stdio.drained() }  // what is not out by now is not waited for
            await stdio.endLogger()
        }
        process.closeStdio()
    }

    private func unmount() async throws(Failure) {
        guard !request.mounts.isEmpty else { return }
        do throws(Failure) {
            for _ in 0..<50 {
                guard try MountTable.unmountAll(below: rootfsPath) else { return }
                await Reactor.shared.sleep(.milliseconds(50))
            }
            throw Failure(.unknown, errno: Errno.busy, "\(rootfsPath): \(errorText(Errno.busy))")
        } catch {
            throw error.adding("failed rootfs umount")
        }
    }
}
