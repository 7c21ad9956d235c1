package import Linux

/// The order in which a container's exits are told: init's is the last (contract C-3.42).
///
/// It waits for the execs that run or are being started, but not for ever: one may sit in an
/// uninterruptible sleep.
package struct ExitOrder {
    package enum Event {
        case execStarting(String)
        /// An exec's exit was published, or its start failed.
        case execEnded(String)
        case initEnded(Exit)
        /// ``Action/armDeadline`` has passed.
        case deadline
    }

    package enum Action: Equatable {
        case publishInit(Exit)
        /// Come back with ``Event/deadline`` after ``patience``.
        case armDeadline
    }

    private enum State {
        case alive
        case waiting(Exit)
        case told
    }

    /// How long init's exit waits for execs that do not end.
    package static let patience = Duration.seconds(10)

    private var state = State.alive
    private var execs: Set<String> = []

    package init() {}

    package mutating func on(_ event: Event) -> [Action] {
        switch (state, event) {
        case (.alive, .execStarting(let id)), (.waiting, .execStarting(let id)), (.told, .execStarting(let id)):
            execs.insert(id)
            return []
        case (.alive, .execEnded(let id)), (.told, .execEnded(let id)):
            execs.remove(id)
            return []
        case (.waiting(let exit), .execEnded(let id)):
            execs.remove(id)
            guard execs.isEmpty else { return [] }
            state = .told
            return [.publishInit(exit)]
        case (.alive, .initEnded(let exit)):
            state = execs.isEmpty ? .told : .waiting(exit)
            return execs.isEmpty ? [.publishInit(exit)] : [.armDeadline]
        case (.waiting(let exit), .deadline):
            state = .told
            return [.publishInit(exit)]
        case (.waiting, .initEnded), (.told, .initEnded), (.alive, .deadline), (.told, .deadline):
            return []
        }
    }

    mutating func compact() { execs.compact() }

    /// The execs that still keep init's exit from being told.
    package var unfinished: [String] { execs.sorted() }
}
