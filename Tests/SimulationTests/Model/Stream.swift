import Reactor
import Stdio

/// One schedule of one stream: somebody writes, a relay moves, somebody reads, or stops, or goes. The same seed gives
/// the same one.
@Loop
struct Stream {
    let violation: String?
    let trace: [String]
    let steps: Int

    private static let mostSteps = 20_000

    init(seed: UInt64, isTracing: Bool = false) {
        let scheduler = Scheduler(seed: seed, isTracing: isTracing)
        var run = Run(scheduler)
        run.live()
        if scheduler.violation == nil { run.comeToRest() }
        violation = scheduler.violation
        trace = scheduler.trace
        steps = run.steps
        scheduler.end()
    }

    @Loop
    private struct Run {
        let scheduler: Scheduler
        let role: RelayState.Role
        let source: FakePipe
        let destination: FakePipe
        let relay: FakeRelay
        var written: [UInt8] = []
        var received: [UInt8] = []
        var hasExited = false
        var readerStays = true
        var steps = 0

        init(_ scheduler: Scheduler) {
            self.scheduler = scheduler
            role = [.output, .output, .input, .terminalInput][scheduler.random.number(below: 4)]
            source = FakePipe(capacity: 8 + scheduler.random.number(below: 16), scheduler)
            destination = FakePipe(capacity: 4 + scheduler.random.number(below: 16), scheduler)
            let limits = [nil, nil, 0, 6, 64]
            let limit = role == .output ? limits[scheduler.random.number(below: 5)] : nil
            relay = FakeRelay(
                role, from: source, to: destination, overflow: limit.map { FakeOverflow(limit: $0) }, scheduler)
        }

        mutating func live() {
            var acts = 10 + scheduler.random.number(below: 60)
            let start = scheduler.random.number(below: 10)
            while acts > 0, scheduler.violation == nil {
                if acts == start { relay.start() }
                if scheduler.random.isOne(in: 3) || !step() {
                    acts -= 1
                    relay.somethingHappened()
                    act()
                }
            }
            relay.start()
        }

        private mutating func act() {
            switch scheduler.random.number(below: 24) {
            case 0: end()
            case 1 where scheduler.random.isOne(in: 4):
                scheduler.note("the reader goes")
                readerStays = false
                destination.closeReader()
            case 2: destination.fails = true
            case 3, 4: destination.fails = false
            case 5..<16: write(1 + scheduler.random.number(below: 9))
            default: read(1 + scheduler.random.number(below: 9))
            }
        }

        /// The process ends or, of an input, the client: its side is closed, sooner or later.
        private mutating func end() {
            if role != .output { return source.closeWriter() }
            if !hasExited {
                hasExited = true
                scheduler.note("the process has ended")
                relay.processExited()
            }
            if scheduler.random.isOne(in: 2) { source.closeWriter() }
        }

        private mutating func write(_ count: Int) {
            guard source.hasWriter else { return }
            // Never a mark.
            let bytes = (0..<count).map { UInt8((written.count + $0) % 251) }
            let taken = source.write(bytes[...])
            written += bytes.prefix(taken)
        }

        private mutating func read(_ count: Int) {
            if readerStays { received += destination.read(atMost: count) }
        }

        private mutating func step() -> Bool {
            steps += 1
            scheduler.check(steps < Stream.mostSteps, "it comes to no rest")
            return scheduler.violation == nil && scheduler.step()
        }

        /// Whoever reads, reads on; whoever writes, ends.
        mutating func comeToRest() {
            destination.fails = false
            settle()
            scheduler.check(
                relay.isClosed || source.bytes.isEmpty || !source.hasReader, "bytes stay in the source of \(role)")
            source.closeWriter()
            if role == .output, !hasExited { relay.processExited() }
            settle()
            scheduler.check(relay.isClosed || role == .terminalInput, "the relay of an ended \(role) is not closed")
            check()
        }

        private mutating func settle() {
            var isMoving = true
            while isMoving, scheduler.violation == nil {
                relay.somethingHappened()
                let before = received.count
                read(64)
                isMoving = step() || received.count > before
            }
        }

        /// What was written has come, in its order; what has not is known.
        private func check() {
            let bytes = received.filter { $0 != FakeOverflow.mark }
            guard relay.overflow != nil || !readerStays else {
                // An input that ends by its process, or a failure, is the client's to know of.
                return scheduler.check(received == written, "\(received.count) of \(written.count) bytes came")
            }
            var rest = written[...]
            for byte in bytes {
                guard let index = rest.firstIndex(of: byte) else {
                    return scheduler.check(false, "bytes came in another order")
                }
                rest = rest[(index + 1)...]
            }
            guard role == .output, readerStays else { return }
            scheduler.check(
                bytes.count + relay.lost == written.count,
                "\(bytes.count) bytes came and \(relay.lost) are lost of \(written.count)")
        }
    }
}
