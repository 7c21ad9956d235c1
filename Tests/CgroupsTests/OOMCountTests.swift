import Linux
import Testing

@testable import Cgroups

struct OOMCountTests {
    private func reading(_ kills: UInt64) -> OOMCount.Reading { OOMCount.Reading(kills: kills) }

    @Test func `each growth is told once, however much it is`() {
        var count = OOMCount(.countedThenTold, after: reading(0))
        #expect(count.on(.woken(reading(1))) == [.tell])
        #expect(count.on(.woken(reading(1))) == [])
        #expect(count.on(.looked(reading(1))) == [])
        #expect(count.on(.looked(reading(5))) == [.tell])
        #expect(count.on(.woken(reading(5))) == [])
    }

    @Test func `what was before is not told`() {
        var count = OOMCount(.countedThenTold, after: reading(3))
        #expect(count.on(.looked(reading(3))) == [])
        #expect(count.on(.woken(reading(4))) == [.tell])
    }

    @Test func `a limit that was hit without a kill is nothing in version 2`() {
        var count = OOMCount(.countedThenTold, after: reading(0))
        #expect(count.on(.woken(reading(0))) == [])
    }

    @Test func `version 1 tells before it kills, so it is looked again, and then no more`() {
        var count = OOMCount(.toldThenCounted, after: reading(0))
        #expect(count.on(.woken(reading(0))) == [.lookAgain(after: OOMCount.delays[0])])
        #expect(count.on(.lookedAgain(reading(0))) == [.lookAgain(after: OOMCount.delays[1])])
        #expect(count.on(.lookedAgain(reading(1))) == [.tell, .lookAgain(after: OOMCount.delays[2])])
        #expect(count.on(.lookedAgain(reading(1))) == [])
    }

    @Test func `in version 1 a second word may have come with the first, and its kill comes later`() {
        var count = OOMCount(.toldThenCounted, after: reading(0))
        #expect(count.on(.woken(reading(1))) == [.tell, .lookAgain(after: OOMCount.delays[0])])
        #expect(count.on(.lookedAgain(reading(2))) == [.tell, .lookAgain(after: OOMCount.delays[1])])
        #expect(count.on(.woken(reading(2))) == [.lookAgain(after: OOMCount.delays[0])])
    }

    @Test func `where nobody may be killed, standing still is told`() {
        var count = OOMCount(.toldThenCounted, after: reading(0))
        let stuck = OOMCount.Reading(kills: 0, isStuck: true)
        #expect(count.on(.woken(stuck)) == [.tell, .lookAgain(after: OOMCount.delays[0])])
        #expect(count.on(.lookedAgain(stuck)) == [.lookAgain(after: OOMCount.delays[1])])
        #expect(count.on(.looked(stuck)) == [])
    }

    @Test func `in version 1 each cgroup below has kills of its own, and takes them with it`() throws {
        let scratch = try Scratch(["a": "", "b": ""])
        let first = try #require(Files.identity(of: "\(scratch.path)/a"))
        let second = try #require(Files.identity(of: "\(scratch.path)/b"))
        func reading(_ kills: UInt64, _ below: [(Files.Identity, UInt64)]) -> OOMCount.Reading {
            OOMCount.Reading(kills: kills, below: below.map { OOMCount.Below(cgroup: $0.0, kills: $0.1) })
        }
        var count = OOMCount(.toldThenCounted, after: reading(1, [(first, 2)]))
        #expect(count.on(.looked(reading(1, [(first, 2)]))) == [])
        #expect(count.on(.looked(reading(1, [(first, 3)]))) == [.tell])
        #expect(count.on(.looked(reading(1, [(second, 1), (first, 3)]))) == [.tell])
        // As many as before, and another's.
        #expect(count.on(.looked(reading(1, [(second, 4)]))) == [.tell])
        #expect(count.on(.looked(reading(1, []))) == [])
        #expect(count.on(.looked(reading(1, [(first, 1)]))) == [.tell])
        #expect(count.on(.looked(reading(2, []))) == [.tell])
    }

    @Test(arguments: [(OOMCount.Order.countedThenTold, true), (.countedThenTold, false), (.toldThenCounted, false)])
    func `a removed cgroup may have had a kill, and nothing comes after it`(
        order: OOMCount.Order, hasUnreadKill: Bool
    ) {
        var count = OOMCount(order, after: reading(0))
        let actions = count.on(.removed(hasUnreadKill: hasUnreadKill, isExpected: false))
        #expect(actions == (hasUnreadKill ? [.tell, .end] : [.end]))
        #expect(count.on(.removed(hasUnreadKill: true, isExpected: false)) == [])
        #expect(count.on(.woken(reading(9))) == [])
        #expect(count.on(.looked(reading(9))) == [])
        #expect(count.on(.lookedAgain(reading(9))) == [])
    }

    private func atRemoval(
        _ order: OOMCount.Order, after events: [OOMCount.Event], hasUnreadKill: Bool = false, isExpected: Bool = false
    ) -> [OOMCount.Action] {
        var count = OOMCount(order, after: reading(0))
        for event in events { _ = count.on(event) }
        return count.on(.removed(hasUnreadKill: hasUnreadKill, isExpected: isExpected))
    }

    @Test func `in version 1 a kill that was told, and not counted before the cgroup was removed, is one`() {
        #expect(atRemoval(.toldThenCounted, after: [.woken(reading(0))]) == [.tell, .end])
        #expect(atRemoval(.toldThenCounted, after: [.woken(reading(0)), .looked(reading(0))]) == [.tell, .end])
        #expect(atRemoval(.toldThenCounted, after: [.woken(reading(0)), .lookedAgain(reading(0))]) == [.tell, .end])
        #expect(atRemoval(.toldThenCounted, after: [.woken(reading(1)), .woken(reading(1))]) == [.tell, .end])
        #expect(atRemoval(.countedThenTold, after: [.woken(reading(0))]) == [.end])
    }

    @Test func `one that was counted, or has not come for long, or cannot come, is not told once more`() throws {
        let scratch = try Scratch()
        let cgroup = try #require(Files.identity(of: scratch.path))
        let below = OOMCount.Reading(kills: 0, below: [OOMCount.Below(cgroup: cgroup, kills: 1)])
        let stuck = OOMCount.Reading(kills: 0, isStuck: true)
        for events: [OOMCount.Event] in [
            [.woken(reading(1))], [.woken(reading(0)), .looked(reading(1))], [.woken(reading(0)), .lookedAgain(below)],
            [.woken(reading(0))] + OOMCount.delays.map { _ in .lookedAgain(reading(0)) }, [.woken(stuck)],
        ] { #expect(atRemoval(.toldThenCounted, after: events) == [.end]) }
    }

    @Test func `an end that was expected needs no kill`() {
        #expect(atRemoval(.countedThenTold, after: [], hasUnreadKill: true, isExpected: true) == [.end])
        #expect(atRemoval(.toldThenCounted, after: [.woken(reading(0))], isExpected: true) == [.end])
    }

    @Test func `while those below cannot be read, what is known of them stays`() throws {
        let scratch = try Scratch()
        let cgroup = try #require(Files.identity(of: scratch.path))
        func reading(_ kills: UInt64, below: UInt64?) -> OOMCount.Reading {
            OOMCount.Reading(kills: kills, below: below.map { [OOMCount.Below(cgroup: cgroup, kills: $0)] })
        }
        var count = OOMCount(.toldThenCounted, after: reading(0, below: 2))
        #expect(count.on(.looked(reading(0, below: nil))) == [])
        #expect(count.on(.looked(reading(0, below: 2))) == [])
        #expect(count.on(.looked(reading(1, below: nil))) == [.tell])
        #expect(count.on(.looked(reading(1, below: 3))) == [.tell])
    }
}
