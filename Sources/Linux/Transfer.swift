import CLinux

/// What became of an attempt to move bytes from one non-blocking descriptor to another.
package enum Transfer: Equatable {
    case moved(Int)
    /// The source has nothing now.
    case nothingToRead
    /// The destination takes nothing now.
    case destinationFull
    /// The source will never have anything more; a terminal says so too while nobody has it open.
    case sourceEnded
    /// Nobody will ever read what is written.
    case destinationGone
    /// The destination refused, perhaps only for now: no space, an error of its device.
    case destinationFailed
    /// Not between these two: ``FileDescriptor/copy(to:keeping:)`` will do.
    case unsupported
}

extension FileDescriptor {
    /// splice(2): moves pages, without copying and without a buffer. One side must be a pipe. What
    /// is not moved stays in the source.
    package func splice(to destination: borrowing FileDescriptor, atMost count: Int) -> Transfer {
        let moved = clinux_splice(raw, destination.raw, count)
        if moved > 0 { return .moved(Int(moved)) }
        if moved == 0 { return .sourceEnded }
        switch Int32(-moved) {
        case Errno.again:
            // It says so for an empty source and for a full destination, even if the source has ended.
            let state = clinux_poll(raw, UInt32(CLINUX_IN))
            if state & Int32(CLINUX_IN) != 0 { return .destinationFull }
            return state & Int32(CLINUX_HUP) != 0 ? .sourceEnded : .nothingToRead
        case Errno.invalid: return .unsupported
        case Errno.brokenPipe: return .destinationGone
        default: return .destinationFailed
        }
    }

    /// Reads at most one page and writes it. What the destination does not take goes to `rest`,
    /// which must be empty.
    package func copy(to destination: borrowing FileDescriptor, keeping rest: inout [UInt8]) -> Transfer {
        let (source, target) = (raw, destination.raw)
        // SAFETY: only the bytes that the kernel filled are used.
        return unsafe withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer in
            guard let start = buffer.baseAddress else { return .nothingToRead }
            let count = unsafe clinux_read(source, start, buffer.count)
            guard count > 0 else { return count == -Int64(Errno.again) ? .nothingToRead : .sourceEnded }
            let written = unsafe clinux_write(target, start, Int(count))
            if written == count { return .moved(Int(count)) }
            unsafe rest += buffer[Int(max(0, written))..<Int(count)]
            return written > 0 ? .moved(Int(written)) : Transfer(writeError: Int32(-written))
        }
    }

    /// Writes what an earlier ``copy(to:keeping:)`` kept, and takes out of `rest` what was written.
    package func write(keeping rest: inout [UInt8]) -> Transfer {
        let written = unsafe clinux_write(raw, rest, rest.count)
        guard written > 0 else { return Transfer(writeError: Int32(-written)) }
        rest = Array(rest.dropFirst(Int(written)))  // empty: no allocation is kept
        return .moved(Int(written))
    }

    /// Reads at most two pages of `source` and writes them to this file, at `offset`. What was read and could not be
    /// written, the difference between the two counts, is lost.
    package func fill(
        at offset: Int, from source: borrowing FileDescriptor, atMost limit: Int
    ) -> (transfer: Transfer, written: Int) {
        let (source, file) = (source.raw, raw)
        // SAFETY: only the bytes that the kernel filled are used.
        return unsafe withUnsafeTemporaryAllocation(byteCount: 8192, alignment: 1) { buffer in
            guard let start = buffer.baseAddress else { return (.nothingToRead, 0) }
            let count = unsafe clinux_read(source, start, min(limit, buffer.count))
            guard count > 0 else { return (count == -Int64(Errno.again) ? .nothingToRead : .sourceEnded, 0) }
            let written = unsafe clinux_write_at(file, start, Int(count), Int64(offset))
            return (.moved(Int(count)), Int(max(0, written)))
        }
    }

    /// Writes at most two pages of this file, of what is at `offset`, to `destination`.
    package func empty(at offset: Int, to destination: borrowing FileDescriptor, atMost limit: Int) -> Transfer {
        let (file, target) = (raw, destination.raw)
        // SAFETY: only the bytes that the kernel filled are used.
        return unsafe withUnsafeTemporaryAllocation(byteCount: 8192, alignment: 1) { buffer in
            guard let start = buffer.baseAddress else { return .sourceEnded }
            let count = unsafe clinux_read_at(file, start, min(limit, buffer.count), Int64(offset))
            guard count > 0 else { return .sourceEnded }
            let written = unsafe clinux_write(target, start, Int(count))
            return written > 0 ? .moved(Int(written)) : Transfer(writeError: Int32(-written))
        }
    }

    /// Reads at most two pages and forgets them.
    package func discard() -> Transfer {
        let source = raw
        // SAFETY: nobody looks at the bytes.
        return unsafe withUnsafeTemporaryAllocation(byteCount: 8192, alignment: 1) { buffer in
            guard let start = buffer.baseAddress else { return .nothingToRead }
            let count = unsafe clinux_read(source, start, buffer.count)
            guard count > 0 else { return count == -Int64(Errno.again) ? .nothingToRead : .sourceEnded }
            return .moved(Int(count))
        }
    }

    /// What can be read without waiting, at most `limit` bytes; empty at the end and on an error.
    package func readNow(atMost limit: Int) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, filled in
            // SAFETY: the kernel writes at most `limit` bytes, and says how many.
            filled = unsafe buffer.baseAddress.map { unsafe Int(max(0, clinux_read(raw, $0, limit))) } ?? 0
        }
    }
}

extension Transfer {
    /// A write(2) that took nothing, as of `code`.
    fileprivate init(writeError code: Int32) {
        switch code {
        case 0, Errno.again: self = .destinationFull
        case Errno.brokenPipe: self = .destinationGone
        default: self = .destinationFailed
        }
    }
}

extension FileDescriptor {
    /// Whether at least half of the pipe is in use.
    package var isHalfFull: Bool { clinux_pipe_unread(raw) * 2 >= clinux_pipe_capacity(raw) }

    /// Makes a pipe hold so many bytes, if it holds fewer; the kernel may refuse that, and then it stays as it is.
    package func growPipe(to bytes: Int32) {
        if clinux_pipe_capacity(raw) < bytes { _ = clinux_set_pipe_capacity(raw, bytes) }
    }

    /// How many bytes can be read now, of a pipe or terminal.
    package var unread: Int { Int(max(0, clinux_pipe_unread(raw))) }

    /// Whether this end of a pipe has nothing to read, and never will.
    package var isAtEnd: Bool {
        let state = clinux_poll(raw, UInt32(CLINUX_IN))
        return state & Int32(CLINUX_HUP) != 0 && state & Int32(CLINUX_IN) == 0
    }

    /// Whether somebody could read what is written to this end of a pipe.
    package var hasReader: Bool { clinux_poll(raw, UInt32(CLINUX_OUT)) & Int32(CLINUX_ERR) == 0 }

    /// Whether it is open on a terminal, of either side.
    package var isTerminal: Bool { clinux_is_terminal(raw) == 0 }

    /// TIOCSWINSZ, in characters.
    package func resizeTerminal(rows: UInt16, columns: UInt16) throws(Failure) {
        try check(clinux_resize_terminal(raw, rows, columns), "ioctl", "TIOCSWINSZ")
    }

    /// Another descriptor for the same open file.
    package func copied() throws(Failure) -> FileDescriptor {
        FileDescriptor(owning: try check(clinux_copy_descriptor(raw), "fcntl", "fd \(raw)"))
    }
}

extension Files {
    /// Whether `path` names a fifo now.
    package static func isFifo(_ path: String) -> Bool { unsafe clinux_is_fifo_at(path) == 1 }
}
