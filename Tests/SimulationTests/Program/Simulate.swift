import Linux
import Reactor

/// Runs schedules of the simulation: `SEEDS` of them from 1 on, or the one of `SEED` with all that happens in it.
@main
enum Simulate {
    static func main() async { await run() }

    @Loop
    private static func run() {
        if let seed = Process.environment("SEED").flatMap({ UInt64($0) }) {
            let (stream, schedule) = (Stream(seed: seed, isTracing: true), Schedule(seed: seed, isTracing: true))
            let violation = schedule.violation ?? stream.violation
            let words = stream.trace + schedule.trace + ["seed \(seed): \(violation ?? "nothing is broken")"]
            return end(words.joined(separator: "\n"), violation == nil)
        }
        let seeds = Process.environment("SEEDS").flatMap { UInt64($0) } ?? 1_000_000
        var (steps, longest, events) = (0, 0, 0)
        for seed in 1...max(seeds, 1) {
            let schedule = Schedule(seed: seed)
            let stream = Stream(seed: seed)
            if let violation = schedule.violation ?? stream.violation {
                return end("seed \(seed): \(violation)\nmake simulate SEED=\(seed) shows how it came to that", false)
            }
            steps += schedule.steps + stream.steps
            longest = max(longest, schedule.steps)
            events += schedule.events
        }
        end("\(seeds) schedules, \(steps) steps, the longest \(longest), \(events) events: nothing is broken", true)
    }

    private static func end(_ words: String, _ isGood: Bool) {
        let output = FileDescriptor(owning: 1)
        do throws(Failure) { try Files.writeAll(Array("\(words)\n".utf8), to: output, named: "stdout") } catch {}
        Process.exit(isGood ? 0 : 1)
    }
}
