import Testing
import _Concurrency

@testable import Reactor

@Loop
struct GateTests {
    @Test func `all who wait go on when it opens, and who waited long enough before`() async {
        let gate = Gate()
        var told: [String] = []
        Loop.start { told.append("short \(await gate.opens(within: .milliseconds(1)))") }
        Loop.start { told.append("first \(await gate.opens(within: .seconds(60)))") }
        Loop.start { told.append("second \(await gate.opens(within: .seconds(60)))") }
        while told.isEmpty { await Reactor.shared.sleep(.milliseconds(1)) }
        #expect(told == ["short false"])
        gate.open()
        while told.count < 3 { await Reactor.shared.sleep(.milliseconds(1)) }
        #expect(told == ["short false", "first true", "second true"])
    }

    @Test func `who comes after it opened waits for the next time`() async {
        let gate = Gate()
        gate.open()
        #expect(await gate.opens(within: .milliseconds(1)) == false)
    }
}
