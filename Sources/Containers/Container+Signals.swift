import Cgroups
import JSON
package import Linux
import OCIRuntime
import Reactor
import _Concurrency

extension Container {
    /// Kill: init for "", else an exec. `all` is for init only: every process of the container. One that is being started is
    /// waited for; if that takes too long, SIGKILL is for whatever comes of it.
    package func kill(exec: String, signal: UInt32, all: Bool) async throws(Failure) {
        let process = try process(exec)
        guard let number = Int32(exactly: signal), (0...64).contains(number) else {
            throw Failure(.invalidArgument, "signal \(signal)")
        }
        if process.pid == 0 { await process.startEnd(within: Self.startLimit) }
        guard process.pid != 0 else {
            if number == 9, process.state.isStarting { process.isUnwanted = true }
            if process === initial { throw Failure(.notFound, "no such container") }  // it waits to be restored
            throw Failure(.failedPrecondition, "process not created")
        }
        let cgroup = number == 9 ? process.cgroup : nil
        if process.state.hasEnded {
            guard let cgroup, !cgroup.processes.isEmpty else { throw Failure(.notFound, "process already finished") }
            return await end(cgroup)
        }
        let watch = process === initial && number == 9 ? memoryWatch : nil
        watch?.expectEnd()
        do throws(Failure) {
            try await send(number, to: process, all: all)
        } catch {
            if !process.state.hasEnded { watch?.expectNoEnd() }
            throw error
        }
        if let cgroup { await end(cgroup) }
    }

    private func send(_ signal: Int32, to process: TaskProcess, all: Bool) async throws(Failure) {
        // A frozen process acts on a signal when it is thawed, which is the runtime's to do.
        let asksRuntime = process === initial && (all || !runtime.isNative || initial.state.isPaused)
        guard asksRuntime else { return try process.signal(signal) }
        switch try await run(Runtime.kill(id, signal: UInt32(signal), all: all)) {
        case .succeeded: if signal == 9, initial.state.isPaused { thaw() }
        case .failed(let text):
            // A Delete may have ended the command.
            if process.state.hasEnded { throw Failure(.notFound, "process already finished") }
            throw RuntimeWords.killFailure(text)
        case .timedOut(let text): throw Failure(.deadlineExceeded, "unknown error after kill: \(text)")
        }
    }

    /// Ends all that an exec has started. What cannot die, or not before the container is resumed, is not waited for.
    private func end(_ cgroup: ExecCgroup) async {
        for _ in 0..<100 {
            cgroup.kill()
            if cgroup.processes.isEmpty || initial.state.isPaused { return }
            await Reactor.shared.sleep(.milliseconds(20))
        }
    }

    /// What is frozen and was killed may have to be thawed to die: version 1 of cgroups wants it, and
    /// not every runtime does it (C-5.48).
    private func thaw() {
        Loop.start {
            guard await self.initial.child?.exit(within: .milliseconds(200)) == nil else { return }
            await self.attempt(Runtime.resume(self.id))
        }
    }

    /// The host's pids of all its processes; none before init began. Where neither the cgroup nor the runtime says
    /// them, those that we know.
    ///
    /// Init is among them when it has ended, until it is deleted: a containerd that comes back takes a container
    /// without any for a leak (C-1.57), deletes it and its exit status, and tells Kubernetes 255 (P-32).
    package func processes() async throws(Failure) -> [Int32] {
        if initial.pid == 0 { await initial.startEnd(within: Self.startLimit) }  // a restore (C-1.57)
        if initial.pid == 0 { return [] }
        let living = initial.state.hasEnded ? [] : try await livingProcesses()
        return living.isEmpty ? [initial.pid] : living
    }

    private func livingProcesses() async throws(Failure) -> [Int32] {
        if let pids = cgroup?.processes() { return pids }
        do throws(Failure) {
            guard case .succeeded(let output) = try await run(Runtime.ps(id)) else { return knownProcesses }
            // runc's word for none.
            if String(decoding: output, as: UTF8.self).trimmed == "null" { return [] }
            return try JSONValue(parsing: output, subject: "ps").elements.compactMap {
                $0.integer.flatMap { Int32(exactly: $0) }.flatMap { $0 > 0 ? $0 : nil }
            }
        } catch {
            return knownProcesses
        }
    }

    /// Init and the execs, as far as they run.
    private var knownProcesses: [Int32] {
        ([initial] + execs.values).filter { $0.pid != 0 && !$0.state.hasEnded }.map { $0.pid }
    }
}
