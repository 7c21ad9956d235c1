import Linux
package import Protobuf
package import Reactor
import TTRPC
import _Concurrency

/// Tells containerd what happened. Whoever publishes never waits: events are queued and sent by
/// their own machine, through any outage.
@Loop
package final class EventPublisher {
    private let namespace: String
    private let client: Client
    private let report: @Loop (String) -> Void
    private var delivery = EventDelivery()
    private let file: EventFile
    private var delay: Reactor.Timer?
    private var whenEmpty: (@Loop () -> Void)?

    /// The caller's patience that we tell containerd (C-2.42); ours is longer.
    private static let timeout = Duration.seconds(5)

    /// `path`: containerd's ttrpc socket. `directories`: where events may be kept during an outage, the first one that
    /// can be written to. `report`: words for the log.
    package init(
        path: String, namespace: String, directories: [String], report: @escaping @Loop (String) -> Void
    ) {
        client = Client(path: path)
        file = EventFile(in: directories)
        self.namespace = namespace
        self.report = report
    }

    /// Queues one event with the present time.
    package func publish<Content: Event>(_ event: Content, isEssential: Bool = false) {
        let request = ForwardRequest(event, timestamp: .now(), namespace: namespace).encoded()
        perform(.queued(EventDelivery.Item(topic: Content.topic, request: request, isEssential: isEssential)))
    }

    /// containerd has connected to us: no need to wait any longer.
    package func peerCame() { perform(.peerCame) }

    package var unsent: Int { delivery.count }

    /// Calls `handler` once, when all is delivered or `limit` has passed.
    package func flush(within limit: Duration, _ handler: @escaping @Loop () -> Void) {
        guard !delivery.isEmpty else { return handler() }
        let timer = Reactor.shared.after(limit) {
            self.whenEmpty = nil
            handler()
        }
        whenEmpty = {
            Reactor.shared.cancel(timer)
            handler()
        }
    }

    private func perform(_ event: EventDelivery.Event) {
        for action in delivery.on(event) {
            switch action {
            case .send(let request): send(request)
            case .delay(let milliseconds):
                delay = Reactor.shared.after(.milliseconds(milliseconds)) { self.perform(.delayPassed) }
            case .cancelDelay: if let delay { Reactor.shared.cancel(delay) }
            case .report(let words): report(words)
            case .store(let item): store(item)
            case .load: perform(.loaded(file.takeOldest()))
            }
        }
        if delivery.isEmpty, let handler = whenEmpty {
            whenEmpty = nil
            handler()
        }
    }

    private func store(_ item: EventDelivery.Item) {
        do throws(Failure) {
            try file.append(item)
        } catch {
            perform(.notStored(item, reason: error.message))
        }
    }

    private func send(_ request: [UInt8]) {
        client.call(
            service: "containerd.services.events.ttrpc.v1.Events", method: "Forward", payload: request,
            metadata: [Metadata(key: "containerd-namespace-ttrpc", value: namespace)], timeout: Self.timeout
        ) { outcome in
            switch outcome {
            case .answered: self.perform(.delivered)
            case .refused(let status): self.perform(.refused(status))
            case .lost: self.perform(.lost)
            }
        }
    }
}
