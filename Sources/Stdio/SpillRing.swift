/// Where in a file of at most `limit` bytes the bytes of a stream are that wait: a ring. Without IO.
struct SpillRing: Equatable {
    /// A part of the file.
    struct Piece: Equatable {
        let offset: Int
        let count: Int
    }

    let limit: Int
    private var start = 0
    private(set) var count = 0

    /// An empty one.
    init(limit: Int) { self.limit = limit }

    /// Where the oldest bytes are, at most `most` of them.
    func reading(atMost most: Int) -> Piece { Piece(offset: start, count: min(most, count, limit - start)) }

    /// The oldest `number` bytes are not wanted any more.
    mutating func remove(_ number: Int) {
        count -= number
        start = count == 0 ? 0 : (start + number) % limit
    }

    /// Where the next bytes go, at most `most` of them; the oldest may be there.
    func writing(atMost most: Int) -> Piece {
        let offset = (start + count) % limit
        return Piece(offset: offset, count: min(most, limit - offset))
    }

    /// `number` bytes were written there; says how many of the oldest they took the place of.
    mutating func add(_ number: Int) -> Int {
        let replaced = max(0, count + number - limit)
        start = (start + replaced) % limit
        count += number - replaced
        return replaced
    }
}
