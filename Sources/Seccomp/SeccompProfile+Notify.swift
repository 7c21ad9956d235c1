package import JSON
package import Linux

/// Why somebody listens to what a profile denies.
package enum SeccompMode: String {
    /// What the profile denies is told, and denied.
    case audit
    /// Likewise, and the container is ended soon.
    case stop
    /// What it allows is told too, and allowed.
    case record
}

/// Profiles that ask a listener.
///
/// runc takes the listener for no default, and not for `write`, by which its init says that there is one. So the calls that
/// the default is for are named. It also answers ENOSYS by itself for calls newer than all that a profile names; those are
/// not named, or it would not.
extension SeccompProfile {
    /// A call that no kernel has, for the kernel to kill or trap by: ``Refusal`` says how. What a profile itself says of it
    /// is left out, for to libseccomp a rule without conditions takes the place of ours.
    static let stage = "afs_syscall"
    /// What runc's init, a program in Go, may call after its filter is in force and before it has handed over the listener:
    /// it would wait for an answer that nobody can give.
    private static let handover = Set(
        words(
            """
            epoll_pwait futex getpid gettid madvise mmap munmap nanosleep rt_sigprocmask rt_sigreturn sched_yield sendmsg sendto \
            tgkill write
            """))
    private static let untold = handover.union([stage])
    /// With it a thread that waits for an answer cannot be stopped (seccomp_unotify(2)), and so not killed or trapped by
    /// ``Refusal``. It means nothing without a listener.
    private static let killable = "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"

    /// Makes the profile in `configuration`, the text of a config.json, ask the listener at `path`, and leaves all else
    /// as it is. Nil if there is nothing to ask: runc makes no listener then.
    package func rewrite(
        _ configuration: JSONValue, for mode: SeccompMode, listener path: String
    ) throws(Failure) -> [UInt8]? {
        guard let linux = configuration["linux"], linux.isObject else {
            throw Failure(.invalidArgument, "config.json: no linux")
        }
        guard let rules = try mode == .record ? everything() : denials() else { return nil }
        if linux["seccomp"] == nil { linux.set("seccomp", to: try Self.parsed(source.text)) }
        guard let seccomp = linux["seccomp"] else { throw Failure(.resourceExhausted, "json: no memory") }
        if let flags = seccomp["flags"]?.elements.compactMap({ $0.string }), flags.contains(Self.killable) {
            let others = flags.filter { $0 != Self.killable }.map(JSONValue.quoted)
            seccomp.set("flags", to: try Self.parsed(Array("[\(others.joined(separator: ","))]".utf8)))
        }
        seccomp.set("listenerPath", to: try Self.parsed(Array(JSONValue.quoted(path).utf8)))
        seccomp.set("syscalls", to: try Self.parsed(Array("[\(rules.joined(separator: ","))]".utf8)))
        return configuration.text
    }

    /// Calls some of whose denials cannot be told: what their conditions leave cannot be said, or a runtime may need them.
    package var partlyUntold: [String] {
        let needed = Self.handover.filter { name in
            !allows(name) && (defaultAction.isDenial || rules(for: name).contains { $0.action.isDenial })
        }
        guard defaultAction.isDenial else { return needed.sorted() }
        return (needed + conditionalNames.filter { complement(of: $0) == nil }).sorted()
    }

    /// Nil if none can be told.
    private func denials() throws(Failure) -> [String]? {
        var all: [String] = []
        var asks = false
        // Runtimes leave out a rule that says the same as the default, which is told below.
        for rule in rules where rule.action != defaultAction {
            let names = rule.names.filter { $0 != Self.stage }
            guard rule.action.isDenial else {
                all += try rule.text(names: names)
                continue
            }
            let told = try rule.text(names: names.filter { !Self.untold.contains($0) }, action: Self.notify)
            asks = asks || !told.isEmpty
            all += told
            all += try rule.text(names: names.filter { Self.untold.contains($0) })
        }
        if defaultAction.isDenial {
            var told = Self.rule(unnamedCalls.filter { rules(for: $0).isEmpty })
            for name in conditionalNames {
                for condition in complement(of: name) ?? [] { told += Self.rule([name], condition) }
            }
            asks = asks || !told.isEmpty
            all += told
        }
        return asks ? all + stageRules : nil
    }

    private func everything() throws(Failure) -> [String] {
        // Of calls that stand for others each is told, whatever it stands for.
        let told = unnamedCalls + multiplexers.sorted()
        let isTold = Set(told)
        var all = Self.rule(told)
        for rule in rules {
            all += try rule.text(names: rule.names.filter { $0 != Self.stage && !isTold.contains($0) })
        }
        return all + stageRules
    }

    /// Whatever its arguments are.
    private func allows(_ name: String) -> Bool {
        let rules = rules(for: name)
        guard !rules.isEmpty else { return defaultAction.isGrant }
        return rules.first { $0.isUnconditional }?.action.isGrant ?? false
    }

    /// Whether all that is said of a call depends on its arguments.
    private func isConditional(_ name: String) -> Bool {
        let rules = rules(for: name)
        return !rules.isEmpty && !rules.contains { $0.isUnconditional }
    }

    /// The calls that can be told although no rule may name them.
    private var unnamedCalls: [String] {
        let newest = architectures.map { architecture in
            defaultAction.isDenial ? names.compactMap { architecture.number(of: $0) }.max() ?? -1 : .max
        }
        var all: Set<String> = []
        for architecture in architectures { all.formUnion(architecture.calls) }
        return all.subtracting(Self.untold).subtracting(Multiplexer.names).filter { name in
            zip(architectures, newest).allSatisfy { (architecture, newest) in
                architecture.number(of: name).map { $0 <= newest } ?? true
            }
        }.sorted()
    }

    /// Those of which the default denies what the conditions leave.
    private var conditionalNames: [String] {
        names.subtracting(Self.untold).filter { isConditional($0) }.sorted()
    }

    /// When the default is for this call of ``conditionalNames``; nil if that cannot be said. To libseccomp, several rules
    /// for a call that has no arguments, as where it is one of ``Multiplexer``'s, contradict each other.
    private func complement(of name: String) -> [ArgumentCondition]? {
        isMultiplexed(name) ? nil : Complement.of(rules(for: name).flatMap { $0.alternatives })
    }

    private var stageRules: [String] {
        Refusal.Manner.allCases.filter { manner in
            defaultAction != manner.action && rules.contains { $0.action == manner.action }
        }.flatMap {
            Self.rule([Self.stage], ArgumentCondition(0, .equal, $0.mark), action: $0.word)
        }
    }

    private static func rule(
        _ names: [String], _ condition: ArgumentCondition? = nil, action: String = notify
    ) -> [String] {
        guard !names.isEmpty else { return [] }
        let arguments = condition.map { ",\"args\":[\($0.json)]" } ?? ""
        let list = names.map(JSONValue.quoted).joined(separator: ",")
        return ["{\"names\":[\(list)],\"action\":\"\(action)\"\(arguments)}"]
    }

    static func parsed(_ text: [UInt8]) throws(Failure) -> JSONValue {
        try JSONValue(parsing: text, subject: "seccomp")
    }
}

extension SeccompProfile.Rule {
    /// The same rule for some of its calls, with another action if one is given; none for no calls.
    func text(names: [String], action: String? = nil) throws(Failure) -> [String] {
        guard !names.isEmpty else { return [] }
        let copy = try SeccompProfile.parsed(source.text)
        let list = "[\(names.map(JSONValue.quoted).joined(separator: ","))]"
        copy.set("names", to: try SeccompProfile.parsed(Array(list.utf8)))
        if let action {
            copy.set("action", to: try SeccompProfile.parsed(Array(JSONValue.quoted(action).utf8)))
            copy.remove("errnoRet")  // crun takes it with an errno alone
        }
        return [String(decoding: copy.text, as: UTF8.self)]
    }
}

/// The profile of what was seen.
extension SeccompProfile {
    /// Calls that a runtime's init may or may not make between its filter and the program, as Go's scheduler likes.
    private static let runtimes = handover.union(
        words(
            """
            brk clock_gettime clock_nanosleep clone close epoll_ctl execve exit exit_group fcntl fstat mprotect newfstatat openat \
            pipe2 read recvfrom rt_sigaction sigaltstack
            """))

    /// A profile that allows the calls `recorded`, what a runtime needs, and nothing else; never what this one denies.
    package func minimal(recorded: Set<String>) throws(Failure) -> [UInt8] {
        let wanted = recorded.union(Self.runtimes).union(multiplexers(for: recorded)).filter { !isEntangled($0) }
        var rules: [String] = []
        for rule in self.rules where rule.action != defaultAction {
            if rule.action.isDenial {
                rules.append(String(decoding: rule.source.text, as: UTF8.self))
            } else if rule.action.isGrant {
                rules += try rule.text(names: rule.names.filter { wanted.contains($0) && isConditional($0) })
            }
        }
        for name in wanted.sorted() where defaultAction.isGrant && isConditional(name) {
            // What its conditions leave. If that cannot be said, less is better than more.
            for condition in complement(of: name) ?? [] {
                rules += Self.rule([name], condition, action: "SCMP_ACT_ALLOW")
            }
        }
        rules += Self.rule(wanted.filter { allows($0) }.sorted(), action: "SCMP_ACT_ALLOW")
        let profile = try Self.parsed(source.text)
        if !defaultAction.isDenial {
            profile.set("defaultAction", to: try Self.parsed(Array("\"SCMP_ACT_ERRNO\"".utf8)))
        }
        profile.set("syscalls", to: try Self.parsed(Array("[\(rules.joined(separator: ","))]".utf8)))
        return profile.text
    }

    /// Those by which calls of `recorded` were allowed that have no rule of their own which allows them.
    private func multiplexers(for recorded: Set<String>) -> [String] {
        guard !defaultAction.isGrant else { return [] }
        return recorded.filter { name in !rules(for: name).contains { $0.action.isGrant } }
            .compactMap { Multiplexer.name(for: $0) }.filter { multiplexers.contains($0) }
    }

    /// Whether to allow this call would allow one that is denied: by the name of the one that stands for it, or for which it
    /// stands.
    private func isEntangled(_ name: String) -> Bool {
        guard defaultAction.isGrant, isMultiplexed(name), let multiplexer = Multiplexer.name(for: name) else {
            return false
        }
        return name == multiplexer
            ? names.contains { $0 != name && Multiplexer.name(for: $0) == name } : !rules(for: multiplexer).isEmpty
    }
}
