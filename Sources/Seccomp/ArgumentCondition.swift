/// One comparison of a call's argument (OCI runtime specification, `linux.seccomp.syscalls[].args`).
package struct ArgumentCondition: Equatable {
    package enum Operation: String {
        case notEqual = "SCMP_CMP_NE"
        case less = "SCMP_CMP_LT"
        case lessOrEqual = "SCMP_CMP_LE"
        case equal = "SCMP_CMP_EQ"
        case greaterOrEqual = "SCMP_CMP_GE"
        case greater = "SCMP_CMP_GT"
        /// The argument and ``value`` are ``second``.
        case maskedEqual = "SCMP_CMP_MASKED_EQ"
    }

    /// 0 to 5.
    package let index: Int
    package let operation: Operation
    package let value: UInt64
    package let second: UInt64

    package init(_ index: Int, _ operation: Operation, _ value: UInt64, _ second: UInt64 = 0) {
        self.index = index
        self.operation = operation
        self.value = value
        self.second = second
    }

    /// As the specification writes it.
    package var json: String {
        "{\"index\":\(index),\"value\":\(value),\"valueTwo\":\(second),\"op\":\"\(operation.rawValue)\"}"
    }
}

/// What none of some conditions matches, said in conditions.
///
/// A filter cannot say "otherwise" of one call, and libseccomp compares an argument once in a rule. So what is left is
/// said in ranges and in patterns of bits. All of them mean the same for arguments of 32 bits, where libseccomp leaves
/// out the upper half of each number.
enum Complement {
    /// How many rules one call may take.
    private static let limit = 192
    private static let largest: UInt64 = 0xffff_ffff

    /// Conditions, each a rule of its own, of which one holds exactly if none of `alternatives` does; nil if that
    /// cannot be said. An alternative holds if all of its conditions do, and has each argument once.
    static func of(_ alternatives: [[ArgumentCondition]]) -> [ArgumentCondition]? {
        guard let first = alternatives.first else { return nil }
        if alternatives.count == 1 {
            var all: [ArgumentCondition] = []
            for condition in first {
                guard let some = of(condition) else { return nil }
                all += some
            }
            return all.count <= limit ? all : nil
        }
        guard let index = first.first?.index,
            alternatives.allSatisfy({ $0.count == 1 && $0[0].index == index && $0[0].operation != .maskedEqual })
        else { return nil }
        return conditions(index, outside: alternatives.flatMap { ranges($0[0]) })
    }

    private static func of(_ condition: ArgumentCondition) -> [ArgumentCondition]? {
        guard condition.value <= largest else { return nil }
        guard condition.operation == .maskedEqual else {
            return conditions(condition.index, outside: ranges(condition))
        }
        guard condition.second & ~condition.value == 0 else { return nil }
        return (0..<32).map { UInt64(1) << UInt64($0) }.filter { condition.value & $0 != 0 }
            .map { ArgumentCondition(condition.index, .maskedEqual, $0, $0 & ~condition.second) }
    }

    /// What it holds for.
    private static func ranges(_ condition: ArgumentCondition) -> [ClosedRange<UInt64>] {
        let value = condition.value
        let below = value == 0 ? [] : [0...(value - 1)]
        let above = value == .max ? [] : [(value + 1)...UInt64.max]
        return switch condition.operation {
        case .notEqual: below + above
        case .less: below
        case .lessOrEqual: [0...value]
        case .equal: [value...value]
        case .greaterOrEqual: [value...UInt64.max]
        case .greater: above
        case .maskedEqual: []
        }
    }

    private static func conditions(_ index: Int, outside ranges: [ClosedRange<UInt64>]) -> [ArgumentCondition]? {
        var all: [ArgumentCondition] = []
        var next: UInt64 = 0
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if range.lowerBound > next {
                guard let some = conditions(index, next, range.lowerBound - 1) else { return nil }
                all += some
            }
            guard range.upperBound < .max else { return all.count <= limit ? all : nil }
            next = max(next, range.upperBound + 1)
        }
        guard let some = conditions(index, next, .max) else { return nil }
        return all.count + some.count <= limit ? all + some : nil
    }

    private static func conditions(_ index: Int, _ low: UInt64, _ high: UInt64) -> [ArgumentCondition]? {
        if high == .max {
            if low == 0 { return nil }
            if low <= largest { return [ArgumentCondition(index, .greaterOrEqual, low)] }
            return low == largest + 1 ? [ArgumentCondition(index, .greater, largest)] : nil
        }
        guard high <= largest else { return nil }
        if low == high { return [ArgumentCondition(index, .equal, low)] }
        if low == 0 { return [ArgumentCondition(index, .lessOrEqual, high)] }
        var all: [ArgumentCondition] = []
        var next = low
        while next <= high {
            // The largest block that begins here and ends in time.
            var size = next & (~next + 1)
            while next + (size - 1) > high { size >>= 1 }
            all.append(ArgumentCondition(index, .maskedEqual, ~(size - 1), next))
            next += size
        }
        return all
    }
}
