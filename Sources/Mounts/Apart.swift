import Linux
import Reactor
import _Concurrency

/// What a disk, a network or somebody else's file system answers is asked by a child, for the loop to wait for nobody.
enum Apart {
    /// Carries out `body` in a child, and suspends until it has; the failure is that of `body`. Memory and descriptors are the
    /// child's own. If it is killed, that is a failure, whatever it had done by then.
    @Loop
    static func run(_ body: () throws(Failure) -> Void) async throws(Failure) {
        var pipe = try Pipe()
        let child = try pipe.begin(body)
        guard await child.end().status != 0 else { return }
        let said = pipe.reading?.readNow(atMost: Failure.longest) ?? []
        throw Failure(decoding: said)
            ?? Failure(.unknown, errno: Errno.interrupted, errorText(Errno.interrupted))
    }
}

extension Pipe {
    /// The child, which has the end to write to for itself.
    @Loop
    fileprivate mutating func begin(_ body: () throws(Failure) -> Void) throws(Failure) -> ChildProcess {
        defer { writing = nil }
        let end = writing?.raw ?? -1
        return try ChildProcess.own(
            Child(keeping: end) {
                do throws(Failure) {
                    try body()
                    return 0
                } catch {
                    do throws(Failure) {
                        try Files.writeAll(error.encoded(), to: FileDescriptor(owning: end), named: "pipe")
                    } catch {}  // whoever waits for it is gone
                    return 1
                }
            })
    }
}

extension Failure {
    /// So much fits into an empty pipe, and is written at once (PIPE_BUF).
    fileprivate static let longest = 4096

    fileprivate func encoded() -> [UInt8] {
        let head = [kind.rawValue] + (0..<4).map { UInt8(truncatingIfNeeded: errno >> ($0 * 8)) }
        return head + message.utf8.prefix(Self.longest - head.count)
    }

    /// nil: nothing was said.
    fileprivate init?(decoding bytes: [UInt8]) {
        guard bytes.count >= 5, let kind = Kind(rawValue: bytes[0]) else { return nil }
        let errno = (0..<4).reduce(Int32(0)) { $0 | Int32(bytes[1 + $1]) << ($1 * 8) }
        self.init(kind, errno: errno, String(decoding: bytes[5...], as: UTF8.self))
    }
}

extension Child {
    /// Suspends until a child has ended whose status is an errno, 0 for none; nil if it was killed, whatever it had done by then.
    @Loop
    consuming func errno() async throws(Failure) -> Int32? {
        let exit = try await ChildProcess.own(self).end()
        return exit.status < 128 ? Int32(exit.status) : nil
    }
}
