import Cgroups
package import Linux
import Mounts
import OCIRuntime
import Reactor
import Stdio
import _Concurrency

extension Container {
    /// How long the runtime is waited for while a process does not end. runc freezes the cgroup before it kills, and waits
    /// ten seconds for what cannot be frozen; a client's patience is no longer than that.
    static let runtimeLimit = min(Duration.seconds(3), Runtime.timeout)

    /// How long it waits for what was killed to be gone, all of it together.
    private static let killLimit = Duration.seconds(2)

    /// Deletes the container: created or stopped, else it is refused. A process that the kernel does not let end
    /// is a failure that names it. After a failure it may be deleted again; if the runtime would not delete what has ended,
    /// its streams and its rootfs are gone by then (C-3.28).
    package func delete() async throws(Failure) {
        try await requestDeletion(of: initial)
        defer { turns.end() }
        do throws(Failure) {
            for exec in execs.values { leaveCgroup(of: exec) }
            try await runDelete()
            try await waitForEnds()
            try await removeRest()
        } catch {
            tell(initial, .deleteFailed)
            throw error
        }
        await endCommands()
        stopWatchingMemory()
        closeSeccomp()
        // What Delete answers of one that never ran.
        if initial.pid == 0 { recordEnd(Exit(status: 0, time: .never)) }
        tell(initial, .deleted)
        publish(.deleted(id: id, pid: initial.pid, initial.state.exit))
    }

    /// Init's comes in its turn, which is to be ended.
    private func requestDeletion(of process: TaskProcess) async throws(Failure) {
        await process.startEnd(within: Self.startLimit)
        do throws(Failure) {
            guard process === initial else { return try process.state.request(.delete) }
            try process.state.check(.delete)
            // Of one that has ended, what has the turn comes to nothing, and may hang.
            if process.state.hasEnded { await endCommands() }
            try await beginTurn(for: nil, to: .request(.delete))
        } catch {
            // It may have been killed, and not end: for what it waits for in the kernel or, where it is the first one of a
            // pid namespace, for one that does.
            let status = process === initial ? killedProcess : ProcessStatus(of: process.pid)
            guard !process.state.hasEnded, let status, status.isKilled, status.state == "D" else { throw error }
            throw Failure(error.kind, "\(error.message): container \(id): \(status.text) cannot be ended")
        }
    }

    private func runDelete() async throws(Failure) {
        await endCommands()
        if endedPaused { await attempt(Runtime.resume(id)) }
        if let slowDelete {
            try await wait(for: slowDelete)
            _ = await slowDelete.hasEnded(within: Runtime.timeout)  // it is killed then
            self.slowDelete = nil
        }
        let log = RuntimeLog(self.log)
        let failed = "failed to delete task"
        let invocation: Invocation
        do throws(Failure) {
            invocation = try runtime.invoke(Runtime.delete(id, force: false), log: log.path)
        } catch {
            throw await refused(log.failure(failed, fallback: error.message))
        }
        try await wait(for: invocation)
        switch await invocation.outcome(waited: Self.runtimeLimit) {
        case .succeeded: break
        case .failed(let text):
            let failure = log.failure(failed, fallback: text)
            guard RuntimeWords.isMissing(failure.message) || RuntimeWords.isMissing(text) else {
                try refuse(after: failure)
                throw await refused(failure)
            }
            isForgotten = true
        case .timedOut(let text): throw Failure(.deadlineExceeded, "\(failed): \(text)")
        }
    }

    /// The runtime will not delete it: what is ours of one that has ended goes all the same, and the failure is the runtime's.
    private func refused(_ failure: Failure) async -> Failure {
        if initial.state.hasEnded {
            do throws(Failure) { try await removeRest() } catch {}  // a later Delete does it
        }
        return failure
    }

    /// Its streams and its rootfs.
    private func removeRest() async throws(Failure) {
        await drain(initial)
        for exec in execs.values { exec.closeStdio() }
        try await unmount()
    }

    /// Suspends until the runtime's delete has ended, or its first seconds are over. If it is held up by a process that
    /// cannot be ended, it goes on without us, and that is a failure.
    private func wait(for invocation: Invocation) async throws(Failure) {
        guard await !invocation.hasEnded(within: Self.runtimeLimit), let process = sleepingProcess else { return }
        if slowDelete == nil {
            slowDelete = invocation
            Loop.start { _ = await invocation.outcome(waited: Self.runtimeLimit) }
        }
        throw cannotEnd(process)
    }

    /// What the runtime has just killed (an init that never started, execs that outlived theirs, what init has left in
    /// a shared pid namespace) is told first, and gone. What it has not killed we do.
    private func waitForEnds() async throws(Failure) {
        for process in living { do throws(Failure) { try process.signal(9) } catch {} }  // it has ended
        let step = Duration.milliseconds(20)
        var patience = Self.killLimit
        while patience > .zero, !living.isEmpty || killedProcess != nil {
            await Reactor.shared.sleep(step)
            patience -= step
        }
        try refuse()
        if let process = living.first {
            throw Failure(.failedPrecondition, "container \(id): process \(process.pid) cannot be ended")
        }
        if initial.state.hasEnded { await initEnd() }
        // Somebody was in it when the runtime tried to remove it, or it has not.
        if isForgotten { cgroup?.removeIfEmpty() }
    }

    /// Init and the execs, as far as they run.
    private var living: [TaskProcess] { ([initial] + execs.values).filter { $0.pid != 0 && !$0.state.hasEnded } }

    /// One of its processes that has been killed and has not ended. Others may be in its cgroup that are another
    /// container's.
    private var killedProcess: ProcessStatus? { process { $0.isKilled && $0.state != "Z" } }

    /// One that no signal wakes, whether there was one or not: runc first freezes what it kills.
    private var sleepingProcess: ProcessStatus? { killedProcess ?? process { $0.state == "D" } }

    private func process(where matches: (ProcessStatus) -> Bool) -> ProcessStatus? {
        for pid in (cgroup?.processes() ?? []) + living.map({ $0.pid }) {
            if let status = ProcessStatus(of: pid), matches(status) { return status }
        }
        return nil
    }

    /// Fails if there is one that cannot be ended, as far as one can see; `failure`: what the runtime said.
    private func refuse(after failure: Failure? = nil) throws(Failure) {
        if let process = killedProcess { throw cannotEnd(process, after: failure) }
    }

    private func cannotEnd(_ process: ProcessStatus, after failure: Failure? = nil) -> Failure {
        let before = failure.map { "\($0.message): " } ?? ""
        return Failure(.failedPrecondition, "\(before)container \(id): \(process.text) cannot be ended")
    }

    /// Delete of an exec that does not run.
    package func delete(exec: String) async throws(Failure) {
        let process = try process(exec)
        try await requestDeletion(of: process)
        await drain(process)
        leaveCgroup(of: process)
        Files.remove(pidFile(of: exec))
        tell(process, .deleted)
        execs.removeAndShrink(exec)
        specifications.removeAndShrink(exec)
        if process.pid == 0 { publish(.execNeverRan(id: id, exec: exec)) }
    }

    private func drain(_ process: TaskProcess) async {
        if let stdio = process.stdio {
            if process.pid != 0 { _ = await stdio.drained() }  // what is not out by now is not waited for
            await stdio.endLogger()
        }
        process.closeStdio()
    }

    /// Waits for who is in the rootfs. A process of the host's that stays there does not keep the container: the rootfs
    /// goes out of sight then.
    private func unmount() async throws(Failure) {
        guard !request.mounts.isEmpty else { return }
        do throws(Failure) {
            for _ in 0..<50 {
                guard try await MountTable.unmountAll(below: rootfsPath) else { return }
                await Reactor.shared.sleep(.milliseconds(50))
            }
            guard try await !MountTable.unmountAll(below: rootfsPath, detach: true) else {
                throw Failure(.unknown, errno: Errno.busy, "\(rootfsPath): \(errorText(Errno.busy))")
            }
            publish(.rootfsDetached(id: id, path: rootfsPath))
        } catch {
            throw error.adding("failed rootfs umount")
        }
    }
}

extension Cgroup {
    /// Removes it and those below, if nobody is in any: it may be another container's too.
    func removeIfEmpty() { if processes()?.isEmpty ?? true { remove() } }
}
