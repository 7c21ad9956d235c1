import TTRPC
import Testing

@testable import Shim

struct EventDeliveryTests {
    private let status = Status(code: 3, message: "no")

    private func item(_ number: Int, essential: Bool = false, size: Int = 4) -> EventDelivery.Item {
        EventDelivery.Item(topic: "/t/\(number)", request: request(number, size), isEssential: essential)
    }

    private func request(_ number: Int, _ size: Int = 4) -> [UInt8] {
        [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: number >> $0) } + [UInt8](repeating: 0, count: size - 4)
    }

    private func send(_ number: Int) -> EventDelivery.Action { .send(request(number)) }

    private func dropped(_ number: Int) -> EventDelivery.Action {
        .report("event dropped, too many are waiting: /t/\(number)")
    }

    /// The numbers of what is sent from now on, when all is delivered.
    private func rest(_ machine: inout EventDelivery) -> [Int] {
        var numbers: [Int] = []
        while case .send(let request)? = machine.on(.delivered).first {
            numbers.append(request.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) })
        }
        return numbers
    }

    @Test func `events are sent one at a time, in their order`() {
        var machine = EventDelivery()
        #expect(machine.isEmpty)
        #expect(machine.on(.queued(item(1))) == [send(1)])
        #expect(machine.on(.queued(item(2))) == [])
        #expect(machine.on(.queued(item(3))) == [])
        #expect(machine.count == 3)
        #expect(machine.on(.delivered) == [send(2)])
        #expect(machine.on(.delivered) == [send(3)])
        #expect(machine.on(.delivered) == [])
        #expect(machine.isEmpty)
        #expect(machine.on(.queued(item(4))) == [send(4)])
    }

    @Test func `a lost connection is made anew at once, and then ever more seldom, at least every ten seconds`() {
        var machine = EventDelivery()
        _ = machine.on(.queued(item(1)))
        #expect(machine.on(.lost) == [send(1)])
        for milliseconds: Int64 in [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000] {
            #expect(machine.on(.lost) == [.delay(milliseconds: milliseconds)])
            #expect(machine.on(.queued(item(2))) == [])
            #expect(machine.on(.delayPassed) == [send(1)])
        }
        #expect(machine.on(.delivered) == [send(2)])
    }

    @Test func `after a delivery the delays begin anew`() {
        var machine = EventDelivery()
        _ = machine.on(.queued(item(1)))
        _ = machine.on(.queued(item(2)))
        _ = machine.on(.lost)
        _ = machine.on(.lost)
        _ = machine.on(.delayPassed)
        #expect(machine.on(.lost) == [.delay(milliseconds: 200)])
        _ = machine.on(.delayPassed)
        #expect(machine.on(.delivered) == [send(2)])
        #expect(machine.on(.lost) == [send(2)])
        #expect(machine.on(.lost) == [.delay(milliseconds: 100)])
    }

    @Test func `an event that is refused five times is dropped`() {
        var machine = EventDelivery()
        _ = machine.on(.queued(item(1)))
        _ = machine.on(.queued(item(2)))
        let report = EventDelivery.Action.report("event refused: /t/1: no")
        for milliseconds: Int64 in [100, 200, 400, 800] {
            #expect(machine.on(.refused(status)) == [report, .delay(milliseconds: milliseconds)])
            #expect(machine.on(.delayPassed) == [send(1)])
        }
        #expect(machine.on(.refused(status)) == [report, send(2)])
        #expect(machine.count == 1)
        // The next one has its own five.
        #expect(
            machine.on(.refused(status))
                == [.report("event refused: /t/2: no"), .delay(milliseconds: 100)])
    }

    @Test func `the last event may be dropped as well`() {
        var machine = EventDelivery()
        _ = machine.on(.queued(item(1)))
        for _ in 0..<4 {
            _ = machine.on(.refused(status))
            _ = machine.on(.delayPassed)
        }
        #expect(machine.on(.refused(status)) == [.report("event refused: /t/1: no")])
        #expect(machine.isEmpty)
        #expect(machine.on(.queued(item(2))) == [send(2)])
    }

    @Test func `containerd that comes is not waited for any longer`() {
        var machine = EventDelivery()
        _ = machine.on(.queued(item(1)))
        for _ in 0..<3 {
            _ = machine.on(.lost)
            _ = machine.on(.lost)
            _ = machine.on(.delayPassed)
        }
        _ = machine.on(.lost)
        #expect(machine.on(.peerCame) == [.cancelDelay, send(1)])
        #expect(machine.on(.delayPassed) == [])
        #expect(machine.on(.lost) == [.delay(milliseconds: 100)])
    }

    @Test func `containerd that comes changes nothing else`() {
        var machine = EventDelivery()
        #expect(machine.on(.peerCame) == [])
        _ = machine.on(.queued(item(1)))
        #expect(machine.on(.peerCame) == [])
        #expect(machine.on(.delivered) == [])
    }

    @Test func `what comes late means nothing`() {
        var machine = EventDelivery()
        for event: EventDelivery.Event in [.delivered, .lost, .refused(status), .delayPassed] {
            #expect(machine.on(event) == [])
        }
        _ = machine.on(.queued(item(1)))
        #expect(machine.on(.delayPassed) == [])
        _ = machine.on(.lost)
        _ = machine.on(.lost)
        for event: EventDelivery.Event in [.delivered, .lost, .refused(status)] { #expect(machine.on(event) == []) }
        #expect(machine.count == 1)
    }

    @Test func `of too many the oldest that is not essential goes, and never the first`() {
        var machine = EventDelivery()
        for number in 0..<EventDelivery.most {
            #expect(machine.on(.queued(item(number, essential: number % 2 == 1))) == (number == 0 ? [send(0)] : []))
        }
        #expect(machine.on(.queued(item(9001, essential: true))) == [dropped(2)])
        #expect(machine.on(.queued(item(9002))) == [dropped(4)])
        #expect(machine.count == EventDelivery.most)
        let rest = rest(&machine)
        #expect(rest.prefix(4) == [1, 3, 5, 6])
        #expect(rest.suffix(2) == [9001, 9002])
    }

    @Test func `when all are essential the oldest but the first goes`() {
        var machine = EventDelivery()
        for number in 0..<EventDelivery.most { _ = machine.on(.queued(item(number, essential: true))) }
        #expect(machine.on(.queued(item(9001, essential: true))) == [dropped(1)])
        #expect(machine.on(.queued(item(9002))) == [dropped(9002)])
        #expect(rest(&machine).prefix(2) == [2, 3])
    }

    @Test func `bytes are bounded as events are, while waiting too`() {
        var machine = EventDelivery()
        let size = EventDelivery.mostBytes / 4
        for number in 1...4 { _ = machine.on(.queued(item(number, essential: number == 2, size: size))) }
        #expect(machine.count == 4)
        _ = machine.on(.lost)
        _ = machine.on(.lost)
        #expect(machine.on(.queued(item(5, essential: true, size: size))) == [dropped(3)])
        _ = machine.on(.delayPassed)
        #expect(rest(&machine) == [2, 4, 5])
    }

    @Test func `one large event makes room for itself`() {
        var machine = EventDelivery()
        let size = EventDelivery.mostBytes / 8
        for number in 1...8 { _ = machine.on(.queued(item(number, size: size))) }
        #expect(machine.on(.queued(item(9, size: size * 3))) == [dropped(2), dropped(3), dropped(4)])
        #expect(machine.count == 6)
    }

    @Test func `what was sent counts no more`() {
        var machine = EventDelivery()
        for number in 1...20 {
            #expect(machine.on(.queued(item(number, size: EventDelivery.mostBytes / 2))).count == 1)
            #expect(machine.on(.delivered) == [])
        }
    }
}
