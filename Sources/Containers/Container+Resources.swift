import Cgroups
import JSON
package import Linux
import OCIRuntime
import Reactor
import _Concurrency

/// What a container may use, and whether it may run at all.
extension Container {
    /// Freezes all its processes.
    package func pause(for caller: Caller) async throws(Failure) {
        try await beginTurn(for: caller, to: .request(.pause))
        defer { turns.end() }
        do throws(Failure) {
            try await change(Runtime.pause(id), "OCI runtime pause failed")
        } catch {
            // runc leaves it frozen if not all could be, or if it was killed, and asks a frozen one before it resumes it.
            cgroup?.thaw()
            tell(initial, .pauseFailed)
            throw error
        }
        tell(initial, .paused)
        if !initial.state.hasEnded { publish(.paused(id: id)) }  // nothing is told after an exit
    }

    /// Ends a ``pause(for:)``.
    package func resume(for caller: Caller) async throws(Failure) {
        try await beginTurn(for: caller, to: .request(.resume))
        defer { turns.end() }
        do throws(Failure) {
            try await change(Runtime.resume(id), "OCI runtime resume failed")
        } catch {
            tell(initial, .resumeFailed)
            throw error
        }
        tell(initial, .resumed)
        if !initial.state.hasEnded { publish(.resumed(id: id)) }
    }

    /// A Resume is under way: an Exec has to wait for its end.
    package var isResuming: Bool { initial.state.isResuming }

    /// Suspends until it has ended.
    package func resumeEnd() async {
        if isResuming, await turns.begin() { turns.end() }
    }

    /// Changes the limits: `resources` is JSON of OCI LinuxResources, which the runtime gets as it is.
    package func update(_ resources: [UInt8], for caller: Caller) async throws(Failure) {
        try await beginTurn(for: caller, to: .check(.update))
        defer { turns.end() }
        guard try JSONValue(parsing: resources, subject: "resources").isObject else {
            throw Failure(.invalidArgument, "resources: no JSON object")
        }
        switch try await run(Runtime.update(id), input: resources) {
        case .succeeded: break
        case .failed(let text): throw Failure(.unknown, text)
        case .timedOut(let text): throw Failure(.deadlineExceeded, text)
        }
    }

    /// Runs a command whose failure is told by the runtime's log; `failed` begins its text.
    func change(_ command: [String], _ failed: String) async throws(Failure) {
        let log = RuntimeLog(self.log)
        let outcome: Invocation.Outcome
        do throws(Failure) {
            outcome = try await run(command, log: log)
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
