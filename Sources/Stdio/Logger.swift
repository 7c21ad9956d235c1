import Linux
import Reactor
import _Concurrency

/// A client's program that reads a process's output (C-4.40 … C-4.46): a child of ours, whose
/// descriptors 3 and 4 are the read ends of the process's stdout and stderr.
///
/// We keep a read end of each, and use none: so the process is not hurt when the logger dies, and the
/// next one goes on where it stopped. A logger that ends while there is something to read, or while
/// somebody may still write, is started again, after a time that grows.
@Loop
final class Logger {
    /// How a client names one.
    struct Command: Equatable {
        /// As execve(2) takes it.
        let path: String
        let arguments: [String]
        /// It must say that it is ready; else its end of the pipe need only be closed.
        let mustSpeak: Bool
    }

    /// How long a logger may take to get ready.
    private static let readyLimit = Duration.seconds(10)
    /// How long it may take to end after the last byte was read, and at least after it was told to.
    private static let endLimit = Duration.seconds(2)
    /// One that lived so long does not wait for its next start.
    private static let goodLife = Duration.seconds(10)

    private let command: Command
    private let owner: Stdio.Owner
    private var outputReading: FileDescriptor?
    private var errorReading: FileDescriptor?
    private var outputWriting: FileDescriptor?
    private var errorWriting: FileDescriptor?
    private var ready: FileDescriptor?
    private var readyWatch: Reactor.Watch?
    private let readiness = Gate()
    /// Somebody is in ``waitUntilReady()``, and reads what it has said.
    private var isAwaited = false
    private var child: ChildProcess?
    private var failures = 0
    private var recovery: Reactor.Timer?
    private var timer: Reactor.Timer?
    private var isStopping = false
    /// How long it may take to end after it was told to.
    private var grace = endLimit

    /// Starts it.
    init(_ command: Command, for owner: Stdio.Owner) throws(Failure) {
        self.command = command
        self.owner = owner
        var output = try Pipe()
        var error = try Pipe()
        outputReading = output.reading.take()
        errorReading = error.reading.take()
        outputWriting = output.writing.take()
        errorWriting = error.writing.take()
        try start()
    }

    /// The process's end of its stdout, once.
    func takeOutput() -> FileDescriptor? { outputWriting.take() }
    /// The process's end of its stderr, once.
    func takeError() -> FileDescriptor? { errorWriting.take() }

    /// Suspends until the logger said that it is ready, or closed its end of the pipe.
    func waitUntilReady() async throws(Failure) {
        guard ready != nil else { return }
        isAwaited = true
        defer { isAwaited = false }
        watchReady()
        let isInTime = await readiness.opens(within: Self.readyLimit)
        let said = ready?.readNow(atMost: 1) ?? []
        stopWatchingReady()
        guard !isStopping else { throw Failure(.failedPrecondition, "logging binary \(command.path) was stopped") }
        guard isInTime else {
            throw Failure(.deadlineExceeded, "logging binary \(command.path) did not get ready within 10 s")
        }
        guard !said.isEmpty || !command.mustSpeak else {
            throw Failure(
                .unknown, "logging binary did not call ready (it may have crashed or exited prematurely)")
        }
    }

    /// Suspends until it has read everything and has ended, at most for `limit`; false if it has not. One
    /// that stays although there is nothing to read is not waited for: what is left of `limit` it has once it is told to end.
    func hasEnded(within limit: Duration) async -> Bool {
        var patience = limit
        var idle = Duration.zero
        let step = Duration.milliseconds(20)
        while child != nil || timer != nil {
            guard patience > .zero, idle < Self.endLimit else {
                grace = max(Self.endLimit, patience)
                return false
            }
            await Reactor.shared.sleep(step)
            patience -= step
            idle = hasUnread ? .zero : idle + step
        }
        return true
    }

    /// Tells it to end, and ends it if it does not. Nothing is read any more.
    func stop() {
        guard !isStopping else { return }
        isStopping = true
        if let timer { Reactor.shared.cancel(timer) }
        timer = nil
        stopWatchingReady()
        outputReading = nil
        errorReading = nil
        outputWriting = nil
        errorWriting = nil
        readiness.open()
        guard let child else { return }
        do throws(Failure) { try child.kill(15) } catch {}  // it is gone
        self.timer = Reactor.shared.after(grace) {
            self.timer = nil
            child.killGroup()
        }
    }

    /// ``stop()``, and suspends until it is gone, or cannot be ended.
    func end() async {
        stop()
        _ = await child?.exit(within: grace + .seconds(1))
    }

    private var hasUnread: Bool { (outputReading?.unread ?? 0) + (errorReading?.unread ?? 0) > 0 }

    /// Whether nobody can write any more, and all that was written has been read.
    private var isOver: Bool {
        (outputReading?.isAtEnd ?? true) && (errorReading?.isAtEnd ?? true)
    }

    private func start() throws(Failure) {
        guard let output = outputReading?.raw, let error = errorReading?.raw else { return }
        let null = try FileDescriptor(opening: "/dev/null", .readWrite)
        var pipe = try Pipe()
        guard let reading = pipe.reading.take(), let writing = pipe.writing.take() else { return }
        let program = Program(
            command.path, command.arguments,
            environment: ["CONTAINER_ID=\(owner.id)", "CONTAINER_NAMESPACE=\(owner.namespace)"], workingDirectory: "/",
            leadsProcessGroup: true)
        let child = try ChildProcess.start(
            program, descriptors: [null.raw, null.raw, null.raw, output, error, writing.raw])
        self.child = child
        recovery = Reactor.shared.after(Self.goodLife) {
            self.recovery = nil
            self.failures = 0
        }
        child.whenExited { exit in self.ended(exit) }
        try reading.makeNonblocking()
        ready = consume reading
    }

    private func ended(_ exit: Exit) {
        child = nil
        if !isAwaited { stopWatchingReady() }
        if let recovery { Reactor.shared.cancel(recovery) }
        recovery = nil
        if isStopping {
            if let timer { Reactor.shared.cancel(timer) }
            timer = nil
        } else if !isOver {
            failures += 1
            owner.report("logger \(command.path) ended with \(exit.status) and is started again")
            restart(after: RelayState.delay(failures))
        }
    }

    private func restart(after delay: Duration) {
        timer = Reactor.shared.after(delay) {
            self.timer = nil
            guard !self.isOver else { return }
            // One that it has left behind may yet say that it is ready.
            guard !self.isAwaited else { return self.restart(after: delay) }
            do throws(Failure) {
                try self.start()
                self.watchReady()  // nobody waits, but a write to it must find a reader
            } catch {
                self.failures += 1
                self.owner.report("logger \(self.command.path): \(error.message)")
                self.restart(after: .seconds(10))
            }
        }
    }

    private func watchReady() {
        do throws(Failure) {
            guard let descriptor = ready.take() else { return }
            readyWatch = try Reactor.shared.watch(descriptor, for: .readable) { _ in
                if self.isAwaited { self.stopListening() } else { self.stopWatchingReady() }
                self.readiness.open()
            }
            ready = consume descriptor
        } catch {}  // the deadline ends it
    }

    private func stopListening() {
        if let readyWatch { Reactor.shared.cancel(readyWatch) }
        readyWatch = nil
    }

    private func stopWatchingReady() {
        stopListening()
        ready = nil
    }
}
