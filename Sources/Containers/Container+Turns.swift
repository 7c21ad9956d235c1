import Linux
import Reactor
import _Concurrency

/// Who has called, as far as a call must know that may have to wait.
package struct Caller {
    /// How long it waits; nil: as long as it takes.
    let patience: Duration?
    /// Whether it can still be answered.
    let isThere: @Loop () -> Bool

    package init(patience: Duration?, isThere: @escaping @Loop () -> Bool) {
        self.patience = patience
        self.isThere = isThere
    }
}

/// Start, Pause, Resume, Update and Checkpoint of a container and its Delete are carried out one after the other, as they
/// come (C-3.14): the runtime reads its own record of the container and writes it back, so that of two Updates one would
/// be lost; and what freezes or thaws would do so in the middle of a dump. Who looks or kills does not wait.
extension Container {
    /// What a call asks of init's state.
    enum Entry {
        case request(ProcessState.Request)
        case check(ProcessState.Operation)
    }

    /// Suspends until it is a call's turn, and enters the state of init that it asks for; the caller ends the turn. A call
    /// that only had to wait for a refusal is refused at once. Without a caller it is carried out, whoever hears of it.
    func beginTurn(for caller: Caller?, to entry: Entry) async throws(Failure) {
        if initial.state.hasEnded || initial.state.isBeingDeleted {
            var state = initial.state
            try entry.enter(&state)
        }
        let waits = turns.isTaken
        guard await turns.begin(within: caller?.patience) else {
            throw Failure(.deadlineExceeded, "container \(id): the call before this one has not ended")
        }
        do throws(Failure) {
            if waits, let caller, !caller.isThere() { throw Failure(.cancelled, "the client is gone") }
            if initial.state.isDeleted { throw Failure(.notFound, "container not created") }
            try entry.enter(&initial.state)
        } catch {
            turns.end()
            throw error
        }
    }
}

extension Container.Entry {
    fileprivate func enter(_ state: inout ProcessState) throws(Failure) {
        switch self {
        case .request(let request): try state.request(request)
        case .check(let operation): try state.check(operation)
        }
    }
}
