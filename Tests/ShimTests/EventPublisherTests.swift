import Linux
import Protobuf
import Reactor
import TTRPC
import Testing
import _Concurrency

@testable import Shim

/// containerd's side: it answers as the test says, and knows what it was told.
@Loop
private final class Daemon {
    struct Told: Equatable {
        let topic: String
        let event: AnyMessage
    }

    let directory = "/tmp/swiftrunc-\(Process.randomName())"
    var path: String { "\(directory)/socket" }
    var told: [Told] = []
    var namespaces: Set<String> = []
    var methods: Set<String> = []
    var timeouts: Set<Duration?> = []
    /// How many of the next calls are refused.
    var refusals = 0
    private var server: Server?

    init() throws {
        _ = try Signals.open()  // a write to a socket nobody reads is to be EPIPE and not the signal
        try Files.makeDirectory(directory, mode: 0o700)
    }

    deinit {
        Files.remove("\(directory)/socket")
        Files.removeDirectory(directory)
    }

    func start() throws {
        let server = Server(listener: try UnixSocket.listen(at: path))
        try server.serve({ [unowned self] in answer($0, server) }, onConnect: {}, onDisconnect: { _ in })
        self.server = server
    }

    private func answer(_ call: Call, _ server: Server) {
        methods.insert("\(call.service)/\(call.method)")
        timeouts.insert(call.timeout)
        if refusals > 0 {
            refusals -= 1
            return server.answer(call.stream, Failure(.invalidArgument, "no"))
        }
        do throws(Failure) {
            let request = try ForwardRequest(decoding: call.payload)
            #expect(request.timestamp.seconds > 0)
            namespaces.insert(request.namespace)
            told.append(Told(topic: request.topic, event: request.event))
        } catch {
            Issue.record(error)
        }
        server.answer(call.stream, [])
    }
}

@Loop
struct EventPublisherTests {
    private final class Reports {
        var words: [String] = []
    }

    private let reports = Reports()

    private func publisher(_ daemon: Daemon, directories: [String] = ["/tmp"]) -> EventPublisher {
        EventPublisher(path: daemon.path, namespace: "default", directories: directories) { [reports] in
            reports.words.append($0)
        }
    }

    /// Until all is delivered; false if it takes too long.
    private func flushed(_ publisher: EventPublisher, within limit: Duration = .seconds(20)) async -> Bool {
        await Waiter<Void>.suspend { waiter in publisher.flush(within: limit) { waiter.resume(()) } }
        return publisher.unsent == 0
    }

    private func start(_ id: String) -> Daemon.Told {
        Daemon.Told(
            topic: "/tasks/start",
            event: AnyMessage(typeURL: "containerd.events.TaskStart", value: text(1, id) + number(2, 7)))
    }

    @Test func `events arrive in their order, in containerd's envelope`() async throws {
        let daemon = try Daemon()
        try daemon.start()
        let publisher = publisher(daemon)
        for index in 0..<20 { publisher.publish(TaskStart(containerID: "c\(index)", pid: 7)) }
        publisher.publish(TaskPaused(containerID: "c1"), isEssential: true)
        #expect(publisher.unsent == 21)
        #expect(await flushed(publisher))
        #expect(daemon.told.dropLast() == (0..<20).map { start("c\($0)") }[...])
        #expect(daemon.told.last?.topic == "/tasks/paused")
        #expect(daemon.namespaces == ["default"])
        #expect(daemon.methods == ["containerd.services.events.ttrpc.v1.Events/Forward"])
        #expect(daemon.timeouts == [.seconds(5)])
        #expect(reports.words == [])
    }

    @Test func `events wait for a containerd that comes later`() async throws {
        let daemon = try Daemon()
        let publisher = publisher(daemon)
        for index in 0..<3 { publisher.publish(TaskStart(containerID: "c\(index)", pid: 7)) }
        #expect(await !flushed(publisher, within: .milliseconds(20)))
        #expect(publisher.unsent == 3)
        try daemon.start()
        publisher.peerCame()
        #expect(await flushed(publisher))
        #expect(daemon.told == (0..<3).map { start("c\($0)") })
    }

    @Test(arguments: [["/tmp"], ["/no/such/directory", "/tmp"], ["/no/such/directory"]])
    func `many events are delivered in their order after an outage`(directories: [String]) async throws {
        let daemon = try Daemon()
        let publisher = publisher(daemon, directories: directories)
        for index in 0..<2000 { publisher.publish(TaskStart(containerID: "c\(index)", pid: 7)) }
        #expect(publisher.unsent == 2000)
        try daemon.start()
        publisher.peerCame()
        #expect(await flushed(publisher))
        #expect(daemon.told == (0..<2000).map { start("c\($0)") })
        #expect(reports.words.isEmpty == directories.contains("/tmp"))
    }

    @Test func `a refused event is tried again before the next, and told of`() async throws {
        let daemon = try Daemon()
        try daemon.start()
        daemon.refusals = 1
        let publisher = publisher(daemon)
        for index in 0..<2 { publisher.publish(TaskStart(containerID: "c\(index)", pid: 7)) }
        #expect(await flushed(publisher))
        #expect(daemon.told == (0..<2).map { start("c\($0)") })
        #expect(reports.words == ["event refused: /tasks/start: no: invalid argument"])
    }

    @Test func `with nothing to deliver a flush is over at once`() throws {
        var isOver = false
        publisher(try Daemon()).flush(within: .seconds(20)) { isOver = true }
        #expect(isOver)
    }
}
