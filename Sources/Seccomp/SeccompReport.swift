import JSON
package import Linux

/// What was told of one container's calls: counted, and bounded however many there are.
package struct SeccompReport {
    /// What is counted as one.
    package struct Call: Hashable {
        package let name: String
        /// As the OCI runtime specification writes it.
        package let architecture: String
        /// The path of the program as the container sees it.
        package let program: String
        package let outcome: Outcome

        package init(_ name: String, architecture: String, program: String, outcome: Outcome) {
            self.name = name
            self.architecture = architecture
            self.program = program
            self.outcome = outcome
        }

        /// For the log.
        package var text: String {
            "call=\(name) architecture=\(architecture) action=\(outcome.word) program=\(Log.quoted(program))"
        }
    }

    /// What the process got.
    package enum Outcome: Hashable {
        case allowed
        case errno(Int32)
        case killedProcess, killedThread, trapped

        package var word: String {
            switch self {
            case .allowed: "allow"
            case .errno(let code): "errno:\(code)"
            case .killedProcess: "kill_process"
            case .killedThread: "kill_thread"
            case .trapped: "trap"
            }
        }
    }

    private struct Tally {
        var count: UInt64 = 0
        let first: Timestamp
        var last: Timestamp
    }

    /// How many calls that differ are told apart. As many again are then, without their programs; the rest are counted
    /// together.
    package static let limit = 1000

    private var tallies: [Call: Tally] = [:]
    /// Of ``tallies``, in the order of their first time.
    private var order: [Call] = []
    package private(set) var denied: UInt64 = 0
    package private(set) var allowed: UInt64 = 0
    /// The names of the calls that were allowed, however many there are: no more than libseccomp knows.
    package private(set) var allowedNames: Set<String> = []
    /// Of calls that were not told apart.
    private var others: UInt64 = 0
    /// Why and when the container was ended, in ``SeccompMode/stop``.
    package private(set) var end: (call: Call, time: Timestamp)?

    package init() {}

    /// Counts a call. True if one like it has not been seen.
    package mutating func add(_ call: Call, at time: Timestamp) -> Bool {
        if call.outcome == .allowed { allowed += 1 } else { denied += 1 }
        if count(call, at: time) { return false }
        if call.outcome == .allowed { allowedNames.insert(call.name) }
        var call = call
        if order.count >= Self.limit {
            call = Call(call.name, architecture: call.architecture, program: "", outcome: call.outcome)
            if count(call, at: time) { return false }
        }
        guard order.count < Self.limit * 2 else {
            others += 1
            return false
        }
        tallies[call] = Tally(count: 1, first: time, last: time)
        order.append(call)
        return true
    }

    /// False if one like it has not been seen.
    private mutating func count(_ call: Call, at time: Timestamp) -> Bool {
        guard tallies[call] != nil else { return false }
        tallies[call]?.count += 1
        tallies[call]?.last = time
        return true
    }

    /// The container is ended for `call`.
    package mutating func ended(for call: Call, at time: Timestamp) { end = (call, time) }

    /// One line: how many were denied, and of which calls the most.
    package var summary: String {
        var byName: [String: UInt64] = [:]
        for call in order where call.outcome != .allowed { byName[call.name, default: 0] += tallies[call]?.count ?? 0 }
        let most = byName.sorted { $0.value != $1.value ? $0.value > $1.value : $0.key < $1.key }
        let named =
            most.prefix(8).map { "\($0.key) \($0.value)" } + (most.count > 8 ? ["and \(most.count - 8) more"] : [])
        return "\(denied) denied" + (named.isEmpty ? "" : ": ") + named.joined(separator: ", ")
    }

    /// The report as JSON. `id` and `namespace` are the container's.
    package func json(id: String, namespace: String, mode: SeccompMode) -> [UInt8] {
        var members = [
            "\"namespace\": \(JSONValue.quoted(namespace))", "\"id\": \(JSONValue.quoted(id))",
            "\"mode\": \"\(mode.rawValue)\"", "\"denied\": \(denied)", "\"allowed\": \(allowed)",
            "\"others\": \(others)",
        ]
        if let end {
            members.append(
                "\"stopped\": {\"call\": \(JSONValue.quoted(end.call.name)), \"time\": \"\(end.time.text)\"}")
        }
        let calls = order.compactMap { call in tallies[call].map { Self.json(call, $0) } }
        members.append("\"calls\": [" + calls.map { "\n    \($0)" }.joined(separator: ",") + "\n  ]")
        return Array(("{" + members.map { "\n  \($0)" }.joined(separator: ",") + "\n}\n").utf8)
    }

    private static func json(_ call: Call, _ tally: Tally) -> String {
        let action: String
        if case .errno(let code) = call.outcome {
            action = "\"errno\", \"errno\": \(code)"
        } else {
            action = "\"\(call.outcome.word)\""
        }
        return
            "{\"call\": \(JSONValue.quoted(call.name)), \"architecture\": \"\(call.architecture)\", \"action\": \(action), "
            + "\"program\": \(JSONValue.quoted(call.program)), \"count\": \(tally.count), "
            + "\"first\": \"\(tally.first.text)\", \"last\": \"\(tally.last.text)\"}"
    }
}
