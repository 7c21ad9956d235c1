import CLinux

/// Paths as text. Bytes are looked at and not characters, of which Swift asks Unicode where each ends.
package enum Paths {
    private static let slash = UInt8(ascii: "/")

    /// The shortest equal path, by text alone: no `//`, `.` or inner `..`; as Go's filepath.Clean.
    package static func clean(_ path: String) -> String {
        let absolute = path.utf8.first == slash
        var kept: [Substring] = []
        for component in path.utf8.split(separator: slash).map({ Substring($0) }) where component != "." {
            if component != ".." {
                kept.append(component)
            } else if let last = kept.last, last != ".." {
                kept.removeLast()
            } else if !absolute {
                kept.append(component)
            }
        }
        let joined = kept.joined(separator: "/")
        return absolute ? "/" + joined : joined.isEmpty ? "." : joined
    }

    /// Everything before the last component of a clean absolute path.
    package static func parent(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: slash), slash != path.startIndex else { return "/" }
        return String(path[..<slash])
    }

    /// The last component.
    package static func lastComponent(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: slash) else { return path }
        return String(path[path.utf8.index(after: slash)...])
    }

    /// Whether `name` can be one component of a path and nothing else: not empty, `.` or `..`, no
    /// slash, no control character, at most 255 bytes.
    package static func isComponent(_ name: String) -> Bool {
        guard !name.isEmpty, name.utf8.count <= 255, name != ".", name != ".." else { return false }
        return name.utf8.allSatisfy { $0 > 0x1f && $0 != 0x7f && $0 != slash }
    }

    /// Where a program is, as exec(3) would find it; the failure has Go's words for it.
    package static func executable(_ name: String) throws(Failure) -> String {
        guard !name.utf8.contains(slash) else { return name }
        for directory in (Process.environment("PATH") ?? "").utf8.split(separator: UInt8(ascii: ":")) {
            let candidate = "\(Substring(directory))/\(name)"
            if Files.isExecutable(candidate) { return candidate }
        }
        throw Failure(.unknown, errno: Errno.noEntry, "exec: \"\(name)\": executable file not found in $PATH")
    }

    /// Our working directory.
    package static func workingDirectory() throws(Failure) -> String {
        var result: Int32 = 0
        let bytes = unsafe filled(4096) { unsafe result = clinux_current_directory($0, 4096) }
        try check(result, "getcwd", "")
        return bytes
    }

    /// realpath(3): no symlink left in it.
    package static func resolved(_ path: String) throws(Failure) -> String {
        var result: Int32 = 0
        let bytes = unsafe filled(4097) { unsafe result = clinux_resolve(path, $0) }
        try check(result, "realpath", path)
        return bytes
    }

    /// What a symbolic link says (readlink(2)).
    package static func link(_ path: String) throws(Failure) -> String {
        var result: Int32 = 0
        let bytes = unsafe filled(4096) { unsafe result = clinux_read_link(path, $0) }
        try check(result, "readlink", path)
        return bytes
    }

    /// The text that `body` leaves, ended by NUL, in a buffer of `size`.
    static func filled(_ size: Int, _ body: (UnsafeMutablePointer<CChar>) -> Void) -> String {
        unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: size) { buffer in
            guard let start = buffer.baseAddress else { return "" }
            unsafe start.pointee = 0
            unsafe body(start)
            return unsafe String(cString: start)
        }
    }
}
