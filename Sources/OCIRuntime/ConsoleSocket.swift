package import Linux
package import Reactor
import _Concurrency

/// The socket on which a runtime delivers the master of a new terminal (C-4.30). It takes the
/// descriptor while the runtime still runs, so neither waits for the other.
@Loop
package final class ConsoleSocket {
    /// What goes into `--console-socket`.
    package let path: String
    private let directory: String
    private var listener: FileDescriptor?
    private var connection: FileDescriptor?
    private var watch: Reactor.Watch?
    private var console: FileDescriptor?
    private var failure: Failure?
    private let decided = Gate()

    package init() throws(Failure) {
        let parent = Process.environment("XDG_RUNTIME_DIR")
        directory = "\(parent ?? "/tmp")/pty\(Process.randomName())"
        path = "\(directory)/pty.sock"
        try Files.makeDirectory(directory, mode: 0o700)
        do throws(Failure) {
            let socket = try UnixSocket.listen(at: path)
            // Without the sticky bit, who cleans XDG_RUNTIME_DIR may remove it.
            if parent != nil { try Files.changeMode(path, to: 0o1755) }
            watch = try Reactor.shared.watch(socket, for: .readable) { [self] _ in accept() }
            listener = consume socket
        } catch {
            Files.remove(path)
            Files.removeDirectory(directory)
            throw error
        }
    }

    /// Suspends until the terminal came, at most for `limit`; false when it did not come or was none: see ``problem``.
    package func arrived(within limit: Duration) async -> Bool {
        if console == nil, failure == nil { _ = await decided.opens(within: limit) }
        return console != nil
    }

    /// The terminal's master, once; it is the caller's.
    package func take() -> FileDescriptor? { console.take() }

    /// Why there is no terminal.
    package var problem: Failure { failure ?? Failure(.unknown, "the runtime sent no terminal") }

    /// Removes the socket and its directory.
    package func close() {
        stopWatching()
        listener = nil
        connection = nil
        console = nil
        Files.remove(path)
        Files.removeDirectory(directory)
    }

    private func accept() {
        do throws(Failure) {
            guard let listener = listener.take() else { return }
            guard let socket = try UnixSocket.accept(from: listener) else {
                self.listener = consume listener
                return
            }
            stopWatching()
            watch = try Reactor.shared.watch(socket, for: .readable) { [self] _ in receive() }
            connection = consume socket
        } catch {
            finish(error)
        }
    }

    private func receive() {
        do throws(Failure) {
            guard let socket = connection.take() else { return }
            guard let descriptor = try UnixSocket.receiveDescriptor(socket) else {
                connection = consume socket
                return
            }
            guard descriptor.isTerminal else {
                throw Failure(.unknown, "the runtime sent something that is no terminal")
            }
            stopWatching()
            console = consume descriptor
            finish(nil)
        } catch {
            finish(error)
        }
    }

    private func finish(_ failure: Failure?) {
        self.failure = failure
        stopWatching()
        decided.open()
    }

    private func stopWatching() {
        if let watch { Reactor.shared.cancel(watch) }
        watch = nil
    }
}
