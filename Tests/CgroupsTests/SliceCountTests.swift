import Linux
import Testing

@testable import Cgroups

struct SliceCountTests {
    @Test func `a kill that no container is known to have had is others'`() {
        var count = SliceCount(kills: 7)
        #expect(count.settle(slice: 7, containers: 0) == false)
        #expect(count.settle(slice: 8, containers: 0) == true)
        #expect(count.settle(slice: 8, containers: 0) == false)
    }

    @Test func `one that a container has had is not`() {
        var count = SliceCount(kills: 7)
        count.add(0)
        #expect(count.settle(slice: 8, containers: 1) == false)
        #expect(count.settle(slice: 10, containers: 2) == true)
        #expect(count.settle(slice: 10, containers: 2) == false)
    }

    @Test func `what a container has had before it is read, and after, changes nothing`() {
        var count = SliceCount(kills: 7)
        count.add(3)
        #expect(count.settle(slice: 7, containers: 3) == false)
        #expect(count.settle(slice: 9, containers: 5) == false)
        count.remove(5)
        #expect(count.settle(slice: 9, containers: 0) == false)
        #expect(count.settle(slice: 10, containers: 0) == true)
    }

    @Test func `a slice that was read before the kill which a container has is not short of it later`() {
        var count = SliceCount(kills: 7)
        count.add(0)
        #expect(count.settle(slice: 7, containers: 1) == false)
        #expect(count.settle(slice: 8, containers: 1) == false)
        #expect(count.settle(slice: 9, containers: 1) == true)
    }

    @Test func `a slice that does not count what is below it knows of nothing`() {
        var count = SliceCount(kills: 0)
        count.add(0)
        #expect(count.settle(slice: 0, containers: 4) == false)
        count.remove(4)
        #expect(count.settle(slice: 0, containers: 0) == false)
    }

    @Test func `a kill is a reason to look, and nothing else is`() {
        var count = SliceCount(kills: 7)
        #expect(count.woken(slice: 7, at: 0) == nil)
        #expect(count.woken(slice: 8, at: 1) == .look)
        _ = count.settle(slice: 8, containers: 0)
        #expect(count.woken(slice: 8, at: 2) == nil)
    }

    @Test func `of limits that are hit all the time is heard now and then`() {
        var count = SliceCount(kills: 7)
        let often = Duration.milliseconds(10).nanoseconds
        var now: Int64 = 0
        func word(_ kills: UInt64, after delay: Int64) -> SliceCount.Action? {
            now += delay
            return count.woken(slice: kills, at: now)
        }
        for _ in 0..<SliceCount.patience { #expect(word(7, after: often) == nil) }
        #expect(word(7, after: often) == .pause)
        // It goes on.
        #expect(word(7, after: SliceCount.pause.nanoseconds) == .pause)
        #expect(word(8, after: SliceCount.pause.nanoseconds) == .look)
        _ = count.settle(slice: 8, containers: 0)
        for _ in 0..<SliceCount.patience { #expect(word(8, after: often) == nil) }
        #expect(word(8, after: often) == .pause)
        // It has ended.
        #expect(word(8, after: SliceCount.pause.nanoseconds * 3) == nil)
    }
}
