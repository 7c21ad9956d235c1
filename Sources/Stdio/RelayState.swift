/// What a relay does next, as data; ``Relay`` does it.
///
/// What always holds: bytes that were taken from the source are either in the destination or kept
/// by the relay, as long as there is a destination that could ever take them. Whoever writes to an
/// output never waits for ever: an output without a destination is read to its end all the same. One that
/// drops never waits at all: while its destination takes nothing, its source is read and forgotten.
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
        /// The destination takes nothing now, or failed so many times; the source is read and forgotten.
        case dropping(failures: Int)
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
        case retry(after: Duration)
        /// Forgets what the source has; the destination is tried again later, or when it is ready.
        case drop(retryAfter: Duration?)
        /// Waits for the source and, unless there is a time for it, the destination.
        case waitWhileDropping(forDestination: Bool)
        /// Says in the stream how much was dropped, and moves.
        case resume
        /// Closes both sides, and forgets what is kept.
        case close
    }

    package private(set) var role: Role
    package private(set) var state = State.held
    private let drops: Bool

    /// `drops`: whoever writes does not wait for the destination; not for an input.
    package init(_ role: Role, drops: Bool = false) {
        self.role = role
        self.drops = drops
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
        case (.moving, .destinationFull) where drops: return drop(failures: 0)
        case (.moving(let failures), .destinationFailed) where drops: return drop(failures: failures + 1)
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

        case (.dropping, .sourceReady): return .drop(retryAfter: nil)
        case (.dropping(let failures), .nothingToRead):
            return role == .lastTerminalOutput ? close() : .waitWhileDropping(forDestination: failures == 0)
        case (.dropping(let failures), .sourceEnded):
            return role == .terminalOutput ? .waitWhileDropping(forDestination: failures == 0) : close()
        case (.dropping, .turnUsed): return .takeNextTurn
        case (.dropping(failures: 0), .destinationReady): return resume(failures: 0)
        case (.dropping(let failures), .timerFired): return resume(failures: failures)
        case (.dropping, .processExited): return role == .lastTerminalOutput ? .drop(retryAfter: nil) : .nothing

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
        case (.moving, _), (.waitingForSource, _), (.waitingForDestination, _), (.backingOff, _), (.dropping, _):
            return .nothing
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

    private mutating func drop(failures: Int) -> Action {
        state = .dropping(failures: failures)
        return .drop(retryAfter: failures == 0 ? nil : Self.delay(failures))
    }

    private mutating func resume(failures: Int) -> Action {
        state = .moving(failures: failures)
        return .resume
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
    private static func delay(_ failures: Int) -> Duration {
        .milliseconds(min(10_000, 100 << min(failures - 1, 7)))
    }

    private mutating func close() -> Action {
        state = .closed
        return .close
    }
}
