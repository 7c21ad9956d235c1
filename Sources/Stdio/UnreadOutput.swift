import Linux
import Reactor

/// What a process has written and nobody has read when its stream ends, as long as nobody has the fifo open: the kernel
/// forgets it with the last who has. A reader that comes, say the next containerd, gets all of it, and then the end, at most
/// a second later.
@Loop
final class UnreadOutput {
    private static let pause = Duration.seconds(1)

    private var writer: FileDescriptor?
    private var timer: Reactor.Timer?

    private init(_ writer: consuming FileDescriptor) { self.writer = consume writer }

    /// Of the fifo that `descriptor` is open on; nil if there is nothing in it, or it is none.
    static func left(in descriptor: borrowing FileDescriptor) -> UnreadOutput? {
        let path = "/proc/self/fd/\(descriptor.raw)"
        guard descriptor.unread > 0, Files.isFifo(path) else { return nil }
        guard let writer = try? FileDescriptor(opening: path, [.writeOnly, .nonblocking]) else { return nil }
        return UnreadOutput(writer)
    }

    /// Leaves it to the reader if there is one, else looks again later. To be called once all other descriptors of ours are
    /// closed that could read it.
    func look() {
        guard unread > 0, writer?.hasReader == false else { return close() }
        timer = Reactor.shared.after(Self.pause) { [self] in look() }
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
    }
}
