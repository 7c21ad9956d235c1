import Linux

/// Reads a TOML 1.0 document: its lines, keys and tables here, its texts and numbers beside this file.
///
/// What always holds: ``text`` is UTF-8 without carriage returns, byte order mark and control characters other
/// than tab and newline, so nothing below looks for those; ``line`` is that of ``position``.
struct TOMLParser {
    /// How deep arrays and inline tables may go, and how many parts a key may have. So the depth of the
    /// tables is bounded too, and with it the stack that freeing them takes.
    private static let depthLimit = 32

    let text: [UInt8]
    var position = 0
    var line = 1

    init(_ document: [UInt8]) throws(Failure) {
        guard document.count <= TOMLTable.limit else {
            throw Failure(.invalidArgument, "longer than \(TOMLTable.limit) bytes")
        }
        try Self.checkEncoding(document)
        var text: [UInt8] = []
        text.reserveCapacity(document.count)
        var line = 1
        for (index, byte) in document.enumerated() {
            switch byte {
            case 0x0d:
                guard index + 1 < document.count, document[index + 1] == 0x0a else {
                    throw Self.problem(line, "carriage return without newline")
                }
                continue
            case 0x0a: line += 1
            case 0x09, 0x20...0x7e, 0x80...0xff: break
            default: throw Self.problem(line, "control character \(byte)")
            }
            text.append(byte)
        }
        self.text = text
        if text.starts(with: [0xef, 0xbb, 0xbf]) { position = 3 }
    }

    /// UTF-8 it is as a whole, or else a line is not: no newline is part of a longer sequence.
    private static func checkEncoding(_ document: [UInt8]) throws(Failure) {
        guard String(validating: document, as: UTF8.self) == nil else { return }
        var line = 1
        for part in document.split(separator: 0x0a, omittingEmptySubsequences: false) {
            guard String(validating: part, as: UTF8.self) != nil else { throw problem(line, "not UTF-8") }
            line += 1
        }
    }

    static func problem(_ line: Int, _ reason: String) -> Failure {
        Failure(.invalidArgument, "line \(line): \(reason)")
    }

    func problem(_ reason: String) -> Failure { Self.problem(line, reason) }

    // MARK: lines

    mutating func document() throws(Failure) -> TOMLTable {
        let root = TOMLTable(.header)
        var current = root
        while true {
            skipBlankLines()
            guard let byte else { return root }
            if byte == UInt8(ascii: "[") {
                current = try header(in: root)
            } else {
                try assignment(in: current, depth: 0)
            }
            skipSpaces()
            skipComment()
            guard self.byte == nil || self.byte == 0x0a else { throw unexpected("the end of the line") }
        }
    }

    /// `[a.b]` or `[[a.b]]`; what follows is in the table that it returns.
    private mutating func header(in root: TOMLTable) throws(Failure) -> TOMLTable {
        position += 1
        let isElement = take("[")
        skipSpaces()
        let keys = try keys()
        guard take("]"), !isElement || take("]") else { throw unexpected(isElement ? "\"]]\"" : "\"]\"") }
        var table = root
        for key in keys.dropLast() { table = try part(key, of: table) }
        let last = keys[keys.count - 1]
        return isElement ? try element(last, of: table) : try section(last, of: table)
    }

    /// `a.b = value`
    private mutating func assignment(in table: TOMLTable, depth: Int) throws(Failure) {
        let start = line
        let keys = try keys()
        guard take("=") else { throw unexpected("\"=\"") }
        skipSpaces()
        let value = try value(depth: depth)
        var table = table
        for key in keys.dropLast() { table = try dotted(key, of: table, start) }
        let last = keys[keys.count - 1]
        if let position = table.position(of: last) { throw twice(table.members[position], start) }
        table.add(TOMLTable.Member(key: last, line: start, value: value))
    }

    // MARK: tables

    /// A table on the way to a header's.
    private func part(_ key: String, of table: TOMLTable) throws(Failure) -> TOMLTable {
        guard let position = table.position(of: key) else { return new(.implicit, key, in: table, line) }
        let member = table.members[position]
        switch member.value {
        case .table(let table) where table.origin != .inline: return table
        case .array(let elements) where member.isOpen:
            if case .table(let last)? = elements.last { return last }
        default: break
        }
        throw twice(member, line)
    }

    private func section(_ key: String, of table: TOMLTable) throws(Failure) -> TOMLTable {
        guard let position = table.position(of: key) else { return new(.header, key, in: table, line) }
        let member = table.members[position]
        guard case .table(let table) = member.value, table.origin == .implicit else { throw twice(member, line) }
        table.origin = .header
        return table
    }

    private func element(_ key: String, of table: TOMLTable) throws(Failure) -> TOMLTable {
        let element = TOMLTable(.header)
        if let position = table.position(of: key) {
            guard table.members[position].isOpen else { throw twice(table.members[position], line) }
            table.append(element, at: position)
        } else {
            table.add(TOMLTable.Member(key: key, line: line, value: .array([.table(element)]), isOpen: true))
        }
        return element
    }

    /// A table on the way to a dotted key's. One with a header of its own is not added to.
    private func dotted(_ key: String, of table: TOMLTable, _ line: Int) throws(Failure) -> TOMLTable {
        guard let position = table.position(of: key) else { return new(.dotted, key, in: table, line) }
        let member = table.members[position]
        guard case .table(let table) = member.value, table.origin == .implicit || table.origin == .dotted else {
            throw twice(member, line)
        }
        table.origin = .dotted
        return table
    }

    private func new(_ origin: TOMLTable.Origin, _ key: String, in table: TOMLTable, _ line: Int) -> TOMLTable {
        let new = TOMLTable(origin)
        table.add(TOMLTable.Member(key: key, line: line, value: .table(new)))
        return new
    }

    private func twice(_ member: TOMLTable.Member, _ line: Int) -> Failure {
        Self.problem(line, "key \(Log.quoted(member.key)) is there already, in line \(member.line)")
    }

    // MARK: keys

    /// The parts of a dotted key; what follows is no space.
    private mutating func keys() throws(Failure) -> [String] {
        var keys = [try key()]
        skipSpaces()
        while take(".") {
            guard keys.count < Self.depthLimit else { throw problem("key of more than \(Self.depthLimit) parts") }
            skipSpaces()
            keys.append(try key())
            skipSpaces()
        }
        return keys
    }

    private mutating func key() throws(Failure) -> String {
        switch byte {
        case UInt8(ascii: "\""): return try basicText(lines: false)
        case UInt8(ascii: "'"): return try literalText(lines: false)
        default: break
        }
        let start = position
        while let byte, Self.isBare(byte) { position += 1 }
        guard position > start else { throw unexpected("a key") }
        return String(decoding: text[start..<position], as: UTF8.self)
    }

    private static func isBare(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    // MARK: values

    private mutating func value(depth: Int) throws(Failure) -> TOMLValue {
        guard depth < Self.depthLimit else { throw problem("more than \(Self.depthLimit) levels") }
        switch byte {
        case UInt8(ascii: "\""): return .string(try basicText(lines: isNext("\"\"\"")))
        case UInt8(ascii: "'"): return .string(try literalText(lines: isNext("'''")))
        case UInt8(ascii: "["): return .array(try array(depth: depth + 1))
        case UInt8(ascii: "{"): return .table(try inlineTable(depth: depth + 1))
        default: return try scalar()
        }
    }

    private mutating func array(depth: Int) throws(Failure) -> [TOMLValue] {
        position += 1
        var elements: [TOMLValue] = []
        while true {
            skipBlankLines()
            if take("]") { return elements }
            elements.append(try value(depth: depth))
            skipBlankLines()
            if take("]") { return elements }
            guard take(",") else { throw unexpected("\",\" or \"]\"") }
        }
    }

    private mutating func inlineTable(depth: Int) throws(Failure) -> TOMLTable {
        position += 1
        // Its own keys may be dotted; it is closed behind the last of them.
        let table = TOMLTable(.header)
        skipSpaces()
        if !take("}") {
            while true {
                try assignment(in: table, depth: depth)
                skipSpaces()
                if take("}") { break }
                guard take(",") else { throw unexpected("\",\" or \"}\"") }
                skipSpaces()
            }
        }
        table.origin = .inline
        return table
    }

    // MARK: characters

    var byte: UInt8? { position < text.count ? text[position] : nil }

    func isNext(_ word: StaticString) -> Bool {
        guard text.count - position >= word.utf8CodeUnitCount else { return false }
        return word.withUTF8Buffer { unsafe text[position...].starts(with: $0) }
    }

    mutating func take(_ word: StaticString) -> Bool {
        guard isNext(word) else { return false }
        position += word.utf8CodeUnitCount
        return true
    }

    mutating func skipSpaces() {
        while let byte, byte == 0x20 || byte == 0x09 { position += 1 }
    }

    private mutating func skipComment() {
        guard byte == UInt8(ascii: "#") else { return }
        while let byte, byte != 0x0a { position += 1 }
    }

    mutating func skipBlankLines() {
        while true {
            skipSpaces()
            skipComment()
            guard byte == 0x0a else { return }
            position += 1
            line += 1
        }
    }

    /// What is here instead of `wanted`.
    func unexpected(_ wanted: String) -> Failure {
        guard let byte else { return problem("\(wanted) expected, not the end of the text") }
        guard byte != 0x0a else { return problem("\(wanted) expected, not the end of the line") }
        let rest = String(decoding: text[position..<min(position + 4, text.count)], as: UTF8.self)
        return problem("\(wanted) expected, not \(Log.quoted(String(rest.prefix(1))))")
    }
}
