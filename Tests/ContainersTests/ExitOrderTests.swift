import Linux
import Testing

@testable import Containers

struct ExitOrderTests {
    private let exit = Exit(status: 7, time: Timestamp(seconds: 1, nanoseconds: 2))

    @Test func `without execs init's exit is told at once, and once`() {
        var order = ExitOrder()
        #expect(order.on(.initEnded(exit)) == [.publishInit(exit)])
        #expect(order.on(.initEnded(exit)) == [])
        #expect(order.on(.deadline) == [])
    }

    @Test func `init's exit is told after its execs'`() {
        var order = ExitOrder()
        #expect(order.on(.execStarting("a")) == [])
        #expect(order.on(.execStarting("b")) == [])
        #expect(order.on(.initEnded(exit)) == [.armDeadline])
        #expect(order.unfinished == ["a", "b"])
        #expect(order.on(.execEnded("a")) == [])
        #expect(order.on(.initEnded(Exit(status: 0, time: .never))) == [])
        #expect(order.on(.execEnded("b")) == [.publishInit(exit)])
        #expect(order.on(.execEnded("b")) == [])
        #expect(order.on(.deadline) == [])
        #expect(order.unfinished == [])
    }

    @Test func `execs that ended before hold nothing up`() {
        var order = ExitOrder()
        _ = order.on(.execStarting("a"))
        #expect(order.on(.execEnded("a")) == [])
        #expect(order.on(.initEnded(exit)) == [.publishInit(exit)])
    }

    @Test func `an exec that is started again is one that runs`() {
        var order = ExitOrder()
        _ = order.on(.execStarting("a"))
        _ = order.on(.execEnded("a"))
        _ = order.on(.execStarting("a"))
        #expect(order.on(.initEnded(exit)) == [.armDeadline])
        #expect(order.on(.execEnded("a")) == [.publishInit(exit)])
    }

    @Test func `an exec that is started while init's exit waits is waited for too`() {
        var order = ExitOrder()
        _ = order.on(.execStarting("a"))
        _ = order.on(.initEnded(exit))
        #expect(order.on(.execStarting("b")) == [])
        #expect(order.on(.execEnded("a")) == [])
        #expect(order.on(.execEnded("b")) == [.publishInit(exit)])
    }

    @Test func `init's exit does not wait for ever`() {
        var order = ExitOrder()
        _ = order.on(.execStarting("a"))
        _ = order.on(.initEnded(exit))
        #expect(order.on(.deadline) == [.publishInit(exit)])
        #expect(order.on(.deadline) == [])
        #expect(order.unfinished == ["a"])
        #expect(order.on(.execEnded("a")) == [])
        #expect(order.unfinished == [])
    }

    @Test func `a deadline before init's exit means nothing`() {
        var order = ExitOrder()
        _ = order.on(.execStarting("a"))
        #expect(order.on(.deadline) == [])
        #expect(order.on(.execEnded("a")) == [])
        #expect(order.on(.initEnded(exit)) == [.publishInit(exit)])
    }
}
