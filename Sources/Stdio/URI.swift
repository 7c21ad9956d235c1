import Linux

/// What we need of a URI: `scheme://host/path?key=value&key=value#fragment` (RFC 3986), as Go reads one.
struct URI: Equatable {
    /// Absolute, its escapes undone.
    let path: String
    /// Each key of the query and its first value, one after the other, in their order (C-4.40).
    let words: [String]

    init(_ text: String) throws(Failure) {
        let malformed = Failure(.invalidArgument, "stdio \(Log.quoted(text)): no URI with an absolute path")
        guard let scheme = Self.scheme(of: text) else { throw malformed }
        let whole = text.utf8.dropFirst(scheme.utf8.count + 1).prefix { $0 != UInt8(ascii: "#") }
        var location = whole.prefix { $0 != UInt8(ascii: "?") }
        let query = whole.dropFirst(location.count + 1)
        if location.starts(with: "//".utf8) { location = location.dropFirst(2).drop { $0 != UInt8(ascii: "/") } }
        guard let path = Self.unescaped(location, plusIsBlank: false), path.hasPrefix("/") else { throw malformed }
        self.path = path
        words = Self.words(query)
    }

    /// What stands before the first colon, if that can be a scheme.
    static func scheme(of text: String) -> String? {
        guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) else { return nil }
        let name = text.utf8[..<colon]
        guard let first = name.first, isLetter(first) else { return nil }
        guard name.allSatisfy({ isLetter($0) || "0123456789+-.".utf8.contains($0) }) else { return nil }
        return String(decoding: name, as: UTF8.self)
    }

    /// A pair that is malformed is left out, and of a key that comes again the first value is the one.
    private static func words(_ query: Substring.UTF8View) -> [String] {
        var words: [String] = []
        for pair in query.split(separator: UInt8(ascii: "&")) {
            let key = pair.prefix { $0 != UInt8(ascii: "=") }
            guard let name = unescaped(key, plusIsBlank: true),
                let value = unescaped(pair.dropFirst(key.count + 1), plusIsBlank: true)
            else { continue }
            let isKnown = stride(from: 0, to: words.count, by: 2).contains { words[$0] == name }
            if !isKnown { words += [name, value] }
        }
        return words
    }

    /// nil if an escape is none, or stands for a NUL.
    private static func unescaped(_ text: Substring.UTF8View, plusIsBlank: Bool) -> String? {
        var bytes: [UInt8] = []
        var rest = text
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "%"):
                guard let high = rest.popFirst().flatMap(digit), let low = rest.popFirst().flatMap(digit) else {
                    return nil
                }
                bytes.append(high << 4 | low)
            case UInt8(ascii: "+") where plusIsBlank: bytes.append(UInt8(ascii: " "))
            default: bytes.append(byte)
            }
        }
        return bytes.contains(0) ? nil : String(decoding: bytes, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }
}
