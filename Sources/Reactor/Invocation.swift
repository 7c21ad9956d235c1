package import Linux
import _Concurrency

/// One run of a program, from its start to its end or its deadline. It should lead a process group.
@Loop
package final class Invocation {
    /// How it went.
    package enum Outcome {
        case succeeded(output: [UInt8])
        /// The text is Go's for a command that failed (C-5.8).
        case failed(text: String)
        /// It did not end in time and was killed.
        case timedOut(text: String)
    }

    private static let mostOutput = 1 << 20

    private let name: String
    private let child: ChildProcess
    private var pipe: FileDescriptor?
    private var watch: Reactor.Watch?
    private var output: [UInt8] = []

    /// Starts it. `descriptors`: its 0, 1 and 2; nil: `input` (nil: /dev/null) and, for 1 and 2, a pipe to us. One that
    /// `reports` has no input, and its 2 is /dev/null.
    package static func start(
        _ program: Program, named name: String, descriptors: [Int32]? = nil, input: [UInt8]? = nil,
        reports: Bool = false
    ) throws(Failure) -> Invocation {
        if let descriptors {
            return try Invocation(name, ChildProcess.start(program, descriptors: descriptors), output: nil)
        }
        let stdin: FileDescriptor
        if let input {
            stdin = try Files.inMemory(input, named: "input")
        } else {
            stdin = try FileDescriptor(opening: "/dev/null", .readWrite)
        }
        var ends = try Pipe()
        guard let reading = ends.reading.take(), let writing = ends.writing.take() else {
            throw Failure(.internal, "pipe2: no ends")
        }
        try reading.makeNonblocking()
        let child = try ChildProcess.start(
            program, descriptors: [stdin.raw, writing.raw, reports ? stdin.raw : writing.raw])
        return try Invocation(name, child, output: reading)
    }

    private init(_ name: String, _ child: ChildProcess, output reading: consuming FileDescriptor?) throws(Failure) {
        self.name = name
        self.child = child
        guard let reading else { return }
        do throws(Failure) {
            watch = try Reactor.shared.watch(reading, for: .readable) { [self] _ in if !read() { closePipe() } }
        } catch {
            child.killGroup()  // nobody would wait for it
            throw error
        }
        pipe = consume reading
    }

    /// Suspends until it has ended, at most for `limit`; false if it has not, and goes on.
    package func hasEnded(within limit: Duration) async -> Bool { await child.exit(within: limit) != nil }

    /// Kills it, and its process group; ``outcome(within:waited:grace:)`` tells.
    package func end() { child.killGroup() }

    /// Suspends until it has ended, or was killed because `limit` passed, of which `waited` is over; one that does not end when
    /// it is killed, in an uninterruptible sleep, is left to the reaper after `grace`.
    package func outcome(
        within limit: Duration, waited: Duration = .zero, grace: Duration = .seconds(5)
    ) async -> Outcome {
        let exit = await child.exit(within: max(limit - waited, .zero))
        if exit == nil {
            child.killGroup()
            _ = await child.exit(within: grace)
        }
        // Bounded: whoever inherited the pipe may go on writing.
        var reads = 0
        while reads < 256, watch != nil, read() { reads += 1 }
        closePipe()
        guard let exit else {
            return .timedOut(
                text: "\(name) did not finish within \(limit.nanoseconds / 1_000_000_000) s and was killed")
        }
        guard exit.status != 0 else { return .succeeded(output: output) }
        let said = String(decoding: output, as: UTF8.self)
        return .failed(text: "\(name) did not terminate successfully: exit status \(exit.status): \(said)")
    }

    /// Takes what the pipe has; false when that was all there is.
    private func read() -> Bool {
        var more = false
        // SAFETY: only the bytes that were read are looked at.
        unsafe withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer in
            do throws(Failure) {
                if case .bytes(let count) = try unsafe pipe?.read(into: buffer) {
                    more = true
                    let room = Self.mostOutput - output.count
                    unsafe output += buffer[..<min(count, room)]
                } else {
                    more = false
                }
            } catch {
                more = false
            }
        }
        return more
    }

    private func closePipe() {
        if let watch { Reactor.shared.cancel(watch) }
        watch = nil
        pipe = nil
    }
}
