import Confinement
package import Linux
package import Reactor
import TTRPC
import _Concurrency

/// A serving shim: its socket, its services, its signals, its end (contract C-1.45 … C-1.54).
@Loop
package final class ShimServer {
    /// How long the last events may take to reach containerd when we end.
    private static let flushLimit = Duration.seconds(5)
    /// When a signal ends us: the host goes down, and waits for us (P-35).
    private static let shortFlushLimit = Duration.milliseconds(800)
    /// An empty shim to which nobody is connected ends after this time (C-1.40).
    private static let lonelyLimit = Process.limit("SWIFTRUNC_LONELY_SECONDS", otherwise: .seconds(300))
    /// For so long we may hear nobody before the log says so.
    private static let deafLimit = Duration.seconds(1)
    /// After so long without a call we are idle.
    private static let quietLimit = Duration.seconds(1)

    private let socketPath: String
    private let socketIdentity: Files.Identity?
    private let server: Server
    private var log: Log
    private var signals: FileDescriptor?
    private var service: TaskService?
    private var sandbox: SandboxService?
    private var publisher: EventPublisher?
    private var isEnding = false
    private var activity = 0
    private var quietTimer: Reactor.Timer?
    private var lonelyTimer: Reactor.Timer?

    private init(listener: consuming FileDescriptor, at path: String, log: Log) {
        socketPath = path
        socketIdentity = Files.identity(of: path)
        server = Server(listener: listener)
        self.log = log
    }

    /// Serves until the end of the process.
    package static func run(_ arguments: Arguments) async throws(Failure) -> Never {
        Process.setName(Paths.lastComponent(of: Process.arguments.first ?? Identity.runtimeName))
        Process.restrainHeap()
        HeapTunables.restore()
        OutOfMemoryScore.restoreForChildren()
        openLog()
        var log = Log(verbose: arguments.debug, fields: "namespace=\(arguments.namespace) shim=\(arguments.id)")
        do throws(Failure) {
            try Process.disableHugePages()
        } catch {
            log(.warning, "huge pages not disabled", "error=\(Log.quoted(error.message))")
        }
        let shim: ShimServer
        if arguments.socket.isEmpty {
            try Process.closeDescriptors(from: 4)  // what whoever started us left open
            let inherited = FileDescriptor(owning: 3)
            let path = try UnixSocket.path(of: inherited)
            shim = ShimServer(listener: inherited, at: path, log: log)
        } else {
            let path = arguments.socket
            guard path.utf8.count <= 106 else {
                throw Failure(.invalidArgument, "\(path): socket path longer than 106 bytes")
            }
            try Process.closeDescriptors(from: 3)
            shim = ShimServer(listener: try UnixSocket.listen(at: path), at: path, log: log)
            try Files.changeMode(path, to: 0o600)
        }
        try shim.serve(arguments)
        while true { await Reactor.shared.sleep(.seconds(86400 * 365)) }
    }

    /// Standard error becomes the log fifo of the bundle that we were started in; without one it
    /// stays what it was. We are a reader of the fifo too, so that a containerd that dies is no error.
    private static func openLog() {
        do throws(Failure) {
            let fifo = try FileDescriptor(opening: "log", [.readWrite, .nonblocking])
            try Process.place(fifo, at: 2)
        } catch {}  // run by hand
    }

    private func serve(_ arguments: Arguments) throws(Failure) {
        try Process.becomeSubreaper()
        let events = Process.environment("TTRPC_ADDRESS") ?? "\(arguments.address).ttrpc"
        let publisher = EventPublisher(
            path: events.hasPrefix("unix://") ? String(events.dropFirst(7)) : events, namespace: arguments.namespace,
            directories: ["work", "/var/tmp"]
        ) { self.log(.warning, $0) }
        let service = TaskService(
            namespace: arguments.namespace, socketDirectory: Paths.parent(of: socketPath), server: server,
            publisher: publisher,
            log: { self.log($0, $1, $2) }, onShutdown: { self.end() })
        self.publisher = publisher
        self.service = service
        let sandbox = SandboxService(
            server: server, isEmpty: { service.isEmpty }, onShutdown: { self.end() })
        self.sandbox = sandbox
        try watchSignals()
        do throws(Failure) {
            if Process.isSuperuser { try Capabilities.dropUnneeded() }
        } catch {
            log(.warning, "capabilities kept", "error=\(Log.quoted(error.message))")
        }
        try server.serve(
            { call in
                self.noteActivity()
                if !service.handle(call), !sandbox.handle(call) {
                    self.server.refuse(call.stream, Status(code: 12, message: "service \(call.service)"))
                }
            },
            onConnect: {
                self.noteActivity()
                publisher.peerCame()
            },
            onDisconnect: {
                service.forget(connection: $0)
                sandbox.forget(connection: $0)
                self.endIfLonely()
            })
        endIfLonely()
        Reactor.shared.whenSlow(Self.deafLimit) { took in
            self.log(.warning, "loop held up", "milliseconds=\(took.nanoseconds / 1_000_000)")
        }
        log(.info, "serving", "pid=\(Process.id) version=\(Identity.version)")
    }

    /// Whether nobody will end us: nobody is connected, or who has deleted the last container has gone before the Shutdown.
    /// A daemon that comes then finds no task here, and containerd 1.6 stays connected all the same.
    private var isForsaken: Bool {
        guard server.hasPeers else { return true }
        guard let deleter = service?.lastDeleter else { return false }
        return !server.hasPeer(deleter)
    }

    /// Looks again as long as nobody is there: what has held us up may be gone by then.
    private func endIfLonely() {
        guard lonelyTimer == nil, isForsaken else { return }
        let before = server.accepted
        lonelyTimer = Reactor.shared.after(Self.lonelyLimit) {
            self.lonelyTimer = nil
            guard self.isForsaken else { return }
            let hasPeers = self.server.hasPeers
            let isEmpty = self.service?.isEmpty == true && self.sandbox?.isStarted == false
            if isEmpty, hasPeers || self.server.accepted == before {
                self.log(.info, hasPeers ? "empty, and its daemon is gone" : "empty, and nobody is connected")
                self.end()
            } else {
                self.endIfLonely()
            }
        }
    }

    private func noteActivity() {
        activity += 1
        if quietTimer == nil { waitForQuiet() }
    }

    /// One timer at a time, and none in an idle shim: it is set again only if something happened.
    private func waitForQuiet() {
        let before = (activity, publisher?.unsent)
        quietTimer = Reactor.shared.after(Self.quietLimit) {
            guard (self.activity, self.publisher?.unsent) == before else { return self.waitForQuiet() }
            self.quietTimer = nil
            Reactor.shared.compact()
            Reaper.shared.compact()
            self.server.compact()
            self.service?.compact()
            Process.releaseMemory()
        }
    }

    private func watchSignals() throws(Failure) {
        let descriptor = try Signals.open()
        _ = try Reactor.shared.watch(descriptor, for: .readable) { _ in self.takeSignals() }
        signals = consume descriptor
        _ = Reaper.shared  // its sweep is part of every turn
    }

    private func takeSignals() {
        let taken = signals?.takeSignals() ?? []
        if taken.contains(.child) { Reaper.shared.requestSweep() }
        if taken.contains(.dump) { dump() }
        if !taken.isDisjoint(with: .terminate) {
            log(.warning, "told to end while containers may run; they are left to containerd")
            end(flushingFor: Self.shortFlushLimit)
        }
    }

    private func dump() {
        log(.info, "state", "unsent_events=\(publisher?.unsent ?? 0) connections_accepted=\(server.accepted)")
        for line in service?.summary ?? [] { log(.info, "container", line) }
    }

    /// Nobody finds us any more; what was said and happened is delivered; then the process ends.
    private func end(flushingFor limit: Duration = flushLimit) {
        guard !isEnding else { return }
        isEnding = true
        server.stopAccepting()
        service?.takesCreates = false
        sandbox?.shutDown()
        // It may be another shim's by now (C-1.54).
        if Files.identity(of: socketPath) == socketIdentity { Files.remove(socketPath) }
        publisher?.flush(within: limit) {
            self.log(.info, "ending")
            self.exitWhenFlushed(turns: 100)
        }
    }

    private func exitWhenFlushed(turns: Int) {
        guard !server.isFlushed, turns > 0 else { Process.exit(0) }
        _ = Reactor.shared.after(.milliseconds(10)) { self.exitWhenFlushed(turns: turns - 1) }
    }
}
