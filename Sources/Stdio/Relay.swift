import Linux
import Reactor
import _Concurrency

/// Moves bytes from one descriptor to another, in order, until one of them ends: pipes by
/// splice(2), which needs no memory of ours, everything else through a buffer on the stack.
///
/// Watches are edge-triggered: a hang-up that lasts is reported once and cannot spin (P-43), and a
/// side that is not waited for wakes nobody. ``RelayState`` decides, this class does. The relay
/// owns both descriptors and closes them when it ends; until then the reactor keeps it alive.
@Loop
final class Relay {
    /// No more than this in one turn of the loop, so that every other stream gets its own.
    private static let turn = 1 << 20
    /// Likewise to what is no pipe: a write to a regular file may wait for its disk.
    private static let fileTurn = 64 << 10
    /// Pipes that are busy hold so much: fewer turns for the same bytes. The client's keep their size, for what a
    /// client has not read when it deletes the task is lost to it.
    private static let busyPipe: Int32 = 256 << 10
    /// One that moves this in one turn is busy: what a pipe of the usual size holds.
    private static let busy = 64 << 10

    private var machine: RelayState
    private var source: RelaySide?
    private var destination: RelaySide?
    /// Bytes that were read and not taken; only ever from one read that was not spliced, or a mark.
    private var kept: [UInt8] = []
    private var copies: Bool
    private let isToPipe: Bool
    private var hasGrown = false
    private let overflow: Overflow?
    /// When a destination that cannot be watched, or failed, is tried again.
    private var timer: Reactor.Timer?
    private var nextTurn: Reactor.Timer?
    private var whenClosed: (@Loop () -> Void)?
    private var unread: UnreadOutput?
    /// Bytes that no destination took.
    private(set) var lost = 0

    /// Moves nothing before ``start()``, unless an output's pipe becomes half full: then whoever
    /// writes to it must not wait for us. `whenClosed` is called once, at the end. With `overflow` nobody
    /// ever waits for the destination.
    init(
        _ role: RelayState.Role, from source: consuming FileDescriptor, to destination: consuming FileDescriptor,
        overflow: Overflow? = nil, whenClosed: @escaping @Loop () -> Void
    ) throws(Failure) {
        machine = RelayState(role, overflows: overflow != nil)
        self.overflow = overflow
        // A terminal gives EIO where it means something that splice does not tell. And spliced bytes take a page each: a pipe
        // is full after sixteen short lines, and its reader would not be in time.
        copies = role != .input && role != .output || overflow != nil
        isToPipe = Files.isFifo(destination.path)
        self.source = RelaySide(source)
        self.destination = RelaySide(destination)
        self.whenClosed = whenClosed
        try self.source?.watch(for: .readable) { [self] _ in sourceReady() }
        // The container's end of a pipe may be closed while nobody writes: then the client is told (C-4.22).
        guard role == .input else { return }
        do throws(Failure) {
            try self.destination?.watch(for: []) { [self] readiness in destinationReady(readiness) }
        } catch {
            self.source?.stopWatching()
            throw error
        }
    }

    func start() { handle(.started) }
    func processExited() { handle(.processExited) }

    /// Ends it now, wherever it is.
    func close() {
        handle(.stopped)
        lost += unread?.end() ?? 0
        unread = nil
    }

    var isClosed: Bool { machine.state == .closed }

    /// Whether the bytes are the client's.
    var isInput: Bool { machine.isInput }

    /// Whether bytes, and not only marks, wait for the destination, which could take them.
    var hasUndelivered: Bool {
        guard let overflow else { return machine.waitsForDestination }
        return overflow.count > 0
    }

    /// Bytes of output that the destination does not have yet.
    var undelivered: Int { isInput ? 0 : kept.count + (overflow?.count ?? 0) + (source?.descriptor.unread ?? 0) }

    /// The source's bytes, at most `limit`, if nothing was moved yet.
    func takeHeld(atMost limit: Int) -> [UInt8] {
        guard machine.state == .held, let source else { return [] }
        return source.descriptor.readNow(atMost: limit)
    }

    /// Sets the size of the terminal that is the source.
    func resizeSource(rows: UInt16, columns: UInt16) throws(Failure) {
        try source?.descriptor.resizeTerminal(rows: rows, columns: columns)
    }

    private func sourceReady() {
        if machine.state == .held {
            if machine.role == .output, let source, source.descriptor.isHalfFull { handle(.started) }
        } else {
            handle(.sourceReady)
        }
    }

    private func destinationReady(_ readiness: Reactor.Readiness) {
        handle(readiness.contains(.failed) ? .destinationGone : .destinationReady)
    }

    private func handle(_ first: RelayState.Event) {
        var event = first
        while true {
            switch machine.on(event) {
            case .nothing: return
            case .move: event = move()
            case .discard: event = discard()
            case .waitForSource: return waitForSource()
            case .waitForDestination: return waitForDestination()
            case .takeNextTurn: return takeNextTurn()
            case .takeNextTurnOrDestination:
                awaitDestination()
                return takeNextTurn()
            case .retry(let delay): return retry(after: delay)
            case .overflow(let delay):
                if let delay { after(delay, .timerFired) }
                event = fillOverflow()
            case .waitWhileOverflowing(let forDestination): return waitWhileOverflowing(forDestination)
            case .moveRest: event = move(readingSource: false)
            case .close: return closeSides(keepingUnread: event != .stopped && !isInput)
            }
        }
    }

    /// Moves what can be moved in one turn, and says why it stopped.
    private func move(readingSource: Bool = true) -> RelayState.Event {
        guard source != nil, destination != nil else { return .stopped }
        var budget = isToPipe ? Self.turn : Self.fileTurn
        let all = budget
        while budget > 0 {
            switch transfer(atMost: budget, readingSource: readingSource) {
            case .moved(let count): budget -= count
            case .unsupported: copies = true
            case .nothingToRead:
                growIfBusy(all - budget)
                return .nothingToRead
            case .sourceEnded: return .sourceEnded
            case .destinationFull:
                growIfBusy(all - budget)
                return .destinationFull
            case .destinationFailed: return .destinationFailed
            case .destinationGone:
                lost += kept.count
                kept = []
                return .destinationGone
            }
        }
        growIfBusy(all)
        return .turnUsed
    }

    /// One attempt, with the bytes that are next: those that are kept, a mark, the overflow's, the source's.
    private func transfer(atMost budget: Int, readingSource: Bool) -> Transfer {
        guard let source, let destination else { return .sourceEnded }
        if kept.isEmpty, let overflow, !overflow.isEmpty {
            kept = overflow.takeMark()
            if kept.isEmpty { return overflow.give(to: destination.descriptor) }
        }
        if !kept.isEmpty { return destination.descriptor.write(keeping: &kept) }
        guard readingSource else { return .nothingToRead }
        return copies
            ? source.descriptor.copy(to: destination.descriptor, keeping: &kept)
            : source.descriptor.splice(to: destination.descriptor, atMost: budget)
    }

    private func growIfBusy(_ moved: Int) {
        guard moved >= Self.busy, !hasGrown, !copies else { return }
        hasGrown = true
        source?.descriptor.growPipe(to: Self.busyPipe)
    }

    private func fillOverflow() -> RelayState.Event {
        guard let source, let overflow else { return .stopped }
        return read { overflow.take(from: source.descriptor) }
    }

    /// As ``move(readingSource:)``, to nowhere.
    private func discard() -> RelayState.Event {
        destination?.stopWatching()
        destination = nil
        guard let source else { return .stopped }
        return read {
            let transfer = source.descriptor.discard()
            if case .moved(let count) = transfer { lost += count }
            return transfer
        }
    }

    /// Reads the source as far as one turn goes, by `step`.
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

    private func waitForSource() {
        destination?.ask(for: [])
        awaitSource()
    }

    private func waitForDestination() {
        source?.ask(for: [])
        awaitDestination()
    }

    /// Whatever is asked of one side stays as it is: to ask for it anew would report a hang-up anew, for ever.
    private func waitWhileOverflowing(_ forDestination: Bool) {
        if forDestination { awaitDestination() }
        awaitSource()
    }

    private func awaitSource() {
        guard let source else { return }
        if source.isWatchable { source.ask(for: .readable) } else { takeNextTurn() }
    }

    private func awaitDestination() {
        guard let destination else { return }
        do throws(Failure) {
            if destination.isWatched {
                destination.askAgain(for: .writable)
            } else {
                try destination.watch(for: .writable) { [self] readiness in destinationReady(readiness) }
            }
        } catch {}  // no more watches to be had: below
        if !destination.isWatched { after(.milliseconds(100), .destinationReady) }
    }

    /// What is ready elsewhere comes first.
    private func takeNextTurn() {
        guard nextTurn == nil else { return }
        nextTurn = Reactor.shared.after(.zero) { [self] in
            nextTurn = nil
            handle(.sourceReady)
        }
    }

    private func retry(after delay: Duration) {
        source?.ask(for: [])
        destination?.ask(for: [])
        after(delay, .timerFired)
    }

    private func after(_ delay: Duration, _ event: RelayState.Event) {
        if let timer { Reactor.shared.cancel(timer) }
        timer = Reactor.shared.after(delay) { [self] in
            timer = nil
            handle(event)
        }
    }

    private func closeSides(keepingUnread: Bool) {
        for timer in [timer, nextTurn].compactMap({ $0 }) { Reactor.shared.cancel(timer) }
        timer = nil
        nextTurn = nil
        source?.stopWatching()
        destination?.stopWatching()
        overflow?.close()
        // Of an input, it is the client's to know what was not taken.
        lost += kept.count + (overflow?.lost ?? 0) + (machine.isInput ? 0 : source?.descriptor.unread ?? 0)
        source = nil
        if keepingUnread, let destination { unread = UnreadOutput.left(in: destination.descriptor) }
        destination = nil
        kept = []
        unread?.look()
        let told = whenClosed
        whenClosed = nil
        told?()
    }
}

/// One side of a relay: a descriptor, and what is watched of it.
@Loop
private final class RelaySide {
    let descriptor: FileDescriptor
    /// Regular files and some devices cannot be watched: they are always ready.
    private(set) var isWatchable = true
    private var watch: Reactor.Watch?
    private var interest: Reactor.Readiness = []

    init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

    var isWatched: Bool { watch != nil }

    /// Fails only if it could be watched at another time.
    func watch(for interest: Reactor.Readiness, _ handler: @escaping Reactor.Handler) throws(Failure) {
        do throws(Failure) {
            watch = try Reactor.shared.watch(descriptor, for: [interest, .edge], handler)
            self.interest = interest
        } catch {
            guard error.errno == Errno.notPermitted else { throw error }
            isWatchable = false
        }
    }

    func ask(for interest: Reactor.Readiness) {
        if interest != self.interest { askAgain(for: interest) }
    }

    /// Also reports what is the case already.
    func askAgain(for interest: Reactor.Readiness) {
        guard let watch else { return }
        self.interest = interest
        Reactor.shared.change(watch, to: [interest, .edge])
    }

    func stopWatching() {
        if let watch { Reactor.shared.cancel(watch) }
        watch = nil
    }
}
