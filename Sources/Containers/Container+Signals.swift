import Cgroups
import JSON
package import Linux
import OCIRuntime
import Reactor
import _Concurrency

extension Container {
    /// Kill: init for "", else an exec. `all` is for init only: every process of the container.
    package func kill(exec: String, signal: UInt32, all: Bool) async throws(Failure) {
        let process = try process(exec)
        guard let number = Int32(exactly: signal), (0...64).contains(number) else {
            throw Failure(.invalidArgument, "signal \(signal)")
        }
        guard process.pid != 0 else { throw Failure(.failedPrecondition, "process not created") }
        if process.state.hasEnded { throw Failure(.notFound, "process already finished") }
        // A frozen process acts on a signal when it is thawed, which is the runtime's to do.
        let asksRuntime = process === initial && (all || !runtime.isNative || initial.state.isPaused)
        guard asksRuntime else { return try process.signal(number) }
        switch try await run(Runtime.kill(id, signal: signal, all: all)) {
        case .succeeded: break
        case .failed(let text): throw RuntimeWords.killFailure(text)
        case .timedOut(let text): throw Failure(.deadlineExceeded, "unknown error after kill: \(text)")
        }
    }

    /// The host's pids of all its processes; none once init has ended.
    package func processes() async throws(Failure) -> [Int32] {
        if initial.state.hasEnded { return [] }
        if let pids = cgroup?.processes() { return pids }
        switch try await run(Runtime.ps(id)) {
        case .succeeded(let output):
            // runc's word for none.
            if String(decoding: output, as: UTF8.self).trimmed == "null" { return [] }
            return try JSONValue(parsing: output, subject: "ps").elements.compactMap {
                $0.integer.flatMap { Int32(exactly: $0) }
            }
        case .failed(let text): throw Failure(.unknown, text)
        case .timedOut(let text): throw Failure(.deadlineExceeded, text)
        }
    }

    /// Freezes all its processes.
    package func pause() async throws(Failure) {
        try initial.state.request(.pause)
        do throws(Failure) {
            try await change(["pause", id], "OCI runtime pause failed")
        } catch {
            tell(initial, .pauseFailed)
            throw error
        }
        tell(initial, .paused)
        publish(.paused(id: id))
    }

    /// Ends a ``pause()``.
    package func resume() async throws(Failure) {
        try initial.state.request(.resume)
        do throws(Failure) {
            try await change(["resume", id], "OCI runtime resume failed")
        } catch {
            tell(initial, .resumeFailed)
            throw error
        }
        tell(initial, .resumed)
        publish(.resumed(id: id))
    }

    private func change(_ command: [String], _ failed: String) async throws(Failure) {
        let log = RuntimeLog(self.log)
        let outcome: Invocation.Outcome
        do throws(Failure) {
            outcome = try await run(command)
        } catch {
            throw log.failure(failed, fallback: error.message)
        }
        switch outcome {
        case .succeeded: break
        case .failed(let text): throw log.failure(failed, fallback: text)
        case .timedOut(let text): throw Failure(.deadlineExceeded, "\(failed): \(text)")
        }
    }
}
