import Linux
import Testing

@testable import Cgroups

struct SliceCountTests {
    /// Whether a container of which no kill is known, and which is found removed, had one.
    private func hasMore(_ count: inout SliceCount, slice: UInt64, containers: UInt64) -> Bool {
        count.settle(slice: slice, containers: containers, removed: [SliceCount.Removed(kills: 0)]) == [true]
    }

    @Test func `a kill that no container is known to have had is others'`() {
        var count = SliceCount(kills: 7)
        #expect(!hasMore(&count, slice: 7, containers: 0))
        #expect(hasMore(&count, slice: 8, containers: 0))
        #expect(!hasMore(&count, slice: 8, containers: 0))
    }

    @Test func `one that a container has had is not`() {
        var count = SliceCount(kills: 7)
        count.add(0)
        #expect(!hasMore(&count, slice: 8, containers: 1))
        #expect(hasMore(&count, slice: 10, containers: 2))
        #expect(!hasMore(&count, slice: 10, containers: 2))
    }

    @Test func `what a container has had before it is read, and after, changes nothing`() {
        var count = SliceCount(kills: 7)
        count.add(3)
        #expect(!hasMore(&count, slice: 7, containers: 3))
        #expect(!hasMore(&count, slice: 9, containers: 5))
        count.remove(5)
        #expect(!hasMore(&count, slice: 9, containers: 0))
        #expect(hasMore(&count, slice: 10, containers: 0))
    }

    @Test func `a slice that was read before the kill which a container has is not short of it later`() {
        var count = SliceCount(kills: 7)
        count.add(0)
        #expect(!hasMore(&count, slice: 7, containers: 1))
        #expect(!hasMore(&count, slice: 8, containers: 1))
        #expect(hasMore(&count, slice: 9, containers: 1))
    }

    @Test func `a slice that does not count what is below it knows of nothing`() {
        var count = SliceCount(kills: 0)
        count.add(0)
        #expect(!hasMore(&count, slice: 0, containers: 4))
        count.remove(4)
        #expect(!hasMore(&count, slice: 0, containers: 0))
    }

    @Test(
        arguments: [
            ([0], [true]), ([3], [true]), ([0, 0], [true, true]), ([1, 0, 2, 0], [false, true, false, true]),
            ([1, 2], [true, true]), ([], []),
        ] as [([UInt64], [Bool])])
    func `of several that are gone at once, those with a known kill are passed over while there are others`(
        kills: [UInt64], had: [Bool]
    ) {
        let removed = kills.map { SliceCount.Removed(kills: $0) }
        let sum = kills.reduce(0, +)
        var count = SliceCount(kills: 7)
        for _ in kills { count.add(0) }
        #expect(count.settle(slice: 7 + sum, containers: sum, removed: removed) == kills.map { _ in false })
        #expect(count.settle(slice: 8 + sum, containers: sum, removed: removed) == had)
        #expect(count.settle(slice: 8 + sum, containers: sum, removed: removed) == kills.map { _ in false })
    }

    @Test func `what was to end had none, and does not stand for others`() {
        let expected = SliceCount.Removed(kills: 0, isExpected: true)
        let known = SliceCount.Removed(kills: 1)
        var count = SliceCount(kills: 7)
        #expect(count.settle(slice: 8, containers: 0, removed: [expected]) == [false])
        #expect(count.settle(slice: 10, containers: 1, removed: [expected, known]) == [false, true])
        #expect(
            count.settle(slice: 11, containers: 1, removed: [known, SliceCount.Removed(kills: 0), expected])
                == [false, true, false])
    }

    @Test func `a kill is a reason to look, and nothing else is`() {
        var count = SliceCount(kills: 7)
        #expect(count.woken(slice: 7, at: 0) == nil)
        #expect(count.woken(slice: 8, at: 1) == .look)
        _ = hasMore(&count, slice: 8, containers: 0)
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
        _ = hasMore(&count, slice: 8, containers: 0)
        for _ in 0..<SliceCount.patience { #expect(word(8, after: often) == nil) }
        #expect(word(8, after: often) == .pause)
        // It has ended.
        #expect(word(8, after: SliceCount.pause.nanoseconds * 3) == nil)
    }
}
