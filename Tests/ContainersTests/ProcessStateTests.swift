import Linux
import Testing

@testable import Containers

struct ProcessStateTests {
    private let exit = Exit(status: 7, time: Timestamp(seconds: 1, nanoseconds: 2))

    /// The states by the way that leads there.
    enum Place: CaseIterable {
        case created, starting, startFailed, running, pausing, paused, resuming, ending, stopped
        case deletingCreated, deletingStopped, deletedCreated, deletedStopped
    }

    private func process(_ place: Place) throws -> ProcessState {
        var state = ProcessState()
        switch place {
        case .created: break
        case .starting: try state.request(.start)
        case .startFailed:
            try state.request(.start)
            #expect(state.on(.startFailed) == [])
        case .running:
            try state.request(.start)
            #expect(state.on(.started) == [.announceStart])
        case .pausing:
            state = try process(.running)
            try state.request(.pause)
        case .paused:
            state = try process(.pausing)
            #expect(state.on(.paused) == [])
        case .resuming:
            state = try process(.paused)
            try state.request(.resume)
        case .ending:
            state = try process(.running)
            #expect(state.on(.exited(exit)) == [.end(exit)])
        case .stopped:
            state = try process(.ending)
            #expect(state.on(.announced) == [])
        case .deletingCreated: try state.request(.delete)
        case .deletingStopped:
            state = try process(.stopped)
            try state.request(.delete)
        case .deletedCreated:
            state = try process(.deletingCreated)
            #expect(state.on(.deleted) == [])
        case .deletedStopped:
            state = try process(.deletingStopped)
            #expect(state.on(.deleted) == [])
        }
        return state
    }

    private func refusal(_ place: Place, _ request: ProcessState.Request) throws -> Failure? {
        var state = try process(place)
        let before = state
        do throws(Failure) {
            try state.request(request)
            return nil
        } catch {
            #expect(state == before)
            return error
        }
    }

    @Test(arguments: [
        (Place.created, ProcessState.Status.created), (.starting, .created), (.startFailed, .created),
        (.running, .running), (.pausing, .pausing), (.paused, .paused), (.resuming, .paused), (.ending, .running),
        (.stopped, .stopped), (.deletingCreated, .created), (.deletingStopped, .stopped), (.deletedCreated, .created),
        (.deletedStopped, .stopped),
    ])
    func `each state is reported as one that clients know`(place: Place, status: ProcessState.Status) throws {
        #expect(try process(place).status == status)
    }

    /// nil: allowed.
    @Test(
        arguments: [
            (Place.created, nil), (.starting, "running"), (.startFailed, nil), (.running, "running"),
            (.pausing, "paused"),
            (.paused, "paused"), (.resuming, "paused"), (.ending, "running"), (.stopped, "stopped"),
            (.deletingCreated, "deleted"), (.deletingStopped, "deleted"), (.deletedCreated, "deleted"),
            (.deletedStopped, "deleted"),
        ] as [(Place, String?)])
    func `only what was created is started`(place: Place, word: String?) throws {
        #expect(try refusal(place, .start) == word.map { Failure(.unknown, "cannot start a \($0) process") })
    }

    @Test(
        arguments: [
            (Place.created, nil), (.starting, "running"), (.startFailed, nil), (.running, "running"),
            (.pausing, "paused"),
            (.paused, "paused"), (.resuming, "paused"), (.ending, "running"), (.stopped, nil),
        ] as [(Place, String?)])
    func `what runs is not deleted`(place: Place, word: String?) throws {
        #expect(try refusal(place, .delete) == word.map { Failure(.unknown, "cannot delete a \($0) process") })
    }

    @Test(arguments: [Place.deletingCreated, .deletingStopped, .deletedCreated, .deletedStopped])
    func `what was deleted is not found`(place: Place) throws {
        #expect(try refusal(place, .delete) == Failure(.notFound, "cannot delete a deleted process"))
    }

    @Test(
        arguments: [
            (Place.created, "task in created state"), (.starting, "task in created state"),
            (.startFailed, "task in created state"), (.running, nil), (.pausing, "a paused container"),
            (.paused, "a paused container"), (.stopped, "a stopped container"),
            (.deletingStopped, "a deleted container"),
            (.deletedStopped, "a deleted container"),
        ] as [(Place, String?)])
    func `only what runs is paused`(place: Place, words: String?) throws {
        #expect(try refusal(place, .pause) == words.map { Failure(.unknown, "cannot pause \($0)") })
    }

    @Test(
        arguments: [
            (Place.created, "task in created state"), (.starting, "task in created state"),
            (.startFailed, "task in created state"), (.running, "a running process"), (.paused, nil),
            (.stopped, "a stopped container"), (.deletingStopped, "a deleted container"),
            (.deletedStopped, "a deleted container"),
        ] as [(Place, String?)])
    func `only what is paused is resumed`(place: Place, words: String?) throws {
        #expect(try refusal(place, .resume) == words.map { Failure(.unknown, "cannot resume \($0)") })
    }

    private func refusal(_ place: Place, _ operation: ProcessState.Operation) throws -> Failure? {
        let state = try process(place)
        do throws(Failure) {
            try state.check(operation)
            return nil
        } catch {
            return error
        }
    }

    @Test(
        arguments: [
            (Place.created, nil), (.starting, nil), (.startFailed, nil), (.running, nil), (.pausing, nil),
            (.paused, nil), (.resuming, nil), (.ending, nil), (.stopped, "stopped"), (.deletingCreated, "deleted"),
            (.deletingStopped, "deleted"), (.deletedCreated, "deleted"), (.deletedStopped, "deleted"),
        ] as [(Place, String?)])
    func `what has not ended is updated`(place: Place, word: String?) throws {
        #expect(try refusal(place, .update) == word.map { Failure(.unknown, "cannot update a \($0) container") })
    }

    @Test(
        arguments: [
            (Place.created, "a task in created state"), (.starting, "a task in created state"),
            (.startFailed, "a task in created state"), (.running, nil), (.pausing, nil), (.paused, nil),
            (.resuming, nil), (.stopped, "a stopped container"), (.deletingCreated, "a deleted container"),
            (.deletedStopped, "a deleted container"),
        ] as [(Place, String?)])
    func `only what runs or is paused is checkpointed`(place: Place, words: String?) throws {
        #expect(try refusal(place, .checkpoint) == words.map { Failure(.unknown, "cannot checkpoint \($0)") })
    }

    @Test func `an exit during the start is announced after the start`() throws {
        var state = try process(.starting)
        #expect(state.on(.exited(exit)) == [])
        #expect(state.hasEnded)
        #expect(state.exit == nil)
        #expect(state.on(.started) == [.announceStart, .end(exit)])
        #expect(state.status == .running)
        #expect(state.on(.announced) == [])
        #expect(state.status == .stopped)
        #expect(state.exit == exit)
    }

    @Test func `an exit during a start that fails is announced all the same`() throws {
        var state = try process(.starting)
        #expect(state.on(.exited(exit)) == [])
        #expect(state.on(.startFailed) == [.end(exit)])
        #expect(state.on(.announced) == [])
        #expect(state.exit == exit)
    }

    @Test(arguments: [Place.created, .startFailed, .running, .pausing, .paused, .resuming])
    func `an exit is seen by nobody before it is announced`(place: Place) throws {
        var state = try process(place)
        #expect(!state.hasEnded)
        #expect(state.on(.exited(exit)) == [.end(exit)])
        #expect(state.hasEnded)
        #expect(state.exit == nil)
        #expect(state.status == .running)
        #expect(state.on(.announced) == [])
        #expect(state.status == .stopped)
        #expect(state.exit == exit)
    }

    @Test(arguments: [Place.ending, .stopped, .deletingStopped, .deletedCreated, .deletedStopped])
    func `a process exits once`(place: Place) throws {
        var state = try process(place)
        let before = state
        #expect(state.on(.exited(Exit(status: 0, time: .never))) == [])
        #expect(state == before)
    }

    @Test func `a start that failed may be tried again`() throws {
        var state = try process(.startFailed)
        #expect(state.startHasFailed)
        try state.request(.start)
        #expect(!state.startHasFailed)
        #expect(state.on(.started) == [.announceStart])
    }

    @Test func `a pause that fails leaves it running, a resume that fails paused`() throws {
        var state = try process(.pausing)
        #expect(state.isPaused)
        #expect(state.on(.pauseFailed) == [])
        #expect(try state == process(.running))
        #expect(!state.isPaused)
        state = try process(.resuming)
        #expect(state.isPaused)
        #expect(state.on(.resumeFailed) == [])
        #expect(try state == process(.paused))
        try state.request(.resume)
        #expect(state.on(.resumed) == [])
        #expect(try state == process(.running))
    }

    @Test(arguments: [ProcessState.Fact.paused, .pauseFailed, .resumed, .resumeFailed, .started, .startFailed])
    func `an exit is not undone by what the runtime says later`(fact: ProcessState.Fact) throws {
        for place in [Place.ending, .stopped] {
            var state = try process(place)
            let before = state
            #expect(state.on(fact) == [])
            #expect(state == before)
        }
    }

    @Test func `a delete of what was created ends it, and its exit is told first`() throws {
        var state = try process(.deletingCreated)
        #expect(state.isBeingDeleted && !state.hasEnded)
        #expect(state.on(.exited(exit)) == [.end(exit)])
        #expect(state.isBeingDeleted && state.hasEnded)
        #expect(state.exit == nil, "nobody was told yet")
        #expect(state.on(.announced) == [])
        #expect(state.isBeingDeleted && state.hasEnded)
        #expect(state.exit == exit)
        #expect(state.status == .stopped)
        #expect(state.on(.deleted) == [])
        #expect(state.exit == exit)
        #expect(!state.isBeingDeleted)
    }

    @Test func `a delete that fails leaves it as it was`() throws {
        for (deleting, before) in [(Place.deletingCreated, Place.created), (.deletingStopped, .stopped)] {
            var state = try process(deleting)
            #expect(state.on(.deleteFailed) == [])
            #expect(try state == process(before))
            try state.request(.delete)
            #expect(try state == process(deleting))
        }
    }

    @Test func `a delete that fails after it ended the process leaves it stopped`() throws {
        var state = try process(.deletingCreated)
        _ = state.on(.exited(exit))
        _ = state.on(.announced)
        #expect(state.on(.deleteFailed) == [])
        #expect(try state == process(.stopped))
    }

    @Test func `a delete that fails before the exit was told leaves it to be told`() throws {
        var state = try process(.deletingCreated)
        _ = state.on(.exited(exit))
        #expect(state.on(.deleteFailed) == [])
        #expect(state.exit == nil && state.hasEnded)
        #expect(state.on(.announced) == [])
        #expect(try state == process(.stopped))
    }
}
