import Linux
import Reactor
import _Concurrency

/// Where the bytes of an output go while its destination takes none: nowhere, or to a file that has no name
/// and goes with us. What is missing in the stream is counted where it is missing, so that it can be marked there.
///
/// Bytes come out in their order. The file's are older than those that are read next, but for what could not
/// be written to it: once that happens, nothing goes there before it is empty. They are copied out and not
/// spliced: a pipe would share the file's pages, and a later byte could be in the place of one not yet read.
@Loop
final class Overflow {
    /// In one call; what is on the stack then.
    private static let page = 8192

    private let place: SpillPlace?
    private var file: FileDescriptor?
    private var ring: SpillRing
    /// Dropped since the last mark: before what the file has, and after it.
    private var missingBefore = 0
    private var missingAfter = 0
    private var report: (@Loop (_ count: Int, _ reason: String?) -> Void)?

    /// Without a place all is dropped. `report` is called each time that the stream gets a mark, and when the file
    /// cannot be made or written to.
    init(_ place: SpillPlace?, report: @escaping @Loop (_ count: Int, _ reason: String?) -> Void) {
        self.place = place
        ring = SpillRing(limit: place?.limit ?? 1)
        self.report = report
    }

    /// How many bytes wait in the file.
    var count: Int { ring.count }

    /// Bytes that came in and will not come out.
    private(set) var lost = 0

    /// Takes a few pages of the source.
    func take(from source: borrowing FileDescriptor) -> Transfer {
        guard place != nil, missingAfter == 0, open() else { return forget(source) }
        let piece = ring.writing(atMost: Self.page)
        guard let (transfer, written) = file?.fill(at: piece.offset, from: source, atMost: piece.count) else {
            return forget(source)
        }
        let replaced = ring.add(written)
        missingBefore += replaced
        lost += replaced
        if case .moved(let count) = transfer, count > written {
            missingAfter += count - written
            lost += count - written
            report?(0, "no space, or an error of its disk")
        }
        return transfer
    }

    /// What is to be written before anything else: a mark if bytes are missing here. Empty: the file is next, or the
    /// source.
    func takeMark() -> [UInt8] {
        let missing = missingBefore > 0 ? missingBefore : ring.count == 0 ? missingAfter : 0
        guard missing > 0 else { return [] }
        if missingBefore > 0 { missingBefore = 0 } else { missingAfter = 0 }
        report?(missing, nil)
        return Array("\n[swiftrunc: \(missing) bytes of output were dropped]\n".utf8)
    }

    /// Moves the oldest bytes of the file; what the destination does not take of them stays.
    func give(to destination: borrowing FileDescriptor) -> Transfer {
        let piece = ring.reading(atMost: Self.page)
        let transfer = file?.empty(at: piece.offset, to: destination, atMost: piece.count) ?? .sourceEnded
        switch transfer {
        case .moved(let count): ring.remove(count)
        case .sourceEnded:
            // It cannot be read: what it has is gone.
            missingBefore += ring.count
            lost += ring.count
            ring.remove(ring.count)
        case .nothingToRead, .destinationFull, .destinationGone, .destinationFailed, .unsupported: break
        }
        if ring.count == 0 { file = nil }
        return transfer == .sourceEnded ? .moved(0) : transfer
    }

    /// Whether there is anything that has to come out.
    var isEmpty: Bool { ring.count == 0 && missingBefore == 0 && missingAfter == 0 }

    /// What is in the file will not come out; nobody is told anything any more.
    func close() {
        lost += ring.count
        ring.remove(ring.count)
        missingBefore = 0
        missingAfter = 0
        file = nil
        report = nil  // it holds who holds us
    }

    private func open() -> Bool {
        guard file == nil, let place else { return true }
        do throws(Failure) {
            file = try FileDescriptor(temporaryIn: place.directory)
        } catch {
            report?(0, error.message)
            return false
        }
        return true
    }

    private func forget(_ source: borrowing FileDescriptor) -> Transfer {
        let transfer = source.discard()
        if case .moved(let count) = transfer {
            missingAfter += count
            lost += count
        }
        return transfer
    }
}
