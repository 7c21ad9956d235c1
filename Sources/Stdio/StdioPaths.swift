import Linux

/// What a client asked for (C-4.1): "" is a stream that is not wanted.
package struct StdioPaths: Equatable {
    package var stdin: String
    package var stdout: String
    package var stderr: String
    /// One terminal for all three; there is no stderr then, whatever is said of it (C-4.3).
    package var terminal: Bool

    package init(stdin: String = "", stdout: String = "", stderr: String = "", terminal: Bool = false) {
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
        self.terminal = terminal
    }
}

/// Where one stream goes to or comes from.
struct StdioPath: Equatable {
    /// As open(2) takes it, with all its `?`, `#` and `%`.
    let path: String

    /// A path or a URI, as the client wrote it. Fails for a scheme that we cannot serve.
    init(_ text: String) throws(Failure) {
        guard let scheme = Self.scheme(of: text) else {
            path = text
            return
        }
        switch scheme {
        case "fifo":
            let rest = text.utf8.dropFirst(scheme.utf8.count + 1)
            path = String(decoding: rest.starts(with: "//".utf8) ? rest.dropFirst(2) : rest, as: UTF8.self)
        case "binary", "binary-v2", "file": throw Failure(.unimplemented, "stdio scheme \(scheme): not implemented")
        default: throw Failure(.invalidArgument, "unknown STDIO scheme \(scheme)")
        }
    }

    /// What stands before the first colon, if that can be a scheme (RFC 3986, 3.1).
    private static func scheme(of text: String) -> String? {
        guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) else { return nil }
        let name = text.utf8[..<colon]
        guard let first = name.first, isLetter(first) else { return nil }
        guard name.allSatisfy({ isLetter($0) || "0123456789+-.".utf8.contains($0) }) else { return nil }
        return String(decoding: name, as: UTF8.self)
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }
}
