import CSeccomp
package import Linux

/// The program that libseccomp makes of a profile as it stands, for the runtime and for us, carried out on the registers of a call.
///
/// So it is libseccomp's word how several rules for one call stand to each other, what they mean for calls that stand for
/// many, and how wide an argument is. The program has the rules of those calls alone of which one cannot tell otherwise
/// (``SeccompProfile/action(of:)``): of all it takes libseccomp tens of milliseconds.
package struct SeccompFilter {
    private let profile: SeccompProfile
    /// BPF (bpf(4)): each an operation, two jumps of a comparison, and a number.
    private let instructions: [UInt64]

    private static let largest = 4096 * 8  // the kernel's BPF_MAXINSNS
    private static let alreadyThere: Int32 = -17  // EEXIST

    package init(_ profile: SeccompProfile) throws(Failure) {
        guard let context = unsafe seccomp_init(profile.defaultAction.word) else {
            throw Failure(.resourceExhausted, "seccomp: no memory")
        }
        // SAFETY: it is ours, and nobody has it after.
        defer { unsafe seccomp_release(context) }
        for architecture in profile.architectures {
            let result = unsafe seccomp_arch_add(context, architecture.token)
            if result != Self.alreadyThere { try Self.check(result, architecture.name) }
        }
        for (name, rule) in profile.entangledRules {
            let number = unsafe seccomp_syscall_resolve_name(name)
            guard number != __NR_SCMP_ERROR else { continue }  // runtimes leave it out, too
            for alternative in rule.alternatives {
                let arguments = alternative.map { $0.comparison }
                try Self.check(
                    unsafe seccomp_rule_add_array(
                        context, rule.action.word, number, UInt32(arguments.count), arguments), name)
            }
        }
        self.profile = profile
        let file = try Files.inMemory([], named: "seccomp")
        try Self.check(unsafe seccomp_export_bpf(context, file.raw), "export")
        let bytes = try file.read(at: 0, atMost: Self.largest)
        instructions = stride(from: 0, to: bytes.count, by: 8).map { start in
            bytes[start..<min(start + 8, bytes.count)].reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
    }

    private static func check(_ result: Int32, _ subject: String) throws(Failure) {
        guard result < 0 else { return }
        throw Failure(.invalidArgument, errno: -result, "seccomp \(subject): libseccomp error \(-result)")
    }

    /// What becomes of a call, which has `number` in an architecture (AUDIT_ARCH_*).
    package func action(
        of name: String, audit: UInt32, number: Int32, _ arguments: [UInt64]
    ) -> SeccompProfile.Action {
        profile.action(of: name) ?? result(audit, number, arguments)
    }

    private func result(_ audit: UInt32, _ number: Int32, _ arguments: [UInt64]) -> SeccompProfile.Action {
        var accumulator: UInt32 = 0
        var next = 0
        while next < instructions.count {
            let instruction = instructions[next]
            let value = UInt32(truncatingIfNeeded: instruction >> 32)
            next += 1
            switch UInt16(truncatingIfNeeded: instruction) {
            case 0x20: accumulator = Self.word(at: value, audit, number, arguments)  // load
            case 0x54: accumulator &= value
            case 0x05: next += Int(value)
            case 0x15: next += Self.jump(instruction, accumulator == value)
            case 0x25: next += Self.jump(instruction, accumulator > value)
            case 0x35: next += Self.jump(instruction, accumulator >= value)
            case 0x06: return SeccompProfile.Action(word: value)
            default: return .killProcess  // libseccomp uses no other
            }
        }
        return .killProcess
    }

    private static func jump(_ instruction: UInt64, _ holds: Bool) -> Int {
        Int(UInt8(truncatingIfNeeded: instruction >> (holds ? 16 : 24)))
    }

    /// A word of the kernel's `struct seccomp_data`.
    private static func word(at offset: UInt32, _ audit: UInt32, _ number: Int32, _ arguments: [UInt64]) -> UInt32 {
        switch offset {
        case 0: return UInt32(bitPattern: number)
        case 4: return audit
        default:
            let index = Int(offset) / 8 - 2
            guard arguments.indices.contains(index) else { return 0 }
            let isFirst = offset % 8 == 0
            return UInt32(truncatingIfNeeded: arguments[index] >> (isFirst == (1.littleEndian == 1) ? 0 : 32))
        }
    }
}

extension SeccompProfile.Action {
    /// As libseccomp has it.
    fileprivate var word: UInt32 {
        switch self {
        case .allow: SCMP_ACT_ALLOW
        case .log: SCMP_ACT_LOG
        case .errno(let code): Self.errnos | UInt32(code)
        case .killProcess: SCMP_ACT_KILL_PROCESS
        case .killThread: SCMP_ACT_KILL_THREAD
        case .trap: SCMP_ACT_TRAP
        case .other: Self.traces
        }
    }

    fileprivate init(word: UInt32) {
        switch word & 0xffff_0000 {
        case SCMP_ACT_ALLOW: self = .allow
        case SCMP_ACT_LOG: self = .log
        case Self.errnos: self = .errno(Int32(word & 0xffff))
        case SCMP_ACT_KILL_THREAD: self = .killThread
        case SCMP_ACT_TRAP: self = .trap
        case Self.traces: self = .other
        default: self = .killProcess
        }
    }

    private static let errnos: UInt32 = 0x0005_0000
    private static let traces: UInt32 = 0x7ff0_0000
}

extension ArgumentCondition {
    fileprivate var comparison: scmp_arg_cmp {
        scmp_arg_cmp(arg: UInt32(index), op: operation.comparison, datum_a: value, datum_b: second)
    }
}

extension ArgumentCondition.Operation {
    fileprivate var comparison: scmp_compare {
        switch self {
        case .notEqual: SCMP_CMP_NE
        case .less: SCMP_CMP_LT
        case .lessOrEqual: SCMP_CMP_LE
        case .equal: SCMP_CMP_EQ
        case .greaterOrEqual: SCMP_CMP_GE
        case .greater: SCMP_CMP_GT
        case .maskedEqual: SCMP_CMP_MASKED_EQ
        }
    }
}
