import CLinux

/// Whole files and directories, by path.
package enum Files {
    /// The whole file; `limit` bounds it, a longer one is a failure.
    package static func read(_ path: String, limit: Int = 16 << 20) throws(Failure) -> [UInt8] {
        try readToEnd(FileDescriptor(opening: path, .readOnly), named: path, limit: limit)
    }

    /// What was appended to a file since it had `offset` bytes, at most `limit` bytes of it.
    package static func read(_ path: String, from offset: Int64, limit: Int) throws(Failure) -> [UInt8] {
        let file = try FileDescriptor(opening: path, .readOnly)
        try check(clinux_seek(file.raw, offset), "lseek", path)
        return try readToEnd(file, named: path, limit: limit)
    }

    /// Length in bytes; 0 for a file that cannot be looked at.
    package static func size(of path: String) -> Int64 { max(0, unsafe clinux_file_size(path)) }

    /// Everything a blocking descriptor gives until its end.
    package static func readToEnd(
        _ file: borrowing FileDescriptor, named name: String, limit: Int
    ) throws(Failure) -> [UInt8] {
        var all: [UInt8] = []
        var size = 4096
        while true {
            var failure: Failure?
            var ended = false
            let chunk = unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
                do throws(Failure) {
                    switch try unsafe file.read(into: UnsafeMutableRawBufferPointer(buffer)) {
                    case .bytes(let count): filled = count
                    case .end, .notYet: ended = true
                    }
                } catch {
                    failure = error
                }
            }
            if let failure { throw failure }
            if ended { return all }
            if all.isEmpty { all = chunk } else { all += chunk }
            guard all.count <= limit else { throw Failure(.invalidArgument, "\(name): longer than \(limit) bytes") }
            size = min(size * 4, 64 * 1024)
        }
    }

    /// The file as text; bytes that are no UTF-8 are replaced.
    package static func text(_ path: String) throws(Failure) -> String {
        String(decoding: try read(path), as: UTF8.self)
    }

    /// Writes a new file beside `path` and renames it there: a reader sees all of it or nothing.
    package static func writeAtomically(_ bytes: [UInt8], to path: String, mode: UInt32 = 0o600) throws(Failure) {
        let temporary = "\(path).\(Process.id)"
        do throws(Failure) {
            let file = try FileDescriptor(opening: temporary, [.writeOnly, .create, .truncate], mode: mode)
            try writeAll(bytes, to: file, named: temporary)
            try check(unsafe clinux_rename(temporary, path), "rename", path)
        } catch {
            _ = unsafe clinux_unlink(temporary)  // it may not have been made
            throw error
        }
    }

    /// A file without a name that holds `bytes`, to be read from its beginning.
    package static func inMemory(_ bytes: [UInt8], named name: String) throws(Failure) -> FileDescriptor {
        let file = FileDescriptor(owning: try check(unsafe clinux_memory_file(name), "memfd_create", name))
        try writeAll(bytes, to: file, named: name)
        try check(clinux_seek(file.raw, 0), "lseek", name)
        return file
    }

    /// Writes to a file that exists: a kernel file, or one of somebody else's.
    package static func write(_ text: String, toExisting path: String) throws(Failure) {
        try writeAll(Array(text.utf8), to: FileDescriptor(opening: path, .writeOnly), named: path)
    }

    /// All of `bytes`, to a blocking descriptor.
    package static func writeAll(
        _ bytes: [UInt8], to file: borrowing FileDescriptor, named name: String
    ) throws(Failure) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = try file.write(rest)
            guard count > 0 else { throw Failure(.unknown, "write \(name): no progress") }
            rest = rest.dropFirst(count)
        }
    }

    /// Makes a directory; one that is there already is as good.
    package static func makeDirectory(_ path: String, mode: UInt32) throws(Failure) {
        let result = unsafe clinux_make_directory(path, mode)
        guard result != -Errno.exists else { return }
        try check(result, "mkdir", path)
    }

    /// Makes a directory and those above it that are missing.
    package static func makeDirectories(_ path: String, mode: UInt32) throws(Failure) {
        guard unsafe clinux_is_directory(path) != 1 else { return }
        var prefix = ""
        for component in path.utf8.split(separator: UInt8(ascii: "/")) {
            prefix += "/\(Substring(component))"
            try makeDirectory(prefix, mode: mode)
        }
    }

    /// chmod(2).
    package static func changeMode(_ path: String, to mode: UInt32) throws(Failure) {
        try check(unsafe clinux_change_mode(path, mode), "chmod", path)
    }

    /// Removes a file; a missing one is as good.
    package static func remove(_ path: String) {
        _ = unsafe clinux_unlink(path)  // what cannot be removed is found by whoever removes the directory
    }

    /// Removes the oldest files in `directory` whose names end in `suffix`, until `count` are left, but not more than eight;
    /// as ``remove(_:)``.
    package static func removeOldest(in directory: String, suffix: String, keeping count: Int32) {
        _ = unsafe clinux_remove_oldest(directory, suffix, count)  // as above
    }

    /// Removes an empty directory, as ``remove(_:)`` does a file.
    package static func removeDirectory(_ path: String) {
        _ = unsafe clinux_remove_directory(path)  // as above
    }

    /// Removes a directory with all that is in it, as ``remove(_:)`` does a file.
    package static func removeTree(_ path: String) {
        _ = unsafe clinux_remove_tree(path)  // as above
    }

    /// Copies a file of any length, to a new one or over an old one.
    package static func copy(_ path: String, to copy: String) throws(Failure) {
        let source = try FileDescriptor(opening: path, .readOnly)
        let target = try FileDescriptor(opening: copy, [.writeOnly, .create, .truncate])
        var rest: [UInt8] = []
        while true {
            switch source.copy(to: target, keeping: &rest) {
            case .moved where rest.isEmpty: continue
            case .sourceEnded: return
            default: throw Failure(.unknown, "copy \(path) to \(copy): no progress")
            }
        }
    }

    /// Whether `path` can be looked at at all.
    package static func exists(_ path: String) -> Bool { identity(of: path) != nil }

    /// Whether `path` is a directory now.
    package static func isDirectory(_ path: String) -> Bool { unsafe clinux_is_directory(path) == 1 }

    /// Whether we may execute the file at `path`.
    package static func isExecutable(_ path: String) -> Bool {
        unsafe clinux_access_executable(path) == 0 && !isDirectory(path)
    }

    /// Device and inode: the same pair is the same file.
    package struct Identity: Equatable {
        let device: UInt64
        let inode: UInt64

        /// The same words for the same file, as long as the machine runs.
        package var text: String { "\(device):\(inode)" }
    }

    /// What `path` names now; nil if nothing.
    package static func identity(of path: String) -> Identity? {
        var device: UInt64 = 0
        var inode: UInt64 = 0
        guard unsafe clinux_identity(path, &device, &inode) == 0 else { return nil }
        return Identity(device: device, inode: inode)
    }

    /// What `file` is open on.
    package static func identity(of file: borrowing FileDescriptor) -> Identity? {
        var device: UInt64 = 0
        var inode: UInt64 = 0
        guard unsafe clinux_identity_of(file.raw, &device, &inode) == 0 else { return nil }
        return Identity(device: device, inode: inode)
    }

    /// Names of the directories in `path`.
    package static func directories(in path: String) throws(Failure) -> [String] {
        var size = 64 * 1024
        while true {
            do throws(Failure) {
                return try directories(in: path, atMost: size)
            } catch {
                guard error.errno == Errno.tooBig, size < 64 << 20 else { throw error }
                size *= 4
            }
        }
    }

    private static func directories(in path: String, atMost size: Int) throws(Failure) -> [String] {
        var failure: Int32 = 0
        let names = unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, filled in
            // SAFETY: the glue writes at most `size` bytes.
            let used = unsafe buffer.baseAddress.map { start in
                unsafe start.withMemoryRebound(to: CChar.self, capacity: size) { text in
                    unsafe clinux_list_directories(path, text, Int32(size))
                }
            }
            failure = min(used ?? 0, 0)
            filled = Int(max(used ?? 0, 0))
        }
        try check(failure, "readdir", path)
        return names.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    }
}
