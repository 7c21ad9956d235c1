import Linux

/// The client's side of a stream: almost always a fifo that the client made and has opened. It may
/// be removed at any time, so it is opened once and never again (C-4.4).
enum Fifo {
    /// For the container's output. Never waits for a reader. We are a reader too: whoever reads on
    /// the other side may go and come back, and neither the container nor a byte is hurt (C-4.12).
    /// What is no fifo is written at its end, and not made (C-4.13); so one path may be opened twice.
    static func openOutput(_ path: String) throws(Failure) -> FileDescriptor {
        try FileDescriptor(
            opening: path, Files.isFifo(path) ? [.readWrite, .nonblocking] : [.writeOnly, .append, .nonblocking])
    }

    /// The end of a log file, which is made if it is not there, with the directories above it (C-4.46).
    static func openLogFile(_ path: String) throws(Failure) -> FileDescriptor {
        try Files.makeDirectories(Paths.parent(of: path), mode: 0o755)
        return try FileDescriptor(opening: path, [.writeOnly, .create, .append, .nonblocking], mode: 0o644)
    }

    /// For the container's input. Never waits for a writer.
    static func openInput(_ path: String) throws(Failure) -> FileDescriptor {
        try FileDescriptor(opening: path, [.readOnly, .nonblocking])
    }

    /// Names a fifo, whatever becomes of its path, and is no end of it. nil if there is none.
    static func name(_ path: String) -> FileDescriptor? {
        guard !path.isEmpty, let path = try? StdioPath(path).path, Files.isFifo(path) else { return nil }
        return try? FileDescriptor(opening: path, .nameOnly)
    }

    /// A write end of our own: with it the input does not end when the client goes (C-4.12). nil if
    /// it is no fifo, which ends by itself.
    static func openKeptWriter(_ path: String) throws(Failure) -> FileDescriptor? {
        guard Files.isFifo(path) else { return nil }
        return try FileDescriptor(opening: path, [.writeOnly, .nonblocking])
    }
}

extension FileDescriptor {
    /// What it is open on, to be opened anew.
    var path: String { "/proc/self/fd/\(raw)" }
}
