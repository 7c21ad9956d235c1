/// What a relay does next, as data; ``Relay`` does it.
///
/// What always holds: bytes that were taken from the source are either in the destination or kept
/// by the relay, as long as there is a destination that could ever take them. Whoever writes to an
/// output never waits for ever: an output without a destination is read to its end all the same. One that
/// overflows never waits at all: while its destination takes nothing, its source is read all the same, and
/// ``Overflow`` decides what is kept of it.
package struct RelayState: Equatable {
    /// Whose bytes these are, which decides what an end means.
    package enum Role {
        /// The client's bytes, to a pipe. Ends with either side.
        case input
        /// The client's bytes, to a terminal. Its end is not the terminal's (C-4.34).
        case terminalInput
        /// A pipe's bytes, to the client. Ends with the last writer.
        case output
        /// A terminal's bytes, to the client. An end is none while the process lives: a shell may
        /// close the terminal and open it again (C-4.32).
        case terminalOutput
        /// The same after the process has ended: ends as soon as nothing is left.
        case lastTerminalOutput
    }

    package enum State: Equatable {
        /// Nothing is moved yet.
        case held
        /// Bytes are being moved, in this turn. So many attempts in a row have failed before.
        case moving(failures: Int)
        case waitingForSource
        case waitingForDestination
        /// The destination refused bytes, and is tried again later.
        case backingOff(failures: Int)
        /// The destination takes nothing now, or failed so many times; the source goes to the overflow.
        case overflowing(failures: Int)
        /// The source has ended and the overflow has not: it is moved to the destination, which failed so
        /// many times.
        case finishing(failures: Int)
        /// The destination is gone; the source is read and forgotten.
        case draining
        case closed
    }

    package enum Event {
        case started
        case sourceReady
        case destinationReady
        case timerFired
        case nothingToRead
        case destinationFull
        case destinationFailed
        case destinationGone
        case sourceEnded
        /// Enough for one turn; others want theirs.
        case turnUsed
        case processExited
        case stopped
    }

    package enum Action: Equatable {
        case nothing
        case move
        case discard
        case waitForSource
        case waitForDestination
        /// Goes on with the source in the next turn.
        case takeNextTurn
        /// Likewise, unless the destination is ready before.
        case takeNextTurnOrDestination
        case retry(after: Duration)
        /// Moves what the source has to the overflow; the destination is tried again later, or when it is ready.
        case overflow(retryAfter: Duration?)
        /// Waits for the source and, unless there is a time for it, the destination.
        case waitWhileOverflowing(forDestination: Bool)
        /// Moves what is kept or in the overflow, and reads nothing any more; says ``Event/nothingToRead`` when
        /// it is out.
        case moveRest
        /// Closes both sides, and forgets what is kept.
        case close
    }

    package private(set) var role: Role
    package private(set) var state = State.held
    private let overflows: Bool

    /// `overflows`: whoever writes does not wait for the destination; not for an input.
    package init(_ role: Role, overflows: Bool = false) {
        self.role = role
        self.overflows = overflows
    }

    package mutating func on(_ event: Event) -> Action {
        if event == .processExited, role == .terminalOutput { role = .lastTerminalOutput }
        switch (state, event) {
        case (.closed, _): return .nothing
        case (_, .stopped): return close()
        case (.held, .started): return move(failures: 0)
        case (.held, .processExited): return isInput ? close() : .nothing
        case (.held, _), (_, .started): return .nothing

        case (.moving, .nothingToRead): return role == .lastTerminalOutput ? close() : waitForSource()
        case (.moving, .destinationFull) where overflows: return overflow(failures: 0)
        case (.moving(let failures), .destinationFailed) where overflows: return overflow(failures: failures + 1)
        case (.moving, .destinationFull):
            state = .waitingForDestination
            return .waitForDestination
        case (.moving, .turnUsed):
            state = .waitingForSource
            return .takeNextTurn
        case (.moving(let failures), .destinationFailed): return backOff(failures: failures + 1)
        case (.moving, .sourceEnded): return role == .terminalOutput ? waitForSource() : close()

        case (.waitingForSource, .sourceReady): return move(failures: 0)
        case (.waitingForDestination, .destinationReady): return move(failures: 0)
        case (.backingOff(let failures), .timerFired): return move(failures: failures)

        case (.overflowing, .sourceReady): return .overflow(retryAfter: nil)
        case (.overflowing(let failures), .nothingToRead):
            return role == .lastTerminalOutput
                ? finish(failures: failures) : .waitWhileOverflowing(forDestination: failures == 0)
        case (.overflowing(let failures), .sourceEnded):
            return role == .terminalOutput
                ? .waitWhileOverflowing(forDestination: failures == 0) : finish(failures: failures)
        case (.overflowing(let failures), .turnUsed): return failures == 0 ? .takeNextTurnOrDestination : .takeNextTurn
        case (.overflowing(failures: 0), .destinationReady): return move(failures: 0)
        case (.overflowing(let failures), .timerFired): return move(failures: failures)
        case (.overflowing, .processExited):
            return role == .lastTerminalOutput ? .overflow(retryAfter: nil) : .nothing

        case (.finishing, .nothingToRead), (.finishing, .destinationGone): return close()
        case (.finishing, .destinationFull):
            state = .finishing(failures: 0)
            return .waitForDestination
        case (.finishing(let failures), .destinationFailed):
            state = .finishing(failures: failures + 1)
            return .retry(after: Self.delay(failures + 1))
        case (.finishing, .turnUsed): return .takeNextTurn
        case (.finishing, .sourceReady), (.finishing, .timerFired): return .moveRest
        case (.finishing(failures: 0), .destinationReady): return .moveRest

        case (.draining, .sourceReady): return .discard
        case (.draining, .nothingToRead): return role == .lastTerminalOutput ? close() : .waitForSource
        case (.draining, .turnUsed): return .takeNextTurn
        case (.draining, .sourceEnded): return role == .terminalOutput ? .waitForSource : close()
        case (.draining, .processExited): return role == .lastTerminalOutput ? .discard : .nothing
        case (.draining, _): return .nothing

        case (_, .destinationGone):
            guard !isInput else { return close() }
            state = .draining
            return .discard
        case (.waitingForSource, .processExited) where role == .lastTerminalOutput: return move(failures: 0)
        case (_, .processExited): return isInput ? close() : .nothing
        // What comes late, of a state that was left.
        case (.moving, _), (.waitingForSource, _), (.waitingForDestination, _), (.backingOff, _), (.overflowing, _),
            (.finishing, _):
            return .nothing
        }
    }

    /// Whether there are bytes that the destination has not taken, and could.
    package var waitsForDestination: Bool {
        switch state {
        case .waitingForDestination, .backingOff, .overflowing, .finishing: true
        case .held, .moving, .waitingForSource, .draining, .closed: false
        }
    }

    /// Whether the bytes are the client's.
    package var isInput: Bool {
        switch role {
        case .input, .terminalInput: true
        case .output, .terminalOutput, .lastTerminalOutput: false
        }
    }

    private mutating func move(failures: Int) -> Action {
        state = .moving(failures: failures)
        return .move
    }

    private mutating func overflow(failures: Int) -> Action {
        state = .overflowing(failures: failures)
        return .overflow(retryAfter: failures == 0 ? nil : Self.delay(failures))
    }

    /// After a failure there is a time for the next attempt already.
    private mutating func finish(failures: Int) -> Action {
        state = .finishing(failures: failures)
        return failures == 0 ? .moveRest : .nothing
    }

    private mutating func waitForSource() -> Action {
        state = .waitingForSource
        return .waitForSource
    }

    private mutating func backOff(failures: Int) -> Action {
        state = .backingOff(failures: failures)
        return .retry(after: Self.delay(failures))
    }

    /// 100 ms, then twice as long each time, at most 10 s.
    static func delay(_ failures: Int) -> Duration {
        .milliseconds(min(10_000, 100 << min(failures - 1, 7)))
    }

    private mutating func close() -> Action {
        state = .closed
        return .close
    }
}
