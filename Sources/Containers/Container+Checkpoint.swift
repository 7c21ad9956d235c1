package import Linux
package import OCIRuntime
import Reactor
import Stdio
import _Concurrency

/// A container's processes as files, by CRIU (C-3.48 … C-3.50).
extension Container {
    /// CRIU's time grows with the memory of the processes.
    private static let criuLimit = Runtime.timeout * 10

    /// CRIU's working directory when the client names none.
    private var checkpointWork: String { "\(bundle)/work/criu-work" }

    /// Writes the image of all its processes. An empty working directory means one of ours, which is
    /// removed; after a failure CRIU's log is in the bundle, and the failure says where.
    package func checkpoint(_ checkpoint: Runtime.Checkpoint, for caller: Caller) async throws(Failure) {
        try await beginTurn(for: caller, to: .check(.checkpoint))
        // Init ends in the middle of one that does not leave it running.
        if !checkpoint.leavesRunning { commandLimit = .seconds(30) }
        defer {
            commandLimit = Self.runtimeLimit
            turns.end()
        }
        var checkpoint = checkpoint
        let usesOurs = checkpoint.workPath.isEmpty
        if usesOurs { checkpoint.workPath = checkpointWork }
        defer { if usesOurs { Files.removeTree(checkpoint.workPath) } }
        let (kind, text): (Failure.Kind, String)
        switch try await run(Runtime.checkpoint(id, checkpoint), within: Self.criuLimit) {
        case .succeeded: return publish(.checkpointed(id: id, path: checkpoint.imagePath))
        case .failed(let said): (kind, text) = (.unknown, said)
        case .timedOut(let said): (kind, text) = (.deadlineExceeded, said)
        }
        let kept = "\(bundle)/criu-dump.log"
        // CRIU may not even have begun.
        do throws(Failure) { try Files.copy("\(checkpoint.workPath)/dump.log", to: kept) } catch {}
        throw Failure(kind, "\(text.split(separator: "\n").first ?? "") path= \(kept)")
    }

    /// Start of a container that was created from a checkpoint. After a failure it may be tried again.
    func restore() async throws(Failure) {
        let birth = Reaper.shared.expect(pidFile: pidFile)
        do throws(Failure) {
            Files.remove(pidFile)
            let stdio: Stdio
            if let opened = initial.stdio {
                stdio = opened
            } else {
                stdio = try openStdio(of: initial)
                try await stdio.waitUntilReady()
            }
            try await runRestore(stdio, birth)
        } catch {
            Reaper.shared.abandon(birth)
            initial.closeStdio()
            throw error
        }
        startInput()
        tell(initial, .started)
        initial.child?.whenExited { exit in self.tell(self.initial, .exited(exit)) }
        if initial.isUnwanted { do throws(Failure) { try initial.child?.kill() } catch {} }  // it has ended
    }

    private func runRestore(_ stdio: Stdio, _ birth: Reaper.Birth) async throws(Failure) {
        let console = try consoleSocket()
        defer { console?.close() }
        let settings = request.settings
        let restoration = Runtime.Restoration(
            imagePath: request.checkpoint,
            workPath: settings.criuWorkPath.isEmpty ? "\(bundle)/work" : settings.criuWorkPath,
            parentPath: request.parentCheckpoint, creation: creation(console))
        let command = Runtime.restore(id, restoration, dialect: try await runtime.dialect())
        do throws(Failure) {
            try await makeInit(command, "OCI runtime restore failed", stdio, console, birth, within: Self.criuLimit)
        } catch {
            // It goes with the bundle, and says more than the runtime does.
            if let reason = CRIULog.reason(in: "\(restoration.workPath)/restore.log") {
                publish(.restoreFailed(id: id, reason: reason))
            }
            throw error
        }
    }
}
