import Testing

@testable import Seccomp

@Suite struct ArgumentConditionTests {
    /// Values at which conditions change their minds, of 32 bits and more.
    private static let values: [UInt64] =
        [0, 1, 7, 8, 9, 37, 38, 39, 40, 41, 0x1ffff, 0x20000, 0x20008, 0x20009, 0xffff_fffe, 0xffff_ffff]
        + (0..<64).map { UInt64(1) << UInt64($0) } + [0x1_0000_0001, .max, 0x7e02_0000, 0x7c02_0011]

    private func expectComplement(
        _ alternatives: [[ArgumentCondition]], values: [UInt64] = values,
        _ location: SourceLocation = #_sourceLocation
    ) throws {
        let rest = try #require(Complement.of(alternatives), sourceLocation: location)
        for narrow in [false, true] {
            for first in values {
                for second in [0, first, 5] as [UInt64] {
                    let arguments = [first, second]
                    let matches = alternatives.contains { $0.allSatisfy { $0.holds(arguments, narrow: narrow) } }
                    let isLeft = rest.contains { $0.holds(arguments, narrow: narrow) }
                    #expect(matches != isLeft, "\(first) \(second) narrow: \(narrow)", sourceLocation: location)
                }
            }
        }
    }

    @Test(arguments: [
        ArgumentCondition(0, .equal, 40), ArgumentCondition(0, .notEqual, 40), ArgumentCondition(0, .less, 38),
        ArgumentCondition(0, .lessOrEqual, 38), ArgumentCondition(0, .greater, 38),
        ArgumentCondition(0, .greaterOrEqual, 38), ArgumentCondition(0, .equal, 0),
        ArgumentCondition(0, .equal, 0xffff_ffff), ArgumentCondition(0, .maskedEqual, 0x7e02_0000, 0),
        ArgumentCondition(0, .maskedEqual, 0x7e02_0000, 0x7c02_0000), ArgumentCondition(1, .equal, 5),
    ])
    func `what a condition leaves is the rest, also of 32 bits`(condition: ArgumentCondition) throws {
        try expectComplement([[condition]])
    }

    @Test func `of several values of one argument it is what is between`() throws {
        try expectComplement([0, 8, 0x20000, 0x20008, 0xffff_ffff].map { [ArgumentCondition(0, .equal, $0)] })
        try expectComplement([
            [ArgumentCondition(0, .less, 38)], [ArgumentCondition(0, .equal, 39)], [ArgumentCondition(0, .greater, 40)],
        ])
    }

    @Test func `of a conjunction it is what any part leaves`() throws {
        try expectComplement([[ArgumentCondition(0, .equal, 8), ArgumentCondition(1, .notEqual, 5)]])
    }

    @Test(arguments: [
        // Two arguments in two rules; a mask beside a value; more than 32 bits, which are fewer for other processors.
        [[ArgumentCondition(0, .equal, 1)], [ArgumentCondition(1, .equal, 1)]],
        [[ArgumentCondition(0, .equal, 1)], [ArgumentCondition(0, .maskedEqual, 6, 2)]],
        [[ArgumentCondition(0, .equal, 1 << 40)]], [[ArgumentCondition(0, .maskedEqual, 1 << 40, 0)]],
        // A condition that never holds, and one that always does.
        [[ArgumentCondition(0, .maskedEqual, 1, 2)]], [],
    ])
    func `what cannot be said is not said`(alternatives: [[ArgumentCondition]]) {
        #expect(Complement.of(alternatives) == nil)
    }

    @Test func `a rule that always holds leaves nothing`() {
        #expect(Complement.of([[ArgumentCondition(0, .greaterOrEqual, 0)]]) == [])
    }
}

extension ArgumentCondition {
    /// Whether it holds; `narrow`: of an argument of 32 bits.
    fileprivate func holds(_ arguments: [UInt64], narrow: Bool) -> Bool {
        let bits: UInt64 = narrow ? 0xffff_ffff : .max
        let (argument, value) = (arguments[index] & bits, value & bits)
        return switch operation {
        case .notEqual: argument != value
        case .less: argument < value
        case .lessOrEqual: argument <= value
        case .equal: argument == value
        case .greaterOrEqual: argument >= value
        case .greater: argument > value
        case .maskedEqual: argument & value == second & bits
        }
    }
}
