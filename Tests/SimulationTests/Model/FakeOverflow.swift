import Linux
import Reactor

@testable import Stdio

/// As `Overflow`, with its file in memory, or none; marks are one byte.
@Loop
final class FakeOverflow {
    static let mark: UInt8 = 255

    private var ring: SpillRing
    private var file: [UInt8]
    private let drops: Bool
    private var missingBefore = 0
    private var missingAfter = 0
    private(set) var lost = 0

    init(limit: Int) {
        drops = limit == 0
        ring = SpillRing(limit: max(limit, 1))
        file = [UInt8](repeating: 0, count: max(limit, 1))
    }

    var isEmpty: Bool { ring.count == 0 && missingBefore == 0 && missingAfter == 0 }

    func take(from source: FakePipe) -> Transfer {
        let piece = drops ? SpillRing.Piece(offset: 0, count: 4) : ring.writing(atMost: 4)
        let bytes = source.read(atMost: piece.count)
        guard !bytes.isEmpty else { return source.hasWriter ? .nothingToRead : .sourceEnded }
        if drops {
            missingAfter += bytes.count
            lost += bytes.count
        } else {
            for (index, byte) in bytes.enumerated() { file[piece.offset + index] = byte }
            let replaced = ring.add(bytes.count)
            missingBefore += replaced
            lost += replaced
        }
        return .moved(bytes.count)
    }

    func takeMark() -> [UInt8] {
        let missing = missingBefore > 0 ? missingBefore : ring.count == 0 ? missingAfter : 0
        guard missing > 0 else { return [] }
        if missingBefore > 0 { missingBefore = 0 } else { missingAfter = 0 }
        return [Self.mark]
    }

    func give(to destination: FakePipe) -> Transfer {
        let piece = ring.reading(atMost: 4)
        let written = destination.write(file[piece.offset..<piece.offset + piece.count])
        ring.remove(written)
        return written > 0 ? .moved(written) : .destinationFull
    }

    func close() {
        lost += ring.count
        ring.remove(ring.count)
        missingBefore = 0
        missingAfter = 0
    }
}
