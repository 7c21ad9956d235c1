import CLinux

/// Lines for an operator, in logrus text form, to descriptor 2: containerd's log fifo in a server.
///
/// Never waits and never fails: a line the fifo does not take is dropped and counted, and the count
/// is said in the next line that gets through.
package struct Log {
    package enum Level { case debug, info, warning, error }

    private let verbose: Bool
    private let fields: String
    private var dropped = 0

    /// `fields` go into every line, e.g. `namespace=default`. Debug lines only when `verbose`.
    package init(verbose: Bool, fields: String = "") {
        self.verbose = verbose
        self.fields = fields.isEmpty ? "" : " \(fields)"
    }

    /// One line; `details` are logrus fields such as `id=web pid=12`.
    package mutating func callAsFunction(_ level: Level, _ message: String, _ details: String = "") {
        guard level != .debug || verbose else { return }
        let tail = (details.isEmpty ? "" : " \(details)") + fields + (dropped > 0 ? " dropped=\(dropped)" : "")
        let line = "time=\"\(Timestamp.now().text)\" level=\(word(level)) msg=\(Log.quoted(message))\(tail)\n"
        let bytes = Self.limited(line)
        let taken = unsafe clinux_write(2, bytes, bytes.count)
        dropped = taken == bytes.count ? 0 : dropped + 1
    }

    /// More than this (PIPE_BUF) a fifo may take a part of, and the next line would follow that.
    private static let longestLine = 4096

    /// A line that is too long ends early, and in `..."` so that readers of logrus find the end of the text.
    static func limited(_ line: String) -> [UInt8] {
        let bytes = Array(line.utf8)
        guard bytes.count > longestLine else { return bytes }
        let ending = Array("...\"\n".utf8)
        var end = longestLine - ending.count
        while bytes[end] & 0xc0 == 0x80 { end -= 1 }
        let backslashes = bytes[..<end].reversed().prefix { $0 == UInt8(ascii: "\\") }.count
        end -= backslashes % 2
        return bytes[..<end] + ending
    }

    private func word(_ level: Level) -> String {
        switch level {
        case .debug: "debug"
        case .info: "info"
        case .warning: "warning"
        case .error: "error"
        }
    }

    /// In double quotes, on one line, whatever is in it: a terminal that shows it obeys none of it.
    package static func quoted(_ text: String) -> String {
        var quoted = "\""
        for character in text.unicodeScalars {
            switch character {
            case "\"", "\\": quoted += "\\\(character)"
            case "\n": quoted += "\\n"
            case "\t": quoted += "\\t"
            case "\r": quoted += "\\r"
            case "\u{0}"..."\u{1f}", "\u{7f}"..."\u{9f}":
                quoted += (character.value < 16 ? "\\x0" : "\\x") + String(character.value, radix: 16)
            default: quoted.unicodeScalars.append(character)
            }
        }
        return quoted + "\""
    }
}
