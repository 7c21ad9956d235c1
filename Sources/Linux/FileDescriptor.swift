import CLinux

/// A descriptor with exactly one owner; it closes when its owner is done.
///
/// Public like every noncopyable type here, its members not: an embedded build must see the deinit
/// in each importing module, and the compiler carries only those of public types across.
public struct FileDescriptor: ~Copyable {
    package let raw: Int32

    package init(owning raw: Int32) { self.raw = raw }

    /// open(2), always close-on-exec. `mode` is for a file that is made.
    package init(opening path: String, _ flags: OpenFlags, mode: UInt32 = 0o600) throws(Failure) {
        raw = try check(unsafe clinux_open(path, flags.rawValue, mode), "open", path)
    }

    /// A new file in `directory` that has no name, for reading and writing; it goes with its last descriptor.
    package init(temporaryIn directory: String) throws(Failure) {
        raw = try check(unsafe clinux_open_temporary(directory), "open", "a file in \(directory)")
    }

    /// openat(2) for reading, of a file that may well not be there; nil if it cannot be opened.
    package static func reading(_ name: String, in directory: borrowing FileDescriptor) -> FileDescriptor? {
        let raw = unsafe clinux_open_at(directory.raw, name, OpenFlags.readOnly.rawValue)
        return raw < 0 ? nil : FileDescriptor(owning: raw)
    }

    /// A counter that the kernel raises (eventfd(2)): readable once it is not 0, which reading makes it
    /// again. Non-blocking.
    package static func eventCounter() throws(Failure) -> FileDescriptor {
        FileDescriptor(owning: try check(clinux_event_counter(), "eventfd", ""))
    }

    deinit { _ = clinux_close(raw) }

    /// What read(2) gave. `notYet`: a non-blocking descriptor has nothing now.
    package enum Reading {
        case bytes(Int)
        case end
        case notYet
    }

    /// read(2) into `buffer`.
    package func read(into buffer: UnsafeMutableRawBufferPointer) throws(Failure) -> Reading {
        guard let start = buffer.baseAddress else { return .notYet }
        let count = unsafe clinux_read(raw, start, buffer.count)
        if count == -Int64(Errno.again) { return .notYet }
        try check(count, "read", "fd \(raw)")
        return count == 0 ? .end : .bytes(Int(count))
    }

    /// Reads a piece of what is there and forgets it; true at the end.
    package func skip() throws(Failure) -> Bool {
        try unsafe withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { (buffer) throws(Failure) in
            if case .end = try unsafe read(into: buffer) { true } else { false }
        }
    }

    /// write(2): how many bytes were taken, 0 when a non-blocking descriptor takes none.
    package func write(_ bytes: ArraySlice<UInt8>) throws(Failure) -> Int {
        let count = unsafe bytes.withUnsafeBytes { buffer in
            unsafe buffer.baseAddress.map { unsafe clinux_write(raw, $0, buffer.count) } ?? 0
        }
        return count == -Int64(Errno.again) ? 0 : Int(try check(count, "write", "fd \(raw)"))
    }

    /// pwrite(2) of all the bytes; fewer are a failure.
    package func write(_ bytes: [UInt8], at offset: Int) throws(Failure) {
        let count = unsafe bytes.withUnsafeBytes { buffer in
            unsafe buffer.baseAddress.map { unsafe clinux_write_at(raw, $0, buffer.count, Int64(offset)) } ?? 0
        }
        try check(count, "write", "fd \(raw)")
        guard count == bytes.count else {
            throw Failure(.resourceExhausted, "write fd \(raw): only \(count) of \(bytes.count) bytes")
        }
    }

    /// pread(2): what is in the file from `offset` on, at most `limit` bytes.
    package func read(at offset: Int, atMost limit: Int) throws(Failure) -> [UInt8] {
        var result: Int64 = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, filled in
            // SAFETY: the kernel writes at most `limit` bytes, and says how many.
            result = unsafe buffer.baseAddress.map { unsafe clinux_read_at(raw, $0, limit, Int64(offset)) } ?? 0
            filled = Int(max(0, result))
        }
        try check(result, "read", "fd \(raw)")
        return bytes
    }

    /// Reads from the beginning of the file next.
    package func rewind() throws(Failure) { try check(clinux_seek(raw, 0), "lseek", "fd \(raw)") }

    /// O_NONBLOCK, for this open file description.
    package func makeNonblocking() throws(Failure) {
        try check(clinux_set_nonblocking(raw), "fcntl", "fd \(raw)")
    }

    /// Takes an exclusive flock(2) without waiting; false if another has it.
    package func lock() -> Bool { clinux_lock(raw) == 0 }

    /// fchown(2).
    package func changeOwner(uid: UInt32, gid: UInt32) throws(Failure) {
        try check(clinux_change_owner(raw, uid, gid), "fchown", "fd \(raw)")
    }
}

/// How open(2) opens.
package struct OpenFlags: OptionSet {
    package let rawValue: Int32

    package init(rawValue: Int32) { self.rawValue = rawValue }

    package static let readOnly = OpenFlags([])
    package static let writeOnly = OpenFlags(rawValue: Int32(CLINUX_O_WRONLY))
    package static let readWrite = OpenFlags(rawValue: Int32(CLINUX_O_RDWR))
    package static let create = OpenFlags(rawValue: Int32(CLINUX_O_CREAT))
    package static let truncate = OpenFlags(rawValue: Int32(CLINUX_O_TRUNC))
    package static let append = OpenFlags(rawValue: Int32(CLINUX_O_APPEND))
    package static let nonblocking = OpenFlags(rawValue: Int32(CLINUX_O_NONBLOCK))
    package static let directory = OpenFlags(rawValue: Int32(CLINUX_O_DIRECTORY))
    /// What the path names, and nothing that can be read or written.
    package static let nameOnly = OpenFlags(rawValue: Int32(CLINUX_O_PATH))
}

/// Both ends of a pipe. A struct because a tuple cannot hold noncopyable values; optional because
/// one end is usually given away before the other.
public struct Pipe: ~Copyable {
    package var reading: FileDescriptor?
    package var writing: FileDescriptor?

    package init() throws(Failure) {
        var ends: (Int32, Int32) = (-1, -1)
        // SAFETY: two Int32, as pipe2 fills them.
        let result = unsafe withUnsafeMutableBytes(of: &ends) { bytes in
            unsafe bytes.assumingMemoryBound(to: Int32.self).baseAddress.map { unsafe clinux_pipe($0) } ?? -22
        }
        try check(result, "pipe2", "")
        reading = FileDescriptor(owning: ends.0)
        writing = FileDescriptor(owning: ends.1)
    }
}
