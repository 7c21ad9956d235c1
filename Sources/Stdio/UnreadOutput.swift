import Linux
import Reactor

/// What a process has written and nobody has read when its stream ends, as long as nobody has the fifo open: the kernel
/// forgets it with the last who has. A reader that comes, say the next containerd, gets all of it, and then the end: soon, for
/// who reads talks to us as well, and in any case after a second.
@Loop
final class UnreadOutput {
    private static let shortestPause = Duration.milliseconds(10)
    private static let longestPause = Duration.seconds(1)
    private static var all: [UnreadOutput] = []

    private var pause = shortestPause
    private var writer: FileDescriptor?
    private var timer: Reactor.Timer?

    private init(_ writer: consuming FileDescriptor) { self.writer = consume writer }

    /// Of the fifo that `descriptor` is open on; nil if there is nothing in it, or it is none.
    static func left(in descriptor: borrowing FileDescriptor) -> UnreadOutput? {
        guard descriptor.unread > 0, Files.isFifo(descriptor.path) else { return nil }
        guard let writer = try? FileDescriptor(opening: descriptor.path, [.writeOnly, .nonblocking]) else { return nil }
        let unread = UnreadOutput(writer)
        all.append(unread)
        return unread
    }

    /// Leaves it to the reader if there is one, else looks again later. To be called once all other descriptors of ours are
    /// closed that could read it.
    func look() {
        if let timer { Reactor.shared.cancel(timer) }
        guard unread > 0, writer?.hasReader == false else { return close() }
        timer = Reactor.shared.after(pause) { [self] in look() }
        pause = min(pause * 2, Self.longestPause)
    }

    /// A client has called, and may be about to read.
    static func expectReaders() {
        for one in all {
            one.pause = shortestPause
            one.look()
        }
    }

    /// Forgets it; how many bytes that were.
    func end() -> Int {
        defer { close() }
        return unread
    }

    private var unread: Int { writer?.unread ?? 0 }

    private func close() {
        if let timer { Reactor.shared.cancel(timer) }
        timer = nil
        writer = nil
        Self.all.removeAll { $0 === self }
    }
}
