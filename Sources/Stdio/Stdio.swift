package import Linux
package import Reactor
import _Concurrency

/// The three streams of one process, between its client's fifos and its own descriptors.
///
/// Nothing is opened twice by path. Without a terminal the process has a pipe for each stream that
/// is wanted; the runtime inherits its ends and we keep none of them, so that an end of file is one.
/// With a terminal its master comes from the runtime.
///
/// The client's stdin is opened last, by ``startInput()`` when the process is started: opening it
/// lets the client write, and one that writes little reaches its own end of file, and wants to say
/// so (CloseIO), before it has heard that there is a process. Then it has a second writer, ours,
/// until ``closeStdin()``: without it a client that goes away would end the input.
@Loop
package final class Stdio {
    /// Whose streams these are, and who hears what goes wrong with them.
    package struct Owner {
        /// The container's id for init, else the exec's.
        let id: String
        let namespace: String
        let report: @Loop (String) -> Void

        /// What happens while nobody reads the output.
        let policy: OutputPolicy
        let spill: SpillPlace

        package init(
            id: String, namespace: String, policy: OutputPolicy = .wait, spill: SpillPlace = SpillPlace(),
            report: @escaping @Loop (String) -> Void
        ) {
            self.id = id
            self.namespace = namespace
            self.policy = policy
            self.spill = spill
            self.report = report
        }
    }

    private static let reportInterval = Duration.seconds(10)
    /// How long ``drained()`` waits for bytes that a reader could still take: the kubelet's containerd gives up on a
    /// delete after 10 s, and may forget the task then.
    private static let readerLimit = Duration.seconds(8)
    /// Likewise, of a reader that takes none.
    private static let idleLimit = Duration.seconds(4)
    /// How long it waits when all that was written is out, and somebody could still write.
    private static let holderLimit = Duration.seconds(2)

    private enum Phase { case preparing, relaying, closed }

    private let paths: StdioPaths
    private let destination: Destination
    private let policy: OutputPolicy
    private let spill: SpillPlace
    private let report: @Loop (String) -> Void
    /// Dropped, and not reported yet: not every gap is worth a line of the log.
    private var unreported = 0
    /// Why output could not be spilled, likewise.
    private var unreportedReason: String?
    private var reportTimer: Reactor.Timer?
    private var logger: Logger?
    private var phase = Phase.preparing
    private var hasExited = false

    // The process's ends, until the runtime has them.
    private var childInput: FileDescriptor?
    private var childOutput: FileDescriptor?
    private var childError: FileDescriptor?
    private var null: FileDescriptor?

    // The client's side of a terminal, until there is one.
    private var clientOutput: FileDescriptor?

    // Where stdin goes, a pipe or a terminal, until it is started.
    private var inputDestination: FileDescriptor?
    private var inputIsClosed = false
    private var keptWriter: FileDescriptor?
    private var input: Relay?
    private var output: Relay?
    private var error: Relay?
    private var size: (columns: UInt32, rows: UInt32)?
    private let relayed = Gate()

    /// Opens what the client named, without ever waiting for it; a path that does not exist is a
    /// failure with ENOENT. The process's ends belong to `uid` and `gid`.
    package static func open(_ paths: StdioPaths, uid: UInt32, gid: UInt32, owner: Owner) throws(Failure) -> Stdio {
        try Stdio(paths, to: Destination(stdout: paths.stdout), uid: uid, gid: gid, owner: owner)
    }

    private init(
        _ paths: StdioPaths, to destination: Destination, uid: UInt32, gid: UInt32, owner: Owner
    ) throws(Failure) {
        self.paths = paths
        self.destination = destination
        policy = owner.policy
        spill = owner.spill
        report = owner.report
        do throws(Failure) {
            if case .logger(let command) = destination { logger = try Logger(command, for: owner) }
            if paths.terminal { try openForTerminal() } else { try openPipes(uid: uid, gid: gid) }
        } catch {
            close()
            throw error
        }
    }

    /// Suspends until the client's logger is ready, if there is one; fails if it does not get ready.
    package func waitUntilReady() async throws(Failure) { try await logger?.waitUntilReady() }

    /// What the process shall have as 0, 1 and 2, until ``runtimeStarted()``; none with a terminal.
    package var descriptorsForRuntime: [Int32] {
        guard !paths.terminal, let other = null?.raw else { return [] }
        return [childInput?.raw ?? other, childOutput?.raw ?? other, childError?.raw ?? other]
    }

    /// The runtime has inherited the process's ends; ours are closed.
    package func runtimeStarted() {
        childInput = nil
        childOutput = nil
        childError = nil
        null = nil
    }

    /// The runtime has succeeded: from now on bytes are relayed. What it wrote itself was held back
    /// until now, unless it was so much that the runtime would have had to wait for us.
    package func start() throws(Failure) {
        guard phase == .preparing, !paths.terminal else { return }
        phase = .relaying
        for relay in relays { relay.start() }
        if hasExited { tellExit() }
    }

    /// The process is being started: the client's stdin is opened and relayed to it. Once.
    package func startInput() throws(Failure) {
        guard phase == .relaying, let destination = inputDestination.take() else { return }
        let path = try StdioPath(paths.stdin).path
        let source = try Fifo.openInput(path)
        keptWriter = try Fifo.openKeptWriter(path)
        if inputIsClosed { keptWriter = nil }
        let relay = try Relay(paths.terminal ? .terminalInput : .input, from: source, to: destination) { [self] in
            keptWriter = nil
        }
        input = relay
        relay.start()
        if hasExited { tellExit() }
    }

    /// What was written to stderr and not relayed, at most 4 KiB of it, for an error's text. It is
    /// taken out of the stream.
    package func heldErrorText() -> String { String(decoding: error?.takeHeld(atMost: 4096) ?? [], as: UTF8.self) }

    /// The master of the process's terminal: relaying begins.
    package func attach(console: consuming FileDescriptor) throws(Failure) {
        guard phase == .preparing, paths.terminal, let client = clientOutput.take() else { return }
        guard console.isTerminal else { throw Failure(.invalidArgument, "console: not a terminal") }
        try console.makeNonblocking()
        if !paths.stdin.isEmpty { inputDestination = try console.copied() }
        output = try Relay(.terminalOutput, from: console, to: client, overflow: makeOverflow()) { [self] in
            outputEnded()
        }
        try applySize()
        phase = .relaying
        for relay in relays { relay.start() }
        if hasExited { tellExit() }
    }

    /// The client is done with stdin: it ends as soon as the client's writers have ended too, and
    /// not before everything was delivered (C-4.20). May come at any time, and again.
    package func closeStdin() {
        inputIsClosed = true
        keptWriter = nil
    }

    /// The terminal's size; kept for later while there is no terminal yet (C-4.36), and nothing where there will be none
    /// (C-3.39).
    package func resize(columns: UInt32, rows: UInt32) throws(Failure) {
        size = (columns, rows)
        try applySize()
    }

    /// The process has ended. Its stdin is closed; a terminal is read until nothing is left, and
    /// closed. Pipes end with their last writer, which may be another process.
    package func processExited() {
        hasExited = true
        if phase == .relaying { tellExit() }
    }

    /// The process has ended, and somebody waits to hear of it: calls `done` as soon as the client has read what was
    /// written, but for a page; at once if that is not for a client to read, and in any case when it has read nothing
    /// for 250 ms, or after eight seconds.
    package func afterReading(_ done: @escaping @Loop () -> Void) {
        guard destination == .paths, policy == .wait, phase == .relaying else { return done() }
        Reading(paths, through: relays, whenRead: done).begin()
    }

    /// Suspends until all output was relayed and the logger, if there is one, has read it; false if there may be more:
    /// a reader that does not read is waited for 4 s, one that reads, and a logger with something left, 8 s in all, and
    /// one who holds the streams open and says nothing 2 s. At once if nothing was ever relayed.
    package func drained() async -> Bool {
        var patience = Self.readerLimit
        var idle = Duration.zero
        var left = undelivered
        while await !relaysEnded(within: Self.holderLimit) {
            patience -= Self.holderLimit
            idle = undelivered < left ? .zero : idle + Self.holderLimit
            left = undelivered
            guard patience > .zero, idle < Self.idleLimit else { return false }
            guard relays.contains(where: { !$0.isInput && $0.hasUndelivered }) else { return false }
        }
        return await logger?.hasEnded(within: patience) ?? true
    }

    private var undelivered: Int { relays.reduce(0) { $0 + $1.undelivered } }

    /// Suspends until all output was relayed, at most for `limit`; false if there is more.
    func relaysEnded(within limit: Duration) async -> Bool {
        if isDrained { return true }
        return await relayed.opens(within: limit)
    }

    /// Ends the logger, if there is one, and suspends until it is gone.
    package func endLogger() async { await logger?.end() }

    /// A client has called, and may be about to read what others have left in their fifos.
    package static func expectReaders() { UnreadOutput.expectReaders() }

    /// Closes everything now. Nothing of the client's is removed.
    package func close() {
        guard phase != .closed else { return }
        phase = .closed
        logger?.stop()
        if let reportTimer { Reactor.shared.cancel(reportTimer) }
        reportTimer = nil
        runtimeStarted()
        inputDestination = nil
        clientOutput = nil
        keptWriter = nil
        for relay in relays { relay.close() }
        if lostBytes > 0 { report("\(lostBytes) bytes of output could not be delivered") }
    }

    /// Bytes of output that could not be delivered and were dropped.
    package var lostBytes: Int { (output?.lost ?? 0) + (error?.lost ?? 0) }

    private func openPipes(uid: UInt32, gid: UInt32) throws(Failure) {
        null = try FileDescriptor(opening: "/dev/null", .readWrite)
        if let logger { return try openPipes(of: logger, uid: uid, gid: gid) }
        if !paths.stdin.isEmpty {
            try checkInput()
            var pipe = try Pipe()
            childInput = try given(pipe.reading.take(), uid, gid)
            if let writing = pipe.writing.take() {
                try writing.makeNonblocking()
                inputDestination = consume writing
            }
        }
        if !paths.stdout.isEmpty {
            var pipe = try Pipe()
            childOutput = try given(pipe.writing.take(), uid, gid)
            output = try outputRelay(from: pipe.reading.take(), to: openOutput(paths.stdout))
        }
        if !paths.stderr.isEmpty {
            var pipe = try Pipe()
            childError = try given(pipe.writing.take(), uid, gid)
            error = try outputRelay(from: pipe.reading.take(), to: openOutput(paths.stderr))
        }
    }

    /// It reads what the process writes, without us unless the process must not wait for it; there is no stdin
    /// then (C-4.42, C-4.45).
    private func openPipes(of logger: Logger, uid: UInt32, gid: UInt32) throws(Failure) {
        guard policy != .wait else {
            childOutput = try given(logger.takeOutput(), uid, gid)
            childError = try given(logger.takeError(), uid, gid)
            return
        }
        var pipe = try Pipe()
        childOutput = try given(pipe.writing.take(), uid, gid)
        output = try outputRelay(from: pipe.reading.take(), to: logger.takeOutput())
        pipe = try Pipe()
        childError = try given(pipe.writing.take(), uid, gid)
        error = try outputRelay(from: pipe.reading.take(), to: logger.takeError())
    }

    private func openForTerminal() throws(Failure) {
        if !paths.stdin.isEmpty { try checkInput() }
        // What nobody wants is read all the same, so that the process never waits (C-4.35).
        if let logger {
            let writing = logger.takeOutput()
            try writing?.makeNonblocking()
            clientOutput = consume writing
            _ = logger.takeError()  // which nobody will write to
        } else {
            clientOutput = try openOutput(paths.stdout.isEmpty ? "/dev/null" : paths.stdout)
        }
    }

    private func checkInput() throws(Failure) {
        let path = try StdioPath(paths.stdin).path
        guard Files.exists(path) else {
            throw Failure(.unknown, errno: Errno.noEntry, "open \(path): \(errorText(Errno.noEntry))")
        }
    }

    private func outputRelay(
        from reading: consuming FileDescriptor?, to destination: consuming FileDescriptor?
    ) throws(Failure) -> Relay? {
        guard let reading, let destination else { return nil }
        try reading.makeNonblocking()
        try destination.makeNonblocking()
        return try Relay(.output, from: reading, to: destination, overflow: makeOverflow()) { [self] in
            outputEnded()
        }
    }

    private func makeOverflow() -> Overflow? {
        guard policy != .wait else { return nil }
        return Overflow(policy == .spill ? spill : nil) { [self] count, reason in
            unreported += count
            unreportedReason = reason ?? unreportedReason
            if reportTimer == nil { tellDropped() }
        }
    }

    private func tellDropped() {
        if let reason = unreportedReason { report("output is dropped and not spilled: \(reason)") }
        if unreported > 0 { report("\(unreported) bytes of output were dropped") }
        unreported = 0
        unreportedReason = nil
        reportTimer = Reactor.shared.after(Self.reportInterval) { [self] in
            reportTimer = nil
            if unreported > 0 || unreportedReason != nil { tellDropped() }
        }
    }

    private func openOutput(_ path: String) throws(Failure) -> FileDescriptor {
        if case .file(let file) = destination { return try Fifo.openLogFile(file) }
        return try Fifo.openOutput(StdioPath(path).path)
    }

    private func given(
        _ end: consuming FileDescriptor?, _ uid: UInt32, _ gid: UInt32
    ) throws(Failure) -> FileDescriptor? {
        if uid != 0 || gid != 0 { try end?.changeOwner(uid: uid, gid: gid) }
        return end
    }

    private var relays: [Relay] { [input, output, error].compactMap { $0 } }

    private var isDrained: Bool { phase != .relaying || (output?.isClosed ?? true) && (error?.isClosed ?? true) }

    private func outputEnded() {
        if isDrained { relayed.open() }
    }

    private func tellExit() {
        inputDestination = nil
        keptWriter = nil
        for relay in relays { relay.processExited() }
    }

    private func applySize() throws(Failure) {
        guard paths.terminal, let size else { return }
        try output?.resizeSource(
            rows: UInt16(truncatingIfNeeded: size.rows), columns: UInt16(truncatingIfNeeded: size.columns))
    }
}
