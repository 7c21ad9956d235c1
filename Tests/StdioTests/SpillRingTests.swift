import Testing

@testable import Stdio

struct SpillRingTests {
    @Test func `bytes come out in their order, piece by piece`() {
        var ring = SpillRing(limit: 10)
        #expect(ring.writing(atMost: 6) == .init(offset: 0, count: 6))
        #expect(ring.add(6) == 0)
        #expect(ring.reading(atMost: 4) == .init(offset: 0, count: 4))
        ring.remove(4)
        #expect(ring.writing(atMost: 8) == .init(offset: 6, count: 4))
        #expect(ring.add(4) == 0)
        #expect(ring.writing(atMost: 4) == .init(offset: 0, count: 4))
        #expect(ring.add(3) == 0)
        #expect(ring.count == 9)
        #expect(ring.reading(atMost: 100) == .init(offset: 4, count: 6))
        ring.remove(6)
        #expect(ring.reading(atMost: 100) == .init(offset: 0, count: 3))
    }

    @Test func `when it is full the oldest go, and are counted`() {
        var ring = SpillRing(limit: 10)
        #expect(ring.add(10) == 0)
        #expect(ring.add(4) == 4)
        #expect(ring.count == 10)
        #expect(ring.reading(atMost: 100) == .init(offset: 4, count: 6))
        ring.remove(6)
        #expect(ring.reading(atMost: 100) == .init(offset: 0, count: 4))
        #expect(ring.add(6) == 0)
        #expect(ring.add(1) == 1)
    }

    @Test func `an empty one begins at the beginning`() {
        var ring = SpillRing(limit: 10)
        _ = ring.add(7)
        ring.remove(7)
        #expect(ring.count == 0)
        #expect(ring.writing(atMost: 100) == .init(offset: 0, count: 10))
        #expect(ring.reading(atMost: 100).count == 0)
    }

    /// Beside a model: the last `limit` of what was added, and not removed.
    @Test func `any order of adding and removing is that of a queue`() {
        var generator = SystemRandomNumberGenerator()
        for limit in [1, 2, 7, 64] {
            var ring = SpillRing(limit: limit)
            var file = [Int](repeating: -1, count: limit)
            var queue: [Int] = []
            var next = 0
            for _ in 0..<2000 {
                if Bool.random(using: &generator) {
                    let piece = ring.writing(atMost: Int.random(in: 1...limit, using: &generator))
                    for index in 0..<piece.count {
                        file[piece.offset + index] = next
                        queue.append(next)
                        next += 1
                    }
                    #expect(ring.add(piece.count) == max(0, queue.count - limit))
                    queue = queue.suffix(limit)
                } else {
                    let piece = ring.reading(atMost: Int.random(in: 1...limit, using: &generator))
                    #expect(Array(file[piece.offset..<piece.offset + piece.count]) == Array(queue.prefix(piece.count)))
                    ring.remove(piece.count)
                    queue.removeFirst(piece.count)
                }
                #expect(ring.count == queue.count)
            }
        }
    }
}
