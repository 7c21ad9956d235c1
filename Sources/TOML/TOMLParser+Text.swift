import Linux

/// Texts in quotes.
extension TOMLParser {
    /// In double quotes, which know escapes; `lines`: in three of them, over several lines.
    mutating func basicText(lines: Bool) throws(Failure) -> String {
        let start = line
        open(lines)
        var bytes: [UInt8] = []
        while let byte {
            switch byte {
            case UInt8(ascii: "\""):
                if close(byte, lines, &bytes) { return String(decoding: bytes, as: UTF8.self) }
            case UInt8(ascii: "\\"):
                position += 1
                if lines, skipLineEnd() { continue }
                try escape(into: &bytes)
            default: try plain(byte, lines, &bytes)
            }
        }
        throw Self.problem(start, "text without end")
    }

    /// In single quotes, in which everything is itself.
    mutating func literalText(lines: Bool) throws(Failure) -> String {
        let start = line
        open(lines)
        var bytes: [UInt8] = []
        while let byte {
            if byte == UInt8(ascii: "'") {
                if close(byte, lines, &bytes) { return String(decoding: bytes, as: UTF8.self) }
            } else {
                try plain(byte, lines, &bytes)
            }
        }
        throw Self.problem(start, "text without end")
    }

    /// A newline right after three quotes is not part of the text.
    private mutating func open(_ lines: Bool) {
        position += lines ? 3 : 1
        if lines, byte == 0x0a {
            position += 1
            line += 1
        }
    }

    /// At a quote: whether it ends the text. Of several, the last three do, and up to two are part of it.
    private mutating func close(_ quote: UInt8, _ lines: Bool, _ bytes: inout [UInt8]) -> Bool {
        guard lines else {
            position += 1
            return true
        }
        var count = 0
        while byte == quote, count < 5 {
            position += 1
            count += 1
        }
        for _ in 0..<(count < 3 ? count : count - 3) { bytes.append(quote) }
        return count >= 3
    }

    private mutating func plain(_ byte: UInt8, _ lines: Bool, _ bytes: inout [UInt8]) throws(Failure) {
        if byte == 0x0a {
            guard lines else { throw problem("text without end in its line") }
            line += 1
        }
        bytes.append(byte)
        position += 1
    }

    /// After a backslash: if nothing else is in the line, it takes with it all blanks up to the next text.
    private mutating func skipLineEnd() -> Bool {
        let start = position
        skipSpaces()
        guard byte == 0x0a else {
            position = start
            return false
        }
        while byte == 0x0a {
            position += 1
            line += 1
            skipSpaces()
        }
        return true
    }

    /// What follows a backslash.
    private mutating func escape(into bytes: inout [UInt8]) throws(Failure) {
        guard let byte else { throw problem("text without end") }
        position += 1
        switch byte {
        case UInt8(ascii: "b"): bytes.append(0x08)
        case UInt8(ascii: "t"): bytes.append(0x09)
        case UInt8(ascii: "n"): bytes.append(0x0a)
        case UInt8(ascii: "f"): bytes.append(0x0c)
        case UInt8(ascii: "r"): bytes.append(0x0d)
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(byte)
        case UInt8(ascii: "u"): try scalarEscape(digits: 4, into: &bytes)
        case UInt8(ascii: "U"): try scalarEscape(digits: 8, into: &bytes)
        default: throw problem("unknown escape in a text; single quotes take a backslash as it is")
        }
    }

    private mutating func scalarEscape(digits: Int, into bytes: inout [UInt8]) throws(Failure) {
        let end = position + digits
        guard end <= text.count, let number = Self.number(text[position..<end], radix: 16),
            let scalar = UInt32(exactly: number).flatMap({ Unicode.Scalar($0) })
        else { throw problem("escape of no character") }
        position = end
        for unit in UTF8.encode(scalar) ?? .init() { bytes.append(unit) }
    }
}
