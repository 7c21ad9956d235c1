package import Linux

/// The life of one process of a container, init or exec, as a machine without IO.
///
/// Requests may be refused, with the texts clients know (contract C-3.11, C-3.12); facts may not.
/// A request that takes a while has a state of its own, which State reports and others meet; those that
/// change init come one after the other all the same (``Container/beginTurn(for:to:)``). An exit that
/// comes while the runtime still starts the process is kept until the start was announced (C-3.41).
package struct ProcessState: Equatable {
    /// What State reports (C-3.2).
    package enum Status: String { case created, running, stopped, paused, pausing }

    package enum Request { case start, delete, pause, resume }

    /// What is done to a process without changing its state.
    package enum Operation: String { case update, checkpoint }

    package enum Fact: Equatable {
        case started, startFailed
        case exited(Exit)
        /// The exit is about to be published: everything else that had to come first has.
        case announced
        case paused, pauseFailed, resumed, resumeFailed
        case deleted, deleteFailed
    }

    package enum Action: Equatable {
        /// Publish that it runs.
        case announceStart
        /// It has ended: put the exit in its order, publish it, and say ``Fact/announced``.
        case end(Exit)
    }

    private enum State: Equatable {
        case created
        case starting(Exit?)
        /// An exec whose start failed; it may be tried again.
        case startFailed
        case running, pausing, paused, resuming
        /// Ended, and not yet told to anybody.
        case ending(Exit)
        case stopped(Exit)
        case deleting(Exit?)
        /// Ended by the deletion itself, and not yet told to anybody.
        case deletingEnded(Exit)
        case deleted(Exit?)
    }

    private var state = State.created

    package init() {}

    package var status: Status {
        switch state {
        case .created, .starting, .startFailed, .deleting(nil), .deletingEnded, .deleted(nil): .created
        case .running, .ending: .running
        case .pausing: .pausing
        case .paused, .resuming: .paused
        case .stopped, .deleting(.some), .deleted(.some): .stopped
        }
    }

    /// How it ended, as far as anybody was told.
    package var exit: Exit? {
        switch state {
        case .stopped(let exit): exit
        case .deleting(let exit), .deleted(let exit): exit
        case .created, .starting, .startFailed, .running, .pausing, .paused, .resuming, .ending, .deletingEnded: nil
        }
    }

    /// Whether the process is gone from the kernel, told or not.
    package var hasEnded: Bool {
        switch state {
        case .starting(let exit), .deleting(let exit), .deleted(let exit): exit != nil
        case .ending, .stopped, .deletingEnded: true
        case .created, .startFailed, .running, .pausing, .paused, .resuming: false
        }
    }

    /// A Start is under way.
    package var isStarting: Bool {
        if case .starting = state { true } else { false }
    }

    /// A Resume is under way.
    package var isResuming: Bool { state == .resuming }
    package var isPaused: Bool { status == .paused || status == .pausing }
    package var startHasFailed: Bool { state == .startFailed }
    package var isBeingDeleted: Bool {
        switch state {
        case .deleting, .deletingEnded: true
        case .created, .starting, .startFailed, .running, .pausing, .paused, .resuming, .ending, .stopped, .deleted:
            false
        }
    }

    /// Nothing is told of it any more.
    package var isDeleted: Bool {
        if case .deleted = state { true } else { false }
    }

    /// Enters the state in which `request` is carried out, or says why not.
    package mutating func request(_ request: Request) throws(Failure) {
        switch (request, state) {
        case (.start, .created), (.start, .startFailed): state = .starting(nil)
        case (.delete, .created), (.delete, .startFailed): state = .deleting(nil)
        case (.delete, .stopped(let exit)): state = .deleting(exit)
        case (.pause, .running): state = .pausing
        case (.resume, .paused): state = .resuming
        case (.start, _): throw Failure(.unknown, "cannot start a \(word) process")
        case (.delete, .deleting), (.delete, .deletingEnded), (.delete, .deleted):
            throw Failure(.notFound, "cannot delete a deleted process")
        case (.delete, _): throw Failure(.unknown, "cannot delete a \(word) process")
        case (.pause, .created), (.pause, .starting), (.pause, .startFailed):
            throw Failure(.unknown, "cannot pause task in created state")
        case (.pause, _): throw Failure(.unknown, "cannot pause a \(word) container")
        case (.resume, .created), (.resume, .starting), (.resume, .startFailed):
            throw Failure(.unknown, "cannot resume task in created state")
        case (.resume, .running): throw Failure(.unknown, "cannot resume a running process")
        case (.resume, _): throw Failure(.unknown, "cannot resume a \(word) container")
        }
    }

    /// Whether `request` would be refused now, and why.
    package func check(_ request: Request) throws(Failure) {
        var state = self
        try state.request(request)
    }

    /// Whether `operation` may be carried out now, or why not.
    package func check(_ operation: Operation) throws(Failure) {
        switch (operation, state) {
        case (.checkpoint, .created), (.checkpoint, .starting), (.checkpoint, .startFailed):
            throw Failure(.unknown, "cannot checkpoint a task in created state")
        case (_, .stopped), (_, .deleting), (_, .deletingEnded), (_, .deleted):
            throw Failure(.unknown, "cannot \(operation.rawValue) a \(word) container")
        case (.update, .created), (.update, .starting), (.update, .startFailed), (_, .running), (_, .pausing),
            (_, .paused), (_, .resuming), (_, .ending):
            break
        }
    }

    package mutating func on(_ fact: Fact) -> [Action] {
        switch (state, fact) {
        case (.starting(nil), .started):
            state = .running
            return [.announceStart]
        case (.starting(.some(let exit)), .started):
            state = .ending(exit)
            return [.announceStart, .end(exit)]
        case (.starting(nil), .startFailed):
            state = .startFailed
            return []
        case (.starting(.some(let exit)), .startFailed):
            state = .ending(exit)
            return [.end(exit)]
        case (.starting, .exited(let exit)):
            state = .starting(exit)
            return []
        case (.created, .exited(let exit)), (.startFailed, .exited(let exit)), (.running, .exited(let exit)),
            (.pausing, .exited(let exit)), (.paused, .exited(let exit)), (.resuming, .exited(let exit)):
            state = .ending(exit)
            return [.end(exit)]
        case (.deleting(nil), .exited(let exit)):
            state = .deletingEnded(exit)
            return [.end(exit)]
        case (.deletingEnded(let exit), .announced):
            state = .deleting(exit)
            return []
        case (.deletingEnded(let exit), .deleteFailed):
            state = .ending(exit)
            return []
        case (.deletingEnded(let exit), .deleted):
            state = .deleted(exit)
            return []
        case (.ending(let exit), .announced):
            state = .stopped(exit)
            return []
        case (.pausing, .paused), (.resuming, .resumeFailed):
            state = .paused
            return []
        case (.pausing, .pauseFailed), (.resuming, .resumed):
            state = .running
            return []
        case (.deleting(let exit), .deleted):
            state = .deleted(exit)
            return []
        case (.deleting(nil), .deleteFailed):
            state = .created
            return []
        case (.deleting(.some(let exit)), .deleteFailed):
            state = .stopped(exit)
            return []
        case (_, .started), (_, .startFailed), (_, .exited), (_, .announced), (_, .paused), (_, .pauseFailed),
            (_, .resumed), (_, .resumeFailed), (_, .deleted), (_, .deleteFailed):
            return []  // a fact about what is over: the process ended meanwhile
        }
    }

    private var word: String {
        switch state {
        case .created, .startFailed: "created"
        case .starting, .running, .ending: "running"
        case .pausing, .paused, .resuming: "paused"
        case .stopped: "stopped"
        case .deleting, .deletingEnded, .deleted: "deleted"
        }
    }
}
