package import Linux
package import Reactor
import _Concurrency

/// Events that are not in memory, because containerd has not taken those before them: first in, first out. The file has no
/// name, and goes with us; it is made when it is needed, and closed when it is empty.
@Loop
package final class EventFile {
    /// How large it may be.
    package static let limit = 64 << 20
    /// What is read in one call, if no event is longer.
    private static let piece = 16 << 10
    private static let header = 6

    private let directories: [String]
    private var file: FileDescriptor?
    private var start = 0
    private var end = 0

    /// It is made in the first of the directories where that is possible.
    package init(in directories: [String]) { self.directories = directories }

    /// Adds an event. After a failure it has what it had.
    package func append(_ item: EventDelivery.Item) throws(Failure) {
        let record = Self.encode(item)
        guard end + record.count <= Self.limit else {
            throw Failure(.resourceExhausted, "their file has \(Self.limit) bytes")
        }
        try open()
        try file?.write(record, at: end)
        end += record.count
    }

    /// The oldest events, at least one, which the file has no more; none if it cannot be read, and then it is empty.
    package func takeOldest() -> [EventDelivery.Item] {
        do throws(Failure) {
            var piece = try read(atMost: Self.piece)
            if let length = Self.length(of: piece[...]), length > piece.count { piece = try read(atMost: length) }
            var items: [EventDelivery.Item] = []
            var rest = piece[...]
            while let item = Self.decode(&rest) { items.append(item) }
            start += piece.count - rest.count
            if items.isEmpty || start == end { clear() }
            return items
        } catch {
            clear()
            return []
        }
    }

    private func open() throws(Failure) {
        guard file == nil else { return }
        var failure = Failure(.unknown, "no directory for events")
        for directory in directories {
            do throws(Failure) {
                file = try FileDescriptor(temporaryIn: directory)
                return
            } catch {
                failure = error
            }
        }
        throw failure
    }

    private func clear() {
        file = nil
        start = 0
        end = 0
    }

    private func read(atMost limit: Int) throws(Failure) -> [UInt8] {
        try file?.read(at: start, atMost: min(limit, end - start)) ?? []
    }

    // A record: the request's length in four bytes, whether it is essential, the topic's length, the topic, the request.

    private static func encode(_ item: EventDelivery.Item) -> [UInt8] {
        let topic = Array(item.topic.utf8.prefix(255))
        let count = UInt32(item.request.count)
        var bytes = [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: count >> $0) }
        bytes += [item.isEssential ? 1 : 0, UInt8(topic.count)]
        bytes += topic
        bytes += item.request
        return bytes
    }

    private static func length(of bytes: ArraySlice<UInt8>) -> Int? {
        guard bytes.count >= header else { return nil }
        let count = bytes.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
        return header + Int(bytes[bytes.startIndex + 5]) + count
    }

    private static func decode(_ bytes: inout ArraySlice<UInt8>) -> EventDelivery.Item? {
        guard let length = length(of: bytes), length <= bytes.count else { return nil }
        let record = bytes.prefix(length)
        bytes = bytes.dropFirst(length)
        let content = record.dropFirst(header)
        let topic = content.prefix(Int(record[record.startIndex + 5]))
        return EventDelivery.Item(
            topic: String(decoding: topic, as: UTF8.self), request: Array(content.dropFirst(topic.count)),
            isEssential: record[record.startIndex + 4] == 1)
    }
}
