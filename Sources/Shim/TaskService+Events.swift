import Containers
import Linux
import Mounts
import Protobuf
import Reactor
import Stdio
import TTRPC
import _Concurrency

/// What happened to a container, on its way to containerd and to whoever waits for it.
extension TaskService {
    func wait(_ call: Call) throws(Failure) {
        let message = try decoded { () throws(Failure) in try ProcessRequest(decoding: call.payload) }
        let process = try lastingContainer(message.id).process(message.execID)
        if let exit = process.state.exit {
            return server.answer(call.stream, WaitResponse(exitStatus: exit.status, exitedAt: exit.time).encoded())
        }
        // As the Go shim answers for an exec that could not be started (C-3.26). An init is still there (C-3.25).
        guard !process.state.startHasFailed || message.execID.isEmpty && process.pid != 0 else {
            return server.answer(call.stream, WaitResponse(exitStatus: 0, exitedAt: .never).encoded())
        }
        guard server.hasPeer(call.stream.connection) else { return server.abandon(call.stream) }
        let key = Key(id: message.id, exec: message.execID)
        let timer = call.timeout.map { limit in
            Reactor.shared.after(limit) { self.giveUp(waiting: call.stream, for: key) }
        }
        waits[key, default: []].append(Pending(stream: call.stream, timer: timer))
    }

    private func giveUp(waiting stream: Server.Stream, for key: Key) {
        waits[key]?.removeAll { $0.stream == stream }
        server.refuse(stream, Status(code: 4, message: "context deadline exceeded"))
    }

    /// Who waits for it, and does so no longer.
    private func takeWaits(for key: Key) -> [Server.Stream] {
        (waits.removeAndShrink(key) ?? []).map { wait in
            if let timer = wait.timer { Reactor.shared.cancel(timer) }
            return wait.stream
        }
    }

    private func answer(_ waits: [Server.Stream], _ exit: Exit?) {
        let response = WaitResponse(exitStatus: exit?.status ?? 0, exitedAt: exit?.time ?? .never).encoded()
        for stream in waits { server.answer(stream, response) }
    }

    private func answerHeld(_ number: UInt32) {
        guard let one = held.removeAndShrink(number) else { return }
        answer(one.waits, one.exit)
    }

    /// What happened to a container, on its way to containerd and to whoever waits for it.
    func tell(_ event: TaskEvent) {
        switch event {
        case .created(let container, let pid):
            containers[container.id] = container
            lastDeleter = nil
            log(.info, "created", "id=\(container.id) pid=\(pid)")
            publishCreate(container, pid)
        case .started(let id, let pid):
            log(.info, "started", "id=\(id) pid=\(pid)")
            publisher.publish(TaskStart(containerID: id, pid: UInt32(pid)))
        case .execAdded(let id, let exec): publisher.publish(TaskExecAdded(containerID: id, execID: exec))
        case .execStarted(let id, let exec, let pid):
            log(.debug, "exec started", "id=\(id) exec=\(exec) pid=\(pid)")
            publisher.publish(TaskExecStarted(containerID: id, execID: exec, pid: UInt32(pid)))
        case .execNeverRan(let id, let exec): answer(takeWaits(for: Key(id: id, exec: exec)), nil)
        case .exited(let id, let exec, let pid, let exit, let denials): tellExit(id, exec, pid, exit, denials)
        case .outlived(let id, let execs):
            log(.warning, "exit of init told before its execs'", "id=\(id) execs=\(execs.joined(separator: ","))")
        case .outOfMemory(let id):
            log(.info, "out of memory", "id=\(id)")
            publisher.publish(TaskOOM(containerID: id))
        case .memoryUnwatched(let id, let reason):
            log(.warning, "out of memory is not watched for", "id=\(id) reason=\(Log.quoted(reason))")
        case .paused(let id): publisher.publish(TaskPaused(containerID: id))
        case .resumed(let id): publisher.publish(TaskResumed(containerID: id))
        case .complaint(let id, let exec, let text):
            log(.warning, "stdio", "id=\(id)\(exec.isEmpty ? "" : " exec=\(exec)") text=\(Log.quoted(text))")
        case .checkpointed(let id, let path): publisher.publish(TaskCheckpointed(containerID: id, checkpoint: path))
        case .restoreFailed(let id, let reason): log(.warning, "restore", "id=\(id) criu=\(Log.quoted(reason))")
        case .seccomp(let id, let text): log(.warning, "seccomp", "id=\(id) text=\(Log.quoted(text))")
        case .rootfsDetached(let id, let path):
            log(.warning, "rootfs in use, detached", "id=\(id) path=\(Log.quoted(path))")
        case .unrecorded(let id, let reason):
            log(.warning, "not recorded for a later delete", "id=\(id) reason=\(Log.quoted(reason))")
        case .deleted(let id, let pid, let exit):
            containers.removeAndShrink(id)
            // Of what never ran there was no exit to tell, and init's is not an exec's.
            for key in waits.keys.filter({ $0.id == id }) {
                answer(takeWaits(for: key), key.exec.isEmpty ? exit : nil)
            }
            for (number, one) in held where one.id == id { answerHeld(number) }
            log(.info, "deleted", "id=\(id) pid=\(pid)")
            publisher.publish(
                TaskDelete(
                    containerID: id, pid: UInt32(pid), exitStatus: exit?.status ?? 0, exitedAt: exit?.time ?? .never),
                isEssential: true)
        }
    }

    private func publishCreate(_ container: Container, _ pid: Int32) {
        let request = container.request
        publisher.publish(
            TaskCreate(
                containerID: request.id, bundle: request.bundle,
                rootfs: request.mounts.map {
                    MountMessage(type: $0.type, source: $0.source, target: $0.target, options: $0.options)
                },
                stdin: request.stdio.stdin, stdout: request.stdio.stdout, stderr: request.stdio.stderr,
                terminal: request.stdio.terminal, checkpoint: request.checkpoint,
                pid: UInt32(pid)))
    }

    private func tellExit(_ id: String, _ exec: String, _ pid: Int32, _ exit: Exit, _ denials: String?) {
        let name = exec.isEmpty ? "id=\(id)" : "id=\(id) exec=\(exec)"
        let seccomp = denials.map { " seccomp=\(Log.quoted($0))" } ?? ""
        log(exec.isEmpty ? .info : .debug, "exited", "\(name) pid=\(pid) status=\(exit.status)" + seccomp)
        publisher.publish(
            TaskExit(
                containerID: id, id: exec.isEmpty ? id : exec, pid: UInt32(pid), exitStatus: exit.status,
                exitedAt: exit.time),
            isEssential: true)
        let waits = takeWaits(for: Key(id: id, exec: exec))
        guard !waits.isEmpty, let process = try? container(id).process(exec) else { return answer(waits, exit) }
        lastHeld &+= 1
        let number = lastHeld
        held[number] = (id, waits, exit)
        process.afterReading { self.answerHeld(number) }
    }
}
