package import JSON
package import Linux

/// A container's seccomp profile (OCI runtime specification, `linux.seccomp`), as the runtime and libseccomp understand
/// it: of several rules for a call one without conditions counts, or else whichever libseccomp puts first of those whose
/// conditions hold (``SeccompFilter``), or else the default.
package struct SeccompProfile {
    /// What becomes of a call.
    package enum Action: Equatable {
        case allow, log
        /// It is not made, and returns this errno.
        case errno(Int32)
        case killProcess, killThread, trap
        /// Somebody else decides: a tracer, or a listener of the container's own.
        case other

        /// Whether we can take its place.
        var isDenial: Bool {
            switch self {
            case .errno, .killProcess, .killThread, .trap: true
            case .allow, .log, .other: false
            }
        }

        /// Whether it is made, whoever looks on.
        package var isGrant: Bool { self == .allow || self == .log }
    }

    struct Rule {
        let names: [String]
        let action: Action
        /// Each a conjunction; one that has none always holds.
        let alternatives: [[ArgumentCondition]]
        let source: JSONValue

        var isUnconditional: Bool { alternatives.contains { $0.isEmpty } }
    }

    package let defaultAction: Action
    /// Somebody else is told already.
    package let hasListener: Bool
    /// Those that the profile is for, this machine's own among them.
    package let architectures: [Architecture]
    let rules: [Rule]
    let source: JSONValue
    private let rulesByName: [String: [Int]]
    /// Those of ``Multiplexer`` that ``architectures`` have.
    let multiplexers: Set<String>

    private static let notPermitted: Int32 = 1
    private static let largestErrno: Int64 = 4095

    /// Reads `linux.seccomp`. What we do not understand is an `invalidArgument`.
    package init(_ given: JSONValue) throws(Failure) {
        // A copy: ``rewrite(_:for:listener:)`` changes the one it came from.
        source = try Self.parsed(given.text)
        defaultAction = try Self.action(source["defaultAction"], errno: source["defaultErrnoRet"])
        let words = source["architectures"]?.elements.compactMap { $0.string } ?? []
        var architectures = words.compactMap { Architecture(named: $0) }
        if let native = Architecture.native, !architectures.contains(native) { architectures.insert(native, at: 0) }
        self.architectures = architectures
        multiplexers = Multiplexer.names.filter { name in architectures.contains { $0.number(of: name) != nil } }
        rules = try (source["syscalls"]?.elements ?? []).map { (rule) throws(Failure) in try Self.rule(rule) }
        hasListener =
            !(source["listenerPath"]?.string ?? "").isEmpty
            || rules.contains { $0.source["action"]?.string == Self.notify }
        var byName: [String: [Int]] = [:]
        for (index, rule) in rules.enumerated() {
            for name in rule.names { byName[name, default: []].append(index) }
        }
        rulesByName = byName
    }

    /// The profile of a container that has none.
    package static func unconfined() throws(Failure) -> SeccompProfile {
        let names = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]
        let all = Architecture.native?.name == names[0] ? names : [Architecture.native?.name].compactMap { $0 }
        let text = """
            {"defaultAction":"SCMP_ACT_ALLOW","architectures":[\(all.map(JSONValue.quoted).joined(separator: ","))]}
            """
        return try SeccompProfile(JSONValue(parsing: Array(text.utf8), subject: "seccomp"))
    }

    static let notify = "SCMP_ACT_NOTIFY"

    private static func action(_ word: JSONValue?, errno: JSONValue?) throws(Failure) -> Action {
        switch word?.string {
        case "SCMP_ACT_ALLOW": return .allow
        case "SCMP_ACT_LOG": return .log
        case "SCMP_ACT_ERRNO":
            guard let errno else { return .errno(notPermitted) }
            guard let code = errno.integer, (0...largestErrno).contains(code) else {
                throw Failure(.invalidArgument, "seccomp errno \(String(decoding: errno.text, as: UTF8.self))")
            }
            return .errno(Int32(code))
        case "SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD": return .killThread
        case "SCMP_ACT_KILL_PROCESS": return .killProcess
        case "SCMP_ACT_TRAP": return .trap
        case "SCMP_ACT_TRACE", notify: return .other
        case let word: throw Failure(.invalidArgument, "seccomp action \(Log.quoted(word ?? ""))")
        }
    }

    private static func rule(_ source: JSONValue) throws(Failure) -> Rule {
        var conditions: [ArgumentCondition] = []
        for argument in source["args"]?.elements ?? [] {
            guard let index = argument["index"]?.integer, (0...5).contains(index),
                let operation = argument["op"]?.string.flatMap({ ArgumentCondition.Operation(rawValue: $0) })
            else { throw Failure(.invalidArgument, "seccomp args \(String(decoding: argument.text, as: UTF8.self))") }
            conditions.append(
                ArgumentCondition(
                    Int(index), operation, argument["value"]?.unsigned ?? 0, argument["valueTwo"]?.unsigned ?? 0))
        }
        // Runtimes make several rules of one that compares an argument twice.
        let isOne = Set(conditions.map { $0.index }).count == conditions.count
        return Rule(
            names: source["names"]?.elements.compactMap { $0.string } ?? [],
            action: try action(source["action"], errno: source["errnoRet"]),
            alternatives: isOne ? [conditions] : conditions.map { [$0] }, source: source)
    }

    /// The rules that name a call, but for those that say the same as the default.
    func rules(for name: String) -> [Rule] {
        (rulesByName[name] ?? []).lazy.map { rules[$0] }.filter { $0.action != defaultAction }
    }

    var names: Set<String> { Set(rulesByName.keys) }

    /// What becomes of a call, whatever its arguments are; nil if that depends, or is for libseccomp to say.
    func action(of name: String) -> Action? {
        guard !isMultiplexed(name) else { return nil }
        let rules = rules(for: name)
        guard let action = rules.first?.action else { return defaultAction }
        return rules.allSatisfy { $0.isUnconditional && $0.action == action } ? action : nil
    }

    /// Whether it stands for other calls on one of the architectures, or another for it: there its rules know nothing of
    /// its first argument.
    func isMultiplexed(_ name: String) -> Bool {
        Multiplexer.name(for: name).map { multiplexers.contains($0) } ?? false
    }

    /// The rules of all calls that ``action(of:)`` does not know, as the profile has them.
    var entangledRules: [(name: String, rule: Rule)] {
        let plain = names.filter { action(of: $0) != nil }
        return rules.filter { $0.action != defaultAction }.flatMap { rule in
            rule.names.lazy.filter { !plain.contains($0) }.map { ($0, rule) }
        }
    }
}
