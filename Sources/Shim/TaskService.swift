import Containers
package import Linux
import OCIRuntime
import Protobuf
package import Reactor
import Stdio
package import TTRPC
import _Concurrency

/// containerd's task API (task.proto, services `containerd.task.v2.Task` and `.v3.Task`, which differ
/// in name only). It answers at once what needs no waiting; the rest are jobs on the loop, and none
/// waits for another container's.
@Loop
package final class TaskService {
    /// A process as clients name it; the exec's id is "" for init.
    struct Key: Hashable {
        let id: String
        let exec: String
    }

    /// Somebody who waits for an answer that comes later: data, not a suspended job.
    struct Pending {
        let stream: Server.Stream
        let timer: Reactor.Timer?
    }

    package static let names: Set<String> = ["containerd.task.v2.Task", "containerd.task.v3.Task"]

    let namespace: String
    /// For sockets of containers.
    let socketDirectory: String
    let server: Server
    let publisher: EventPublisher
    let log: @Loop (Log.Level, String, String) -> Void
    private let onShutdown: @Loop () -> Void
    var containers: [String: Container] = [:]
    /// A Create that is under way.
    struct Creation {
        /// What has come meanwhile, and is carried out after it: the Delete of a client that gave up, so that nothing is left,
        /// and the Pids by which a containerd that comes back learns whether there is a container (C-1.57).
        var calls: [(call: Call, timer: Reactor.Timer)] = []
        /// There was a Delete that has been answered, for the Create took too long.
        var isUnwanted = false
    }

    /// How long such a call waits.
    private static let creationLimit = Duration.seconds(10)

    /// By the ids of their containers.
    var creating: [String: Creation] = [:]
    /// False once the shim's end has begun: what would be made now would be lost.
    package var takesCreates = true
    /// A Shutdown has come, and only Creates and Deletes hold us up.
    var isToEnd = false
    var waits: [Key: [Pending]] = [:]
    /// Waits for processes that have ended, which are answered once their clients have read the output.
    var held: [UInt32: (id: String, waits: [Server.Stream], exit: Exit)] = [:]
    var lastHeld: UInt32 = 0
    /// The connection that the last container was deleted by; nil while there are containers, and before.
    package internal(set) var lastDeleter: UInt32?
    /// Deletions under way, and who asked for them.
    var deletions: [Key: [Deleter]] = [:]
    /// Containers whose deletion ended when nobody who had asked for it heard of it any more (C-2.13), until somebody asks
    /// again. The Go shim breaks such a deletion off and keeps the task, so that is what daemons do. Told that there is no
    /// task, containerd 1.6 keeps the bundle and says no Shutdown, and Docker cannot start the container again.
    var unheard: [String: Container] = [:]

    /// `onShutdown`: a client asked for the end, and nothing is left.
    package init(
        namespace: String, socketDirectory: String, server: Server, publisher: EventPublisher,
        log: @escaping @Loop (Log.Level, String, String) -> Void, onShutdown: @escaping @Loop () -> Void
    ) {
        self.namespace = namespace
        self.socketDirectory = socketDirectory
        self.server = server
        self.publisher = publisher
        self.log = log
        self.onShutdown = onShutdown
    }

    /// Whether any container is known or being created.
    package var isEmpty: Bool { containers.isEmpty && creating.isEmpty }

    /// For the operator: ids, pids and states, one container an element.
    package var summary: [String] {
        containers.values.map { container in
            let status = container.status(of: container.initial).rawValue
            return "id=\(container.id) pid=\(container.initial.pid) status=\(status) execs=\(container.execIDs.count)"
        }
    }

    /// As the reactor's.
    package func compact() {
        containers.compact()
        waits.compact()
        held.compact()
        creating.compact()
        deletions.compact()
        unheard.compact()
        for container in containers.values { container.compact() }
    }

    /// Carries out a call of one of our services; false if it is of another.
    package func handle(_ call: Call) -> Bool {
        guard Self.names.contains(call.service) else { return false }
        Stdio.expectReaders()
        do throws(Failure) {
            try dispatch(call)
        } catch {
            server.answer(call.stream, error)
        }
        return true
    }

    /// A connection is gone: nobody hears the answers to its waits any more.
    package func forget(connection: UInt32) {
        for (key, pending) in waits {
            for wait in pending where wait.stream.connection == connection {
                if let timer = wait.timer { Reactor.shared.cancel(timer) }
                server.abandon(wait.stream)
            }
            let rest = pending.filter { $0.stream.connection != connection }
            waits[key] = rest.isEmpty ? nil : rest
        }
    }

    private func dispatch(_ call: Call) throws(Failure) {
        switch call.method {
        case "Create": try create(call)
        case "Start": try start(call)
        case "Delete": try delete(call)
        case "State": try state(call)
        case "Wait": try wait(call)
        case "Kill": try kill(call)
        case "Exec": try exec(call)
        case "Pids": try pids(call)
        case "Pause":
            try change(call) { container, caller async throws(Failure) in try await container.pause(for: caller) }
        case "Resume":
            try change(call) { container, caller async throws(Failure) in try await container.resume(for: caller) }
        case "Connect": try connect(call)
        case "CloseIO": try closeIO(call)
        case "ResizePty": try resizePty(call)
        case "Shutdown": try shutdown(call)
        case "Update": try update(call)
        case "Checkpoint": try checkpoint(call)
        case "Stats": try stats(call)
        default: server.refuse(call.stream, Status(code: 12, message: "method \(call.method)"))
        }
    }

    func container(_ id: String) throws(Failure) -> Container {
        guard let container = containers[id] else { throw Failure(.notFound, "container not created") }
        return container
    }

    /// One that is there, or whose end has not been heard of.
    func lastingContainer(_ id: String) throws(Failure) -> Container {
        if let container = unheard[id] { return container }
        return try container(id)
    }

    // MARK: what waits for the runtime

    /// Answers `call` with what `work` comes to.
    private func answer(_ call: Call, with work: @escaping @Loop @Sendable () async throws(Failure) -> [UInt8]) {
        Loop.start {
            do throws(Failure) {
                self.server.answer(call.stream, try await work())
            } catch {
                self.server.answer(call.stream, error)
            }
        }
    }

    private func caller(of call: Call) -> Caller {
        Caller(patience: call.timeout) { self.server.hasPeer(call.stream.connection) }
    }

    private func start(_ call: Call) throws(Failure) {
        let message = try decoded { () throws(Failure) in try ProcessRequest(decoding: call.payload) }
        let container = try container(message.id)
        let caller = caller(of: call)
        answer(call) { () async throws(Failure) in
            let exec = message.execID
            let pid = exec.isEmpty ? try await container.start(for: caller) : try await container.start(exec: exec)
            return StartResponse(pid: UInt32(pid)).encoded()
        }
    }

    private func kill(_ call: Call) throws(Failure) {
        let message = try decoded { () throws(Failure) in try KillRequest(decoding: call.payload) }
        let container = try container(message.id)
        answer(call) { () async throws(Failure) in
            try await container.kill(exec: message.execID, signal: message.signal, all: message.all)
            return []
        }
    }

    private func pids(_ call: Call) throws(Failure) {
        let message = try decoded { () throws(Failure) in try TaskRequest(decoding: call.payload) }
        if creating[message.id] != nil { return hold(call, untilCreated: message.id) }
        let container = try container(message.id)
        answer(call) { () async throws(Failure) in
            let processes = try await container.processes().map { pid in
                let details = container.exec(withPID: pid).map {
                    AnyMessage(typeURL: ProcessDetails.typeName, value: ProcessDetails(execID: $0).encoded())
                }
                return ProcessInfo(pid: UInt32(pid), info: details)
            }
            return PidsResponse(processes: processes).encoded()
        }
    }

    /// Pause or Resume.
    private func change(
        _ call: Call, with work: @escaping @Loop @Sendable (Container, Caller) async throws(Failure) -> Void
    ) throws(Failure) {
        let message = try decoded { () throws(Failure) in try TaskRequest(decoding: call.payload) }
        let container = try container(message.id)
        let caller = caller(of: call)
        answer(call) { () async throws(Failure) in
            try await work(container, caller)
            return []
        }
    }

    private func update(_ call: Call) throws(Failure) {
        let message = try decoded { () throws(Failure) in try UpdateRequest(decoding: call.payload) }
        let container = try container(message.id)
        let caller = caller(of: call)
        answer(call) { () async throws(Failure) in
            try await container.update(message.resources?.value ?? [], for: caller)
            return []
        }
    }

    private func checkpoint(_ call: Call) throws(Failure) {
        let message = try decoded { () throws(Failure) in try CheckpointRequest(decoding: call.payload) }
        let container = try container(message.id)
        let checkpoint = try Runtime.Checkpoint(message)
        let caller = caller(of: call)
        answer(call) { () async throws(Failure) in
            try await container.checkpoint(checkpoint, for: caller)
            return []
        }
    }

    func hold(_ call: Call, untilCreated id: String) {
        let timer = Reactor.shared.after(Self.creationLimit) {
            self.creating[id]?.calls.removeAll { $0.call.stream == call.stream }
            if call.method == "Delete" { self.creating[id]?.isUnwanted = true }
            self.server.answer(call.stream, Failure(.notFound, "container not created"))
        }
        creating[id]?.calls.append((call, timer))
    }

    // MARK: Exec, at once

    private func exec(_ call: Call) throws(Failure) {
        let message = try decoded { () throws(Failure) in try ExecRequest(decoding: call.payload) }
        let container = try container(message.id)
        try Self.checkName(message.execID, "exec id")
        let specification = try ExecSpecification.withTerminal(message.terminal, in: message.spec?.value ?? [])
        let add = { () throws(Failure) in
            try container.add(
                exec: message.execID, specification: specification,
                paths: StdioPaths(
                    stdin: message.stdin, stdout: message.stdout, stderr: message.stderr, terminal: message.terminal))
        }
        guard !container.isResuming else {
            return answer(call) { () async throws(Failure) in
                await container.resumeEnd()
                try add()
                return []
            }
        }
        try add()
        server.answer(call.stream, [])
    }

    private func state(_ call: Call) throws(Failure) {
        let message = try decoded { () throws(Failure) in try ProcessRequest(decoding: call.payload) }
        let container = try lastingContainer(message.id)
        let process = try container.process(message.execID)
        let exit = process.state.exit
        server.answer(
            call.stream,
            StateResponse(
                id: process.id, bundle: container.bundle, pid: UInt32(process.pid),
                status: Self.status(container.status(of: process)), stdin: process.paths.stdin,
                stdout: process.paths.stdout, stderr: process.paths.stderr, terminal: process.paths.terminal,
                exitStatus: exit?.status ?? 0, exitedAt: exit?.time ?? .never, execID: message.execID
            ).encoded())
    }

    private static func status(_ status: ProcessState.Status) -> TaskStatus {
        switch status {
        case .created: .created
        case .running: .running
        case .stopped: .stopped
        case .paused: .paused
        case .pausing: .pausing
        }
    }

    private func connect(_ call: Call) throws(Failure) {
        let message = try decoded { () throws(Failure) in try TaskRequest(decoding: call.payload) }
        let pid = containers[message.id]?.initial.pid ?? 0
        server.answer(call.stream, ConnectResponse(shimPID: UInt32(Process.id), taskPID: UInt32(pid)).encoded())
    }

    private func closeIO(_ call: Call) throws(Failure) {
        let message = try decoded { () throws(Failure) in try CloseIORequest(decoding: call.payload) }
        try container(message.id).process(message.execID).closeStdin()
        server.answer(call.stream, [])
    }

    private func resizePty(_ call: Call) throws(Failure) {
        let message = try decoded { () throws(Failure) in try ResizePtyRequest(decoding: call.payload) }
        let process = try container(message.id).process(message.execID)
        if process !== containers[message.id]?.initial, process.state.status == .stopped {
            throw Failure(.unknown, "cannot resize a stopped container")
        }
        try process.resize(columns: message.width, rows: message.height)
        server.answer(call.stream, [])
    }

    private func shutdown(_ call: Call) throws(Failure) {
        _ = try decoded { () throws(Failure) in try ShutdownRequest(decoding: call.payload) }
        server.answer(call.stream, [])
        isToEnd = containers.keys.allSatisfy { deletions[Key(id: $0, exec: "")] != nil }
        endIfAsked()
    }

    func endIfAsked() {
        if isToEnd, isEmpty { onShutdown() }
    }

    /// A payload that cannot be decoded is the protocol's failure, not the service's (C-2.22).
    func decoded<Message>(_ decode: () throws(Failure) -> Message) throws(Failure) -> Message {
        do throws(Failure) {
            return try decode()
        } catch {
            throw Failure(.internal, "ttrpc: error unmarshalling payload: \(error.message)")
        }
    }

    static func checkName(_ name: String, _ what: String) throws(Failure) {
        guard Paths.isComponent(name) else { throw Failure(.invalidArgument, "\(what) \(Log.quoted(name))") }
    }
}
