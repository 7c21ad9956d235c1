import Testing
import _Concurrency

@testable import Reactor

@Loop
struct TurnsTests {
    @Test func `who comes first is first, and nobody has a turn in another's`() async {
        let turns = Turns()
        var told: [String] = []
        #expect(await turns.begin())
        for name in ["one", "two", "three"] {
            Loop.start {
                #expect(await turns.begin(within: .seconds(60)))
                told.append("\(name) begins")
                await Reactor.shared.sleep(.milliseconds(1))
                told.append("\(name) ends")
                turns.end()
            }
        }
        await Reactor.shared.sleep(.milliseconds(1))
        #expect(told == [])
        turns.end()
        while turns.isTaken { await Reactor.shared.sleep(.milliseconds(1)) }
        #expect(told == ["one begins", "one ends", "two begins", "two ends", "three begins", "three ends"])
    }

    @Test func `who has waited long enough has no turn, and the next one has it`() async {
        let turns = Turns()
        var told: [String] = []
        #expect(await turns.begin())
        Loop.start { told.append("short \(await turns.begin(within: .milliseconds(1)))") }
        Loop.start { told.append("long \(await turns.begin())") }
        while told.isEmpty { await Reactor.shared.sleep(.milliseconds(1)) }
        #expect(told == ["short false"])
        turns.end()
        while told.count < 2 { await Reactor.shared.sleep(.milliseconds(1)) }
        #expect(told == ["short false", "long true"])
        #expect(turns.isTaken)
        turns.end()
        #expect(!turns.isTaken)
    }
}
