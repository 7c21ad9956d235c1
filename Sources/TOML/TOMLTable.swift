package import Linux

/// One value of a TOML document.
package enum TOMLValue {
    case string(String)
    case integer(Int64)
    case boolean(Bool)
    /// A number with a fraction or exponent, `inf` or `nan`: as it was written, but for `_`. No option is
    /// one, and printing or reading one would bring much code.
    case float(String)
    /// A date, a time, or both, as written.
    case date(String)
    case array([TOMLValue])
    case table(TOMLTable)
}

/// A table of a TOML document, or the document.
///
/// A parser of our own: toml++ (3.3.0, `-Os`, without exceptions) adds 36 KiB of private memory to a static-pie that
/// does nothing else, nearly all of it relocations, which each shim would have; and 800 KB of text. This one has
/// less than 1 KiB of data and 80 KB of text, before linking. It reads all of TOML 1.0, and bounds what it reads.
package final class TOMLTable {
    package struct Member {
        package let key: String
        /// Where it was said, from 1.
        package let line: Int
        package var value: TOMLValue
        /// An array that a header `[[key]]` may add to.
        var isOpen = false
    }

    /// What made a table; what may add to it depends on that.
    enum Origin {
        /// A part of a header's name, before its last.
        case implicit
        /// The last part of a header's name.
        case header
        /// A part of a dotted key, before its last.
        case dotted
        /// Braces; closed for ever.
        case inline
    }

    /// The longest document, in bytes.
    package static let limit = 1 << 20

    /// In their order.
    package internal(set) var members: [Member] = []
    var origin: Origin
    private var index: [String: Int] = [:]

    init(_ origin: Origin) { self.origin = origin }

    /// One of another language than TOML, whose keys are different.
    package convenience init(_ members: [(key: String, value: TOMLValue)]) {
        self.init(.inline)
        for member in members { add(Member(key: member.key, line: 1, value: member.value)) }
    }

    /// Reads a document. A failure is an `invalidArgument` that begins with `subject` and the line.
    package static func parse(_ document: [UInt8], subject: String) throws(Failure) -> TOMLTable {
        do throws(Failure) {
            var parser = try TOMLParser(document)
            return try parser.document()
        } catch {
            throw error.adding(subject)
        }
    }

    /// The member of that name; nil if there is none.
    package subscript(_ key: String) -> Member? { position(of: key).map { members[$0] } }

    func position(of key: String) -> Int? { index[key] }

    /// Adds a member, whose key is new.
    func add(_ member: Member) {
        index[member.key] = members.count
        members.append(member)
    }

    /// Adds an element to the array at `position`, without a copy of it.
    func append(_ element: TOMLTable, at position: Int) {
        guard case .array(var elements) = members[position].value else { return }
        members[position].value = .boolean(false)
        elements.append(.table(element))
        members[position].value = .array(elements)
    }
}
