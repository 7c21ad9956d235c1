import Linux
import Testing
import _Concurrency

@testable import Reactor

/// On the reactor itself: the test program's one thread runs Swift Testing and these tests, and
/// waits in our epoll set.
@Loop
struct ReactorTests {
    /// What callbacks leave behind.
    @Loop
    private final class Record {
        var values: [Int] = []
        var watches: [Reactor.Watch] = []
        var pipes: [TestPipe] = []
    }

    private let reactor = Reactor.shared
    private let record = Record()

    @Test func `the program has one thread`() throws {
        #expect(try Files.text("/proc/self/status").contains("Threads:\t1\n"))
    }

    @Test func `deadlines come in their order, equal ones in the order of asking`() async {
        for (value, delay) in [(3, 3), (1, 1), (2, 2)] {
            _ = reactor.after(.milliseconds(delay)) { [record] in record.values.append(value) }
        }
        _ = reactor.after(.zero) { [record] in record.values.append(-2) }
        _ = reactor.after(.seconds(-5)) { [record] in record.values.append(-1) }
        await reactor.sleep(.milliseconds(4))
        #expect(record.values == [-2, -1, 1, 2, 3])
    }

    @Test func `a deadline is never early`() async {
        let before = Monotonic.now()
        await reactor.sleep(.milliseconds(3))
        #expect(Monotonic.now() - before >= 3_000_000)
    }

    @Test func `a cancelled deadline does not come, whoever cancels it`() async {
        let first = reactor.after(.milliseconds(1)) { [record] in record.values.append(1) }
        reactor.cancel(first)
        let third = reactor.after(.milliseconds(2)) { [record] in record.values.append(3) }
        _ = reactor.after(.milliseconds(1)) { [record, reactor] in
            record.values.append(2)
            reactor.cancel(third)
        }
        await reactor.sleep(.milliseconds(4))
        #expect(record.values == [2])
        reactor.cancel(first)
    }

    @Test func `a deadline that is too far away never comes and harms none`() async {
        let timer = reactor.after(.seconds(Int64.max / 2)) { [record] in record.values.append(1) }
        await reactor.sleep(.milliseconds(1))
        #expect(record.values == [])
        reactor.cancel(timer)
    }

    @Test func `a state is reported as long as it lasts`() async throws {
        let pipe = try TestPipe(with: [1])
        let watch = try pipe.watch(for: .readable) { [record] in
            #expect($0 == .readable)
            record.values.append(1)
        }
        while record.values.count < 3 { await reactor.sleep(.zero) }
        reactor.cancel(watch)
        let count = record.values.count
        await reactor.sleep(.zero)
        #expect(record.values.count == count)
    }

    @Test func `a file of the kernel's has priority once it has changed`() async throws {
        guard Process.isSuperuser else { return }
        let mounts = try FileDescriptor(opening: "/proc/self/mountinfo", .readOnly)
        let watch = try reactor.watch(mounts, for: .priority) { [record] in
            if $0.contains(.priority) { record.values.append(1) }
        }
        await reactor.sleep(.milliseconds(1))
        #expect(record.values == [])
        let target = "/tmp/swiftrunc-\(Process.randomName())"
        try Files.makeDirectory(target, mode: 0o700)
        try FileSystem.mount(source: "none", target: target, type: "tmpfs", flags: [], data: "")
        try FileSystem.unmount(target, detach: false)
        for _ in 0..<200 where record.values.isEmpty { await reactor.sleep(.milliseconds(5)) }
        reactor.cancel(watch)
        Files.removeDirectory(target)
        #expect(!record.values.isEmpty)
    }

    @Test func `an edge is reported once, and again when asked`() async throws {
        let pipe = try TestPipe(with: [1])
        let watch = try pipe.watch(for: [.readable, .edge]) { [record] _ in record.values.append(1) }
        for _ in 0..<3 { await reactor.sleep(.zero) }
        #expect(record.values == [1])
        reactor.change(watch, to: [.readable, .edge])
        for _ in 0..<3 { await reactor.sleep(.zero) }
        #expect(record.values == [1, 1])
        try pipe.write([2])
        for _ in 0..<3 { await reactor.sleep(.zero) }
        #expect(record.values == [1, 1, 1])
        reactor.cancel(watch)
    }

    @Test func `a hang-up is reported whatever is asked for`() async throws {
        let pipe = try TestPipe()
        let watch = try pipe.watch(for: .edge) { [record] in record.values.append(Int($0.rawValue)) }
        await reactor.sleep(.zero)
        #expect(record.values == [])
        pipe.closeWriting()
        await reactor.sleep(.zero)
        #expect(record.values == [Int(Reactor.Readiness.hungUp.rawValue)])
        reactor.cancel(watch)
    }

    @Test func `a watch that another callback of the same turn cancelled is not called`() async throws {
        let pipes = [try TestPipe(with: [1]), try TestPipe(with: [2])]
        for (index, pipe) in pipes.enumerated() {
            record.watches.append(
                try pipe.watch(for: .readable) { [record, reactor] _ in
                    record.values.append(index)
                    for watch in record.watches { reactor.cancel(watch) }
                })
        }
        for _ in 0..<3 { await reactor.sleep(.zero) }
        #expect(record.values.count == 1)
    }

    @Test func `a descriptor's number may be another's in the same turn`() async throws {
        let pipes = [try TestPipe(with: [1]), try TestPipe(with: [2])]
        for pipe in pipes {
            record.watches.append(
                try pipe.watch(for: .readable) { [record, reactor] _ in
                    record.values.append(0)
                    for watch in record.watches { reactor.cancel(watch) }
                    for pipe in pipes { pipe.close() }
                    // Among theirs are the numbers of those two, of which one has an event still to be delivered.
                    record.pipes = (0..<32).compactMap { _ in try? TestPipe() }
                    for pipe in record.pipes {
                        let watches = try? [
                            pipe.watch(for: .readable) { _ in record.values.append(1) },
                            pipe.watchWriting(for: []) { _ in record.values.append(1) },
                        ]
                        record.watches += watches ?? []
                    }
                })
        }
        await reactor.sleep(.zero)
        #expect(record.values == [0])
        for watch in record.watches { reactor.cancel(watch) }
    }

    @Test func `what cannot be watched is a failure with its errno`() throws {
        let file = try FileDescriptor(opening: "/proc/self/exe", .readOnly)
        let failure = #expect(throws: Failure.self) { _ = try reactor.watch(file, for: .readable) { _ in } }
        #expect(failure?.errno == Errno.notPermitted)
    }

    @Test func `work that is started runs on the loop, after the caller`() async {
        Loop.start { [record] in record.values.append(2) }
        record.values.append(1)
        await reactor.sleep(.zero)
        #expect(record.values == [1, 2])
    }
}

/// A pipe that several closures may share.
@Loop
final class TestPipe {
    private var reading: FileDescriptor?
    private var writing: FileDescriptor?

    init(with bytes: [UInt8] = []) throws(Failure) {
        var pipe = try Pipe()
        reading = pipe.reading.take()
        writing = pipe.writing.take()
        try write(bytes)
    }

    func write(_ bytes: [UInt8]) throws(Failure) { _ = try writing?.write(bytes[...]) }

    func closeWriting() { writing = nil }

    func close() {
        reading = nil
        writing = nil
    }

    func watch(
        for interest: Reactor.Readiness, _ handler: @escaping Reactor.Handler
    ) throws(Failure) -> Reactor.Watch {
        try Self.watch(&reading, for: interest, handler)
    }

    func watchWriting(
        for interest: Reactor.Readiness, _ handler: @escaping Reactor.Handler
    ) throws(Failure) -> Reactor.Watch {
        try Self.watch(&writing, for: interest, handler)
    }

    private static func watch(
        _ end: inout FileDescriptor?, for interest: Reactor.Readiness, _ handler: @escaping Reactor.Handler
    ) throws(Failure) -> Reactor.Watch {
        guard let descriptor = end.take() else { throw Failure(.internal, "closed") }
        let watch = try Reactor.shared.watch(descriptor, for: interest, handler)
        end = consume descriptor
        return watch
    }
}
