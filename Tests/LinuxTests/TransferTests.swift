import CLinux
import Testing

@testable import Linux

struct TransferTests {
    private func fill(_ pipe: inout Pipe) throws {
        while let count = try pipe.writing?.write(ArraySlice(repeating: 1, count: 4096)), count > 0 {}
    }

    private func pipe() throws -> Pipe {
        _ = clinux_close(clinux_signals())  // EPIPE, not the signal
        var pipe = try Pipe()
        if let end = pipe.reading.take() {
            try end.makeNonblocking()
            pipe.reading = consume end
        }
        if let end = pipe.writing.take() {
            try end.makeNonblocking()
            pipe.writing = consume end
        }
        return pipe
    }

    /// What splice says of a source and a destination that are in some state.
    private func splice(
        source: (inout Pipe) throws -> Void, destination: (inout Pipe) throws -> Void
    ) throws -> Transfer? {
        var first = try pipe()
        var second = try pipe()
        try source(&first)
        try destination(&second)
        guard let from = first.reading.take(), let to = second.writing.take() else { return nil }
        return from.splice(to: to, atMost: 1 << 20)
    }

    @Test func `splice tells an empty source from a full destination and from an end`() throws {
        let some: (inout Pipe) throws -> Void = { pipe in _ = try pipe.writing?.write([1, 2, 3]) }
        let full: (inout Pipe) throws -> Void = { pipe in try fill(&pipe) }
        #expect(try splice(source: some, destination: { _ in }) == .moved(3))
        #expect(try splice(source: { _ in }, destination: { _ in }) == .nothingToRead)
        #expect(try splice(source: { _ in }, destination: full) == .nothingToRead)
        #expect(try splice(source: some, destination: full) == .destinationFull)
        #expect(try splice(source: { $0.writing = nil }, destination: { _ in }) == .sourceEnded)
        #expect(try splice(source: { $0.writing = nil }, destination: full) == .sourceEnded)
        #expect(try splice(source: some, destination: { $0.reading = nil }) == .destinationGone)
    }

    @Test func `copy keeps what was not taken, and write gives it on`() throws {
        var source = try pipe()
        var destination = try pipe()
        _ = try source.writing?.write([1, 2, 3])
        try fill(&destination)
        guard let from = source.reading.take(), let to = destination.writing.take() else { return }
        var kept: [UInt8] = []
        #expect(from.copy(to: to, keeping: &kept) == .destinationFull)
        #expect(kept == [1, 2, 3])
        #expect(to.write(keeping: &kept) == .destinationFull)
        #expect(destination.reading?.readNow(atMost: 1 << 20).count == 65536)
        #expect(to.write(keeping: &kept) == .moved(3))
        #expect(kept == [])
        #expect(destination.reading?.readNow(atMost: 10) == [1, 2, 3])
        #expect(from.copy(to: to, keeping: &kept) == .nothingToRead)
        destination.reading = nil
        _ = try source.writing?.write([4])
        #expect(from.copy(to: to, keeping: &kept) == .destinationGone)
        #expect(kept == [4])
    }

    @Test func `a device without space is no end`() throws {
        let source = try pipe()
        _ = try source.writing?.write([1])
        let full = try FileDescriptor(opening: "/dev/full", .writeOnly)
        var kept: [UInt8] = []
        #expect(source.reading?.copy(to: full, keeping: &kept) == .destinationFailed)
        #expect(kept == [1])
    }

    @Test func `splice does not go to the end of a file`() throws {
        var source = try pipe()
        _ = try source.writing?.write([1])
        let file = try FileDescriptor(opening: "/dev/null", [.writeOnly, .append])
        #expect(source.reading?.splice(to: file, atMost: 10) == .unsupported)
        #expect(source.reading?.discard() == .moved(1))
        #expect(source.reading?.discard() == .nothingToRead)
        source.writing = nil
        #expect(source.reading?.discard() == .sourceEnded)
    }

    @Test func `a pipe is half full at half of what it holds`() throws {
        var pipe = try self.pipe()
        guard let reading = pipe.reading.take() else { return }
        _ = try pipe.writing?.write(ArraySlice(repeating: 1, count: 32767))
        #expect(reading.isHalfFull == false)
        _ = try pipe.writing?.write([1])
        #expect(reading.isHalfFull == true)
    }
}
