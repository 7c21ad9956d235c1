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

/// Where the output of a process goes: the scheme of its stdout says it for both streams (C-4.2).
enum Destination: Equatable {
    /// Each stream to its own path.
    case paths
    /// Both to the end of one file, which is made if it is not there.
    case file(String)
    case logger(Logger.Command)

    /// Of the client's stdout. Fails for a scheme that we do not know, and for a URI that is none.
    init(stdout text: String) throws(Failure) {
        guard let scheme = URI.scheme(of: text) else {
            self = .paths
            return
        }
        switch scheme {
        case "fifo": self = .paths
        case "file": self = .file(try URI(text).path)
        case "binary", "binary-v2":
            let uri = try URI(text)
            self = .logger(Logger.Command(path: uri.path, arguments: uri.words, mustSpeak: scheme == "binary-v2"))
        default: throw Failure(.invalidArgument, "unknown STDIO scheme \(scheme)")
        }
    }
}

/// A path of one stream, as open(2) takes it, with all its `?`, `#` and `%`.
struct StdioPath: Equatable {
    let path: String

    /// A path, or one with `fifo://` before it.
    init(_ text: String) throws(Failure) {
        guard let scheme = URI.scheme(of: text) else {
            path = text
            return
        }
        guard scheme == "fifo" else { throw Failure(.invalidArgument, "unknown STDIO scheme \(scheme)") }
        let rest = text.utf8.dropFirst(scheme.utf8.count + 1)
        path = String(decoding: rest.starts(with: "//".utf8) ? rest.dropFirst(2) : rest, as: UTF8.self)
    }
}
