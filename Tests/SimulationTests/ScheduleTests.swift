import Reactor
import Testing

/// `make simulate` runs millions of these; here are two thousand, the same each time.
@Loop
struct ScheduleTests {
    @Test func `whatever happens in whatever order, what is told is true, whole and in order`() {
        for seed: UInt64 in 1...800 {
            let schedule = Schedule(seed: seed)
            guard let violation = schedule.violation else { continue }
            Issue.record("seed \(seed): \(violation); make simulate SEED=\(seed) shows how")
            return
        }
    }

    @Test func `whoever writes and reads in whatever order, bytes come in order or are counted`() {
        for seed: UInt64 in 1...1200 {
            let stream = Stream(seed: seed)
            guard let violation = stream.violation else { continue }
            Issue.record("seed \(seed): \(violation); make simulate SEED=\(seed) shows how")
            return
        }
    }

    @Test func `a seed gives the same schedule each time`() {
        for seed: UInt64 in 1...20 {
            #expect(Schedule(seed: seed, isTracing: true).trace == Schedule(seed: seed, isTracing: true).trace)
        }
    }
}
