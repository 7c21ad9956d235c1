import Cgroups
package import Linux
import OCIRuntime
import Reactor
package import Stdio
import _Concurrency

extension Container {
    /// Start of init: the program that the bundle names begins to run, or goes on where a checkpoint
    /// was made of it. Returns its pid.
    package func start(for caller: Caller) async throws(Failure) -> Int32 {
        try await beginTurn(for: caller, to: .request(.start))
        defer { turns.end() }
        initial.isUnwanted = false
        do throws(Failure) {
            if initial.pid == 0 { try await restore() } else { try await runStart() }
        } catch {
            tell(initial, .startFailed)
            throw error
        }
        return initial.pid
    }

    private func runStart() async throws(Failure) {
        startInput()
        try await change(Runtime.start(id), "OCI runtime start failed")
        try await confirmSeccomp()
        tell(initial, .started)
    }

    /// A client whose stdin cannot be opened has none: that is no reason not to start.
    func startInput() {
        do throws(Failure) { try initial.stdio?.startInput() } catch { initial.closeStdin() }
    }

    /// Takes an exec's id and specification (JSON of an OCI process) for a later ``start(exec:)``.
    package func add(exec id: String, specification: [UInt8], paths: StdioPaths) throws(Failure) {
        let state = initial.state
        if state.isPaused { throw Failure(.unknown, "cannot exec in a paused state") }
        if initial.pid == 0, state.status == .created { throw Failure(.unknown, "cannot exec in a created state") }
        if state.isBeingDeleted { throw Failure(.unknown, "cannot exec in a deleted state") }
        if state.status == .stopped { throw Failure(.unknown, "cannot exec in a stopped state") }
        guard execs[id] == nil else { throw Failure(.alreadyExists, "id \(id)") }
        execs[id] = TaskProcess(id: id, paths: paths)
        specifications[id] = specification
        publish(.execAdded(id: self.id, exec: id))
    }

    /// Start of an exec. Returns its pid. After a failure it may be tried again or deleted.
    package func start(exec: String) async throws(Failure) -> Int32 {
        let process = try process(exec)
        guard !initial.state.hasEnded, !initial.state.isBeingDeleted else {
            throw Failure(.failedPrecondition, "container \(id) init process is not running")
        }
        try process.state.request(.start)
        process.isUnwanted = false
        perform(order.on(.execStarting(exec)))
        let birth = Reaper.shared.expect(pidFile: pidFile(of: exec))
        do throws(Failure) {
            try await runExec(process)
            let child = try Reaper.shared.adopt(birth)
            try check(child, isIn: process.cgroup)
            try refuseIfDeleted(child)
            process.runs(as: child)
            specifications.removeValue(forKey: exec)
            tell(process, .started)
            child.whenExited { exit in self.tell(process, .exited(exit)) }
            // It came too late to be killed, with the rest (C-3.42) or by whoever wanted it.
            if initial.state.hasEnded || process.isUnwanted {
                do throws(Failure) { try child.kill() } catch {}  // it has ended
            }
            return child.pid
        } catch {
            // The runtime may have made it before something else failed.
            Reaper.shared.refuse(birth)
            Files.remove(unfinished(pidFile(of: exec)))
            process.closeStdio()
            process.cgroup?.kill()
            leaveCgroup(of: process)
            tell(process, .startFailed)
            publish(.execNeverRan(id: id, exec: exec))
            perform(order.on(.execEnded(exec)))
            throw error
        }
    }

    /// A runtime may take so long that init's exit was told without the exec's, and the container deleted.
    private func refuseIfDeleted(_ child: ChildProcess) throws(Failure) {
        guard initial.state.isDeleted else { return }
        do throws(Failure) { try child.kill() } catch {}  // it has ended
        throw Failure(.failedPrecondition, "container \(id) was deleted")
    }

    private func runExec(_ process: TaskProcess) async throws(Failure) {
        let failed = "OCI runtime exec failed"
        let ownLog = ownLog
        let log = RuntimeLog(ownLog ?? "/dev/null")
        // In the bundle, with which it goes should we be killed meanwhile.
        let specification = "\(bundle)/runc-process\(Process.randomName())"
        let console = process.paths.terminal ? try ConsoleSocket() : nil
        defer {
            console?.close()
            Files.remove(specification)
            if let ownLog { Files.remove(ownLog) }
        }
        Files.remove(pidFile(of: process.id))
        try Files.writeAtomically((specifications[process.id] ?? []) + [10], to: specification)
        let stdio = try openStdio(of: process)
        try await stdio.waitUntilReady()
        if request.settings.isolatesExecs { process.cgroup = try makeExecCgroup() }
        let cgroup = process.cgroup?.argument
        let command = Runtime.exec(
            id, process: specification, consoleSocket: console?.path, pidFile: pidFile(of: process.id), cgroup: cgroup)
        let invocation: Invocation
        do throws(Failure) {
            invocation = try start(command, log: log.path, stdio)
        } catch {
            throw log.failure(failed, fallback: error.message)
        }
        switch await invocation.outcome() {
        case .succeeded: break
        case .failed(let text):
            let failure = log.failure(failed, fallback: text + stdio.heldErrorText())
            throw RuntimeWords.execFailure(failure, cgroup: cgroup)
        case .timedOut(let text): throw Failure(.deadlineExceeded, "\(failed): \(text)")
        }
        try await attach(console, to: stdio)
        try stdio.start()
        try stdio.startInput()
    }

    private func makeExecCgroup() throws(Failure) -> ExecCgroup {
        guard let cgroup else { throw Failure(.failedPrecondition, "exec cgroup: the container's is not known") }
        return try ExecCgroup(below: cgroup)
    }

    /// A runtime may take `--cgroup` and do nothing about it.
    private func check(_ child: ChildProcess, isIn cgroup: ExecCgroup?) throws(Failure) {
        guard let cgroup, child.exit == nil, !cgroup.processes.contains(child.pid) else { return }
        guard let status = ProcessStatus(of: child.pid), status.state != "Z" else { return }
        do throws(Failure) { try child.kill() } catch {}  // it has ended
        throw Failure(.unimplemented, "exec cgroup: \(runtime.binary) does not put the exec into \(cgroup.path)")
    }

    /// The cgroup of an exec that is no more: it is removed, now or as soon as nobody is in it.
    func leaveCgroup(of process: TaskProcess) {
        if let cgroup = process.cgroup { abandonedCgroups.append(cgroup) }
        process.cgroup = nil
        abandonedCgroups.removeAll { $0.remove() }
    }

    /// What runc leaves beside a pid file that it could not write, and fails at the next time.
    func unfinished(_ pidFile: String) -> String {
        "\(Paths.parent(of: pidFile))/.\(Paths.lastComponent(of: pidFile))"
    }

    /// C-5.12, but for the exec whose file would be init's: it has one that is no other exec's.
    func pidFile(of exec: String) -> String { exec == "init" ? "\(bundle)/init.exec-pid" : "\(bundle)/\(exec).pid" }
}
