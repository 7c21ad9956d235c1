import Linux
import Reactor

@testable import Stdio

/// Does what ``RelayState`` says, as `Relay` does, with pipes that are not real.
@Loop
final class FakeRelay {
    private static let turn = 12

    private(set) var machine: RelayState
    private let scheduler: Scheduler
    private let source: FakePipe
    private let destination: FakePipe
    private var sourceWatch: FakePipe.Watch?
    private var destinationWatch: FakePipe.Watch?
    private var kept: [UInt8] = []
    private let copies: Bool
    let overflow: FakeOverflow?
    private var timer: Scheduler.Timer?
    private var nextTurn: Scheduler.Timer?
    private(set) var lost = 0
    /// Attempts since something happened outside.
    private var idle = 0

    init(
        _ role: RelayState.Role, from source: FakePipe, to destination: FakePipe, overflow: FakeOverflow?,
        _ scheduler: Scheduler
    ) {
        machine = RelayState(role, overflows: overflow != nil)
        self.scheduler = scheduler
        self.source = source
        self.destination = destination
        self.overflow = overflow
        copies = role != .input && role != .output || scheduler.random.isOne(in: 3)
        sourceWatch = source.watchReader { [unowned self] _ in sourceReady() }
        sourceWatch?.ask(for: .readable)
        guard role == .input else { return }
        destinationWatch = destination.watchWriter { [unowned self] in destinationReady($0) }
    }

    var isClosed: Bool { machine.state == .closed }

    func start() { handle(.started) }
    func processExited() { handle(.processExited) }
    func close() { handle(.stopped) }
    func somethingHappened() { idle = 0 }

    private func sourceReady() {
        if machine.state == .held {
            if machine.role == .output, source.bytes.count * 2 >= source.capacity { handle(.started) }
        } else {
            handle(.sourceReady)
        }
    }

    private func destinationReady(_ readiness: Reactor.Readiness) {
        handle(readiness.contains(.failed) ? .destinationGone : .destinationReady)
    }

    private func handle(_ first: RelayState.Event) {
        var event = first
        idle += 1
        scheduler.check(idle < 100, "a relay spins, in \(machine.state)")
        while true {
            let action = machine.on(event)
            scheduler.note("relay: \(event) -> \(machine.state), \(action)")
            switch action {
            case .nothing: return
            case .move: event = move()
            case .discard: event = discard()
            case .waitForSource:
                ask(destinationWatch, for: [])
                return ask(sourceWatch, for: .readable)
            case .waitForDestination:
                ask(sourceWatch, for: [])
                return awaitDestination()
            case .takeNextTurn: return takeNextTurn()
            case .takeNextTurnOrDestination:
                awaitDestination()
                return takeNextTurn()
            case .retry(let delay):
                ask(sourceWatch, for: [])
                ask(destinationWatch, for: [])
                return after(delay, .timerFired)
            case .overflow(let delay):
                if let delay { after(delay, .timerFired) }
                event = read { overflow?.take(from: source) ?? .sourceEnded }
            case .waitWhileOverflowing(let forDestination):
                if forDestination { awaitDestination() }
                return ask(sourceWatch, for: .readable)
            case .moveRest: event = move(readingSource: false)
            case .close: return closeSides()
            }
        }
    }

    private func move(readingSource: Bool = true) -> RelayState.Event {
        var budget = Self.turn
        while budget > 0 {
            switch transfer(readingSource) {
            case .moved(let count): budget -= count
            case .nothingToRead: return .nothingToRead
            case .sourceEnded: return .sourceEnded
            case .destinationFull: return .destinationFull
            case .destinationFailed: return .destinationFailed
            case .destinationGone, .unsupported:
                lost += kept.count
                kept = []
                return .destinationGone
            }
        }
        return .turnUsed
    }

    private func transfer(_ readingSource: Bool) -> Transfer {
        if kept.isEmpty, let overflow, !overflow.isEmpty {
            kept = overflow.takeMark()
            if kept.isEmpty { return refusal ?? overflow.give(to: destination) }
        }
        if !kept.isEmpty {
            if let refusal { return refusal }
            let written = destination.write(kept[...])
            kept.removeFirst(written)
            return written > 0 ? .moved(written) : .destinationFull
        }
        guard readingSource else { return .nothingToRead }
        guard !source.bytes.isEmpty else { return source.hasWriter ? .nothingToRead : .sourceEnded }
        guard copies else {
            if let refusal { return refusal }
            guard destination.room > 0 else { return .destinationFull }
            return .moved(destination.write(source.read(atMost: min(4, destination.room))[...]))
        }
        let bytes = source.read(atMost: 4)
        let written = refusal == nil ? destination.write(bytes[...]) : 0
        kept = Array(bytes.dropFirst(written))
        return written > 0 ? .moved(written) : refusal ?? .destinationFull
    }

    /// Why the destination takes nothing, but for a lack of room.
    private var refusal: Transfer? {
        destination.hasReader ? (destination.fails ? .destinationFailed : nil) : .destinationGone
    }

    private func discard() -> RelayState.Event {
        destinationWatch?.cancel()
        destinationWatch = nil
        return read {
            let bytes = source.read(atMost: 8)
            lost += bytes.count
            return bytes.isEmpty ? (source.hasWriter ? .nothingToRead : .sourceEnded) : .moved(bytes.count)
        }
    }

    private func read(_ step: () -> Transfer) -> RelayState.Event {
        var budget = Self.turn
        while budget > 0 {
            let transfer = step()
            guard case .moved(let count) = transfer else {
                return transfer == .nothingToRead ? .nothingToRead : .sourceEnded
            }
            budget -= count
        }
        return .turnUsed
    }

    private func ask(_ watch: FakePipe.Watch?, for interest: Reactor.Readiness) {
        if let watch, watch.interest != interest { watch.ask(for: interest) }
    }

    private func awaitDestination() {
        if destinationWatch == nil {
            destinationWatch = destination.watchWriter { [unowned self] in destinationReady($0) }
        }
        destinationWatch?.ask(for: .writable)
    }

    private func takeNextTurn() {
        guard nextTurn == nil else { return }
        nextTurn = scheduler.after(0, "the next turn") { [self] in
            nextTurn = nil
            handle(.sourceReady)
        }
    }

    private func after(_ delay: Duration, _ event: RelayState.Event) {
        if let timer { scheduler.cancel(timer) }
        timer = scheduler.after(delay.nanoseconds / 1_000_000, "a relay tries again") { [self] in
            timer = nil
            somethingHappened()
            handle(event)
        }
    }

    private func closeSides() {
        for timer in [timer, nextTurn].compactMap({ $0 }) { scheduler.cancel(timer) }
        sourceWatch?.cancel()
        destinationWatch?.cancel()
        overflow?.close()
        lost += kept.count + (overflow?.lost ?? 0) + (machine.isInput ? 0 : source.bytes.count)
        kept = []
        source.closeReader()
        destination.closeWriter()
    }
}
