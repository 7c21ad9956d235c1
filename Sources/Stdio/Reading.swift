import Linux
import Reactor

/// Watches a client read what a process had written when it ended.
///
/// A client that waits for the process closes its fifos as soon as it is told of the end (containerd's cio does), and
/// what it has not read then is lost to it. So whoever is behind, and reads, is told a little later.
@Loop
final class Reading {
    /// Less is left to the client: it reads that while the answer is on its way.
    private static let little = 4096
    /// Who has read nothing for so long does not read.
    private static let patience = Duration.milliseconds(250)
    private static let limit = Duration.seconds(8)
    private static let longestPause = Duration.milliseconds(10)

    // Names of our own, for a relay closes its fifo as soon as all is in it. A read end that stays open would be taken for a
    // client's (``UnreadOutput``).
    private var output: FileDescriptor?
    private var error: FileDescriptor?
    private let relays: [Relay]
    private var left = 0
    private var idle = Duration.zero
    private var waited = Duration.zero
    private let whenRead: @Loop () -> Void

    init(_ paths: StdioPaths, through relays: [Relay], whenRead: @escaping @Loop () -> Void) {
        output = Fifo.name(paths.stdout)
        error = paths.terminal ? nil : Fifo.name(paths.stderr)
        self.relays = relays
        self.whenRead = whenRead
    }

    func begin() {
        left = count
        if left <= Self.little { whenRead() } else { look(after: .milliseconds(1)) }
    }

    private var count: Int {
        unread(output?.path) + unread(error?.path) + relays.reduce(0) { $0 + $1.undelivered }
    }

    private func unread(_ path: String?) -> Int {
        guard let path, let end = try? FileDescriptor(opening: path, [.readOnly, .nonblocking]) else { return 0 }
        return end.unread
    }

    private func look(after pause: Duration) {
        _ = Reactor.shared.after(pause) { [self] in
            let before = left
            left = count
            waited += pause
            idle = left < before ? .zero : idle + pause
            guard left > 0, idle < Self.patience, waited < Self.limit else { return whenRead() }
            look(after: min(pause * 2, Self.longestPause))
        }
    }
}
