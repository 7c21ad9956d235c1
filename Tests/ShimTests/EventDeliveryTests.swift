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

    private func stored(_ number: Int, essential: Bool = false, size: Int = 4) -> EventDelivery.Action {
        .store(item(number, essential: essential, size: size))
    }

    /// One that has as many in memory as it may before the file is used, the first of them on its way.
    private func filled() -> EventDelivery {
        var machine = EventDelivery()
        for number in 0..<EventDelivery.fewest { _ = machine.on(.queued(item(number))) }
        return machine
    }

    @Test func `of many the later ones are stored, and come back in their order`() {
        var machine = filled()
        for number in 64..<70 { #expect(machine.on(.queued(item(number))) == [stored(number)]) }
        #expect(machine.count == 70)
        #expect(rest(&machine) == Array(1..<64))
        #expect(machine.on(.delivered) == [])  // it waits for the file
        #expect(machine.on(.queued(item(70))) == [stored(70)])
        #expect(machine.on(.loaded((64..<66).map { item($0) })) == [send(64)])
        #expect(machine.on(.queued(item(71))) == [stored(71)])
        #expect(machine.on(.delivered) == [send(65)])
        #expect(machine.on(.delivered) == [.load])
        #expect(machine.on(.loaded((66..<72).map { item($0) })) == [send(66)])
        // With an empty file there is room in memory again.
        #expect(machine.on(.queued(item(72))) == [])
        #expect(rest(&machine) == Array(67..<73))
        #expect(machine.isEmpty)
    }

    @Test func `large ones are stored sooner`() {
        var machine = EventDelivery()
        let size = EventDelivery.fewestBytes / 2
        for number in 1...2 { #expect(machine.on(.queued(item(number, size: size))).contains(stored(number)) == false) }
        #expect(machine.on(.queued(item(3))) == [stored(3)])
        #expect(machine.count == 3)
    }

    @Test func `what could not be stored is kept in memory, after what is in the file`() {
        var machine = filled()
        #expect(machine.on(.queued(item(64))) == [stored(64)])
        #expect(machine.on(.queued(item(65))) == [stored(65)])
        #expect(
            machine.on(.notStored(item(65), reason: "full")) == [.report("events are kept in memory: full")])
        #expect(machine.on(.queued(item(66))) == [])
        #expect(machine.count == 67)
        #expect(rest(&machine) == Array(1..<64))
        #expect(machine.on(.loaded([item(64)])) == [send(64)])
        #expect(rest(&machine) == [65, 66])
        #expect(machine.isEmpty)
    }

    @Test func `without a file nothing is lost at first`() {
        var machine = filled()
        #expect(machine.on(.queued(item(64))) == [stored(64)])
        _ = machine.on(.notStored(item(64), reason: "no"))
        #expect(machine.on(.queued(item(65))) == [])
        #expect(rest(&machine) == Array(1..<66))
        // It is tried again the next time.
        #expect(machine.isEmpty)
        var again = filled()
        #expect(again.on(.queued(item(64))) == [stored(64)])
    }

    @Test func `a file that cannot be read is told of, and what came later goes on`() {
        var machine = filled()
        for number in 64..<67 { _ = machine.on(.queued(item(number))) }
        _ = machine.on(.notStored(item(66), reason: "no"))
        _ = rest(&machine)
        #expect(machine.on(.loaded([])) == [.report("2 events lost: their file cannot be read"), send(66)])
        #expect(machine.on(.delivered) == [])
        #expect(machine.isEmpty)
    }

    /// One without a file that has as many as it may have.
    private func full(essential: @escaping (Int) -> Bool) -> EventDelivery {
        var machine = filled()
        for number in 64..<EventDelivery.most {
            let one = item(number, essential: essential(number))
            if case .store? = machine.on(.queued(one)).first { _ = machine.on(.notStored(one, reason: "no")) }
        }
        return machine
    }

    @Test func `of too many without a file the oldest that is not essential goes`() {
        var machine = full { $0 % 2 == 0 }
        #expect(machine.on(.queued(item(9001, essential: true))) == [dropped(65)])
        #expect(machine.on(.queued(item(9002))) == [dropped(67)])
        #expect(machine.count == EventDelivery.most)
        let rest = rest(&machine)
        #expect(rest[62...65] == [63, 64, 66, 68])
        #expect(rest.suffix(2) == [9001, 9002])
    }

    @Test func `when all are essential the oldest goes`() {
        var machine = full { _ in true }
        #expect(machine.on(.queued(item(9001, essential: true))) == [dropped(64)])
        #expect(machine.on(.queued(item(9002))) == [dropped(9002)])
    }

    @Test func `bytes are bounded as events are, while waiting too`() {
        var machine = EventDelivery()
        let size = EventDelivery.mostBytes / 4
        _ = machine.on(.queued(item(1, size: size)))
        _ = machine.on(.queued(item(2, essential: true, size: size)))
        _ = machine.on(.notStored(item(2, essential: true, size: size), reason: "no"))
        for number in 3...4 { #expect(machine.on(.queued(item(number, size: size))) == []) }
        _ = machine.on(.lost)
        _ = machine.on(.lost)
        #expect(machine.on(.queued(item(5, essential: true, size: size))) == [dropped(3)])
        _ = machine.on(.delayPassed)
        #expect(rest(&machine) == [2, 4, 5])
    }

    @Test func `what was sent counts no more`() {
        var machine = EventDelivery()
        for number in 1...20 {
            #expect(machine.on(.queued(item(number, size: EventDelivery.mostBytes / 2))).count == 1)
            #expect(machine.on(.delivered) == [])
        }
    }
}
