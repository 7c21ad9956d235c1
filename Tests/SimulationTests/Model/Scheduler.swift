import Reactor

/// Numbers that are those of their seed, on every machine (SplitMix64).
struct Random {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    private mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    /// From 0 to `bound` - 1.
    mutating func number(below bound: Int) -> Int { Int(next() % UInt64(bound)) }

    mutating func isOne(in number: Int) -> Bool { self.number(below: number) == 0 }
}

/// Decides what happens next, by its seed alone: a clock that stands still unless nothing else happens, and
/// what may happen.
///
/// What always holds: what the loop finds ready (``soon(_:_:)``) comes before the clock goes on, in any order; what
/// others do (``sometime(_:_:)``) comes when it wants, so two such steps that have an order must follow each other.
@Loop
final class Scheduler {
    struct Timer {
        fileprivate let number: Int
    }

    private struct Step {
        let words: StaticString
        let run: @Loop () -> Void
    }

    private struct Deadline {
        let due: Int64
        let number: Int
        let step: Step
    }

    var random: Random
    /// In milliseconds.
    private(set) var now: Int64 = 0
    private(set) var trace: [String] = []
    /// The first rule that was broken.
    private(set) var violation: String?
    private let isTracing: Bool
    private var ready: [Step] = []
    private var possible: [Step] = []
    private var deadlines: [Deadline] = []
    private var last = 0

    init(seed: UInt64, isTracing: Bool) {
        random = Random(seed: seed)
        self.isTracing = isTracing
    }

    func soon(_ words: StaticString, _ run: @escaping @Loop () -> Void) { ready.append(Step(words: words, run: run)) }

    func sometime(_ words: StaticString, _ run: @escaping @Loop () -> Void) {
        possible.append(Step(words: words, run: run))
    }

    @discardableResult
    func after(_ milliseconds: Int64, _ words: StaticString, _ run: @escaping @Loop () -> Void) -> Timer {
        last += 1
        deadlines.append(Deadline(due: now + milliseconds, number: last, step: Step(words: words, run: run)))
        return Timer(number: last)
    }

    func cancel(_ timer: Timer) { deadlines.removeAll { $0.number == timer.number } }

    /// Lets one thing happen; false if nothing can.
    func step() -> Bool {
        if !ready.isEmpty, possible.isEmpty || !random.isOne(in: 4) {
            perform(take(from: &ready))
        } else if let next = nextDeadline(), ready.isEmpty, possible.isEmpty || isSoonEnough(deadlines[next]) {
            let deadline = deadlines.remove(at: next)
            now = deadline.due
            perform(deadline.step)
        } else if !possible.isEmpty {
            perform(take(from: &possible))
        } else {
            return false
        }
        return true
    }

    private func nextDeadline() -> Int? {
        guard var next = deadlines.indices.first else { return nil }
        for index in deadlines.indices where deadlines[index].due < deadlines[next].due { next = index }
        return next
    }

    /// Whether it comes before what else may happen. The further away it is, the less likely that is.
    private func isSoonEnough(_ deadline: Deadline) -> Bool {
        let limits: [Int64] = [0, 0, 10, 10, 100, 100, 1000, 3000, 15_000]
        let limit = random.isOne(in: 100) ? 200_000 : limits[random.number(below: limits.count)]
        return random.isOne(in: 2) && deadline.due <= now + limit
    }

    private func take(from steps: inout [Step]) -> Step {
        let index = random.number(below: steps.count)
        steps.swapAt(index, steps.count - 1)
        return steps.removeLast()
    }

    private func perform(_ step: Step) {
        note("\(step.words)")
        step.run()
    }

    func note(_ words: @autoclosure () -> String) {
        if isTracing { trace.append("\(now) ms: \(words())") }
    }

    func check(_ condition: Bool, _ words: @autoclosure () -> String) {
        guard !condition, violation == nil else { return }
        violation = words()
        note("BROKEN: \(words())")
    }

    /// Forgets what could still happen, and whoever it would happen to.
    func end() {
        ready = []
        possible = []
        deadlines = []
    }
}
