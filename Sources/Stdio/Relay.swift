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
    /// A destination that takes next to nothing gets no more marks than this.
    private static let mostKept = 8192

    private var machine: RelayState
    private var source: RelaySide?
    private var destination: RelaySide?
    /// Bytes that were read and not taken; only ever from one read that was not spliced.
    private var kept: [UInt8] = []
    private var copies: Bool
    private var timer: Reactor.Timer?
    private var whenClosed: (@Loop () -> Void)?
    /// Bytes that no destination took.
    private(set) var lost = 0
    /// Those of them that the stream has no mark for yet.
    private var dropped = 0
    private var whenDropped: (@Loop (_ count: Int) -> Void)?

    /// Moves nothing before ``start()``, unless an output's pipe becomes half full: then whoever
    /// writes to it must not wait for us. `whenClosed` is called once, at the end. With `whenDropped` nobody
    /// ever waits for the destination: it is called each time that the destination takes bytes again.
    init(
        _ role: RelayState.Role, from source: consuming FileDescriptor, to destination: consuming FileDescriptor,
        whenDropped: (@Loop (_ count: Int) -> Void)? = nil, whenClosed: @escaping @Loop () -> Void
    ) throws(Failure) {
        machine = RelayState(role, drops: whenDropped != nil)
        self.whenDropped = whenDropped
        // A terminal gives EIO where it means something that splice does not tell.
        copies = role != .input && role != .output
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
    func close() { handle(.stopped) }

    var isClosed: Bool { machine.state == .closed }

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
            case .retry(let delay): return retry(after: delay)
            case .drop(let delay):
                if let delay { after(delay, .timerFired) }
                event = drop()
            case .waitWhileDropping(let forDestination): return waitWhileDropping(forDestination)
            case .resume:
                mark()
                event = move()
            case .close: return closeSides()
            }
        }
    }

    /// Moves what can be moved in one turn, and says why it stopped.
    private func move() -> RelayState.Event {
        guard let source, let destination else { return .stopped }
        var budget = Self.turn
        while budget > 0 {
            let transfer =
                if !kept.isEmpty {
                    destination.descriptor.write(keeping: &kept)
                } else if copies {
                    source.descriptor.copy(to: destination.descriptor, keeping: &kept)
                } else {
                    source.descriptor.splice(to: destination.descriptor, atMost: budget)
                }
            switch transfer {
            case .moved(let count): budget -= count
            case .unsupported: copies = true
            case .nothingToRead: return .nothingToRead
            case .sourceEnded: return .sourceEnded
            case .destinationFull: return .destinationFull
            case .destinationFailed: return .destinationFailed
            case .destinationGone:
                lost += kept.count
                kept = []
                return .destinationGone
            }
        }
        return .turnUsed
    }

    /// Forgets what the source has; what was kept already is not.
    private func drop() -> RelayState.Event {
        let before = lost
        let event = forget()
        dropped += lost - before
        return event
    }

    /// Where bytes are missing the stream says so, on a line of its own.
    private func mark() {
        guard dropped > 0, kept.count < Self.mostKept else { return }
        kept += Array("\n[swiftrunc: \(dropped) bytes of output were dropped]\n".utf8)
        whenDropped?(dropped)
        dropped = 0
    }

    /// As ``move()``, to nowhere.
    private func discard() -> RelayState.Event {
        destination?.stopWatching()
        destination = nil
        return forget()
    }

    private func forget() -> RelayState.Event {
        guard let source else { return .stopped }
        var budget = Self.turn
        while budget > 0 {
            let transfer = source.descriptor.discard()
            guard case .moved(let count) = transfer else {
                return transfer == .nothingToRead ? .nothingToRead : .sourceEnded
            }
            lost += count
            budget -= count
        }
        return .turnUsed
    }

    private func waitForSource(askingDestination: Bool = false) {
        if !askingDestination { destination?.ask(for: []) }
        guard let source else { return }
        if source.isWatchable { source.ask(for: .readable) } else { after(.zero, .sourceReady) }
    }

    private func takeNextTurn() {
        guard let source else { return }
        if source.isWatchable { source.askAgain(for: .readable) } else { after(.zero, .sourceReady) }
    }

    private func waitForDestination() {
        source?.ask(for: [])
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

    private func waitWhileDropping(_ forDestination: Bool) {
        if forDestination { waitForDestination() }
        waitForSource(askingDestination: forDestination)
    }

    private func retry(after delay: Duration) {
        source?.ask(for: [])
        destination?.ask(for: [])
        after(delay, .timerFired)
    }

    private func after(_ delay: Duration, _ event: RelayState.Event) {
        timer = Reactor.shared.after(delay) { [self] in
            timer = nil
            handle(event)
        }
    }

    private func closeSides() {
        if let timer { Reactor.shared.cancel(timer) }
        timer = nil
        source?.stopWatching()
        destination?.stopWatching()
        // Of an input, it is the client's to know what was not taken.
        lost += kept.count + (machine.isInput ? 0 : source?.descriptor.unread ?? 0)
        source = nil
        destination = nil
        kept = []
        let told = whenClosed
        whenClosed = nil
        whenDropped = nil  // it holds who holds us
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
