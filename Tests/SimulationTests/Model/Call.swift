import Linux

/// What a client asks for, as the model's message: a byte for the verb, one for the container, one for the exec.
struct Call {
    enum Verb: UInt8, CaseIterable { case create, start, delete, state, wait, kill, exec, pause, resume }

    /// Who is to be answered, as `Server.Stream`.
    struct Stream: Hashable {
        let connection: Int
        let id: UInt32
    }

    let verb: Verb
    let id: String
    /// "" for init.
    let exec: String

    init(_ verb: Verb, _ id: String, _ exec: String = "") {
        self.verb = verb
        self.id = id
        self.exec = exec
    }

    init?(_ body: [UInt8]) {
        guard body.count == 3, let verb = Verb(rawValue: body[0]) else { return nil }
        self.init(verb, "c\(body[1])", body[2] == 0 ? "" : "e\(body[2])")
    }

    var body: [UInt8] { [verb.rawValue, number(id), number(exec)] }

    private func number(_ name: String) -> UInt8 { UInt8(name.dropFirst()) ?? 0 }
}

/// What a client is answered.
enum Answer: Equatable {
    case done
    case running(pid: Int32)
    case ended(status: UInt32, time: Timestamp)
    case refused(Failure.Kind)
}
