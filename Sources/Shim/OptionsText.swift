import JSON
package import Linux
package import Seccomp
import TOML

/// Options that somebody wrote down: TOML, or JSON if the first character is a brace (C-3.63).
package struct OptionsText: Equatable {
    package private(set) var options = PartialOptions()
    /// What is in it and no option, for a line in the log; such a key is passed over, for containerd's tables
    /// have keys of their own, and later releases will have more.
    package private(set) var warning: String?
    /// Its table `seccomp`; a host's alone means something.
    package private(set) var seccomp: SeccompRules?
    private var unknown: [String] = []
    private var taken: [String] = []

    /// How many unknown keys are named.
    private static let namedKeys = 8

    /// `subject` begins the failure, which is an `invalidArgument` and says the line.
    package init(parsing bytes: [UInt8], subject: String) throws(Failure) {
        if bytes.first(where: { ![9, 10, 13, 32].contains($0) }) == UInt8(ascii: "{") {
            let object = try JSONValue(parsing: bytes, subject: subject)
            for key in object.keys {
                guard let value = object[key].map(Self.value) else { continue }
                try take(key, value, at: subject)
            }
        } else {
            for member in try TOMLTable.parse(bytes, subject: subject).members {
                try take(member.key, member.value, at: "\(subject): line \(member.line)")
            }
        }
        guard !unknown.isEmpty else { return }
        let named = unknown.prefix(Self.namedKeys).joined(separator: ", ")
        let rest = unknown.count > Self.namedKeys ? " and \(unknown.count - Self.namedKeys) more" : ""
        warning = "\(subject): unknown keys passed over: \(named)\(rest)"
    }

    /// Reads a file, which need not be a regular one, without waiting for it.
    package init(at path: String) throws(Failure) {
        do throws(Failure) {
            let file = try FileDescriptor(opening: path, [.readOnly, .nonblocking])
            try self.init(
                parsing: Files.readToEnd(file, named: path, limit: TOMLTable.limit), subject: path)
        } catch {
            throw Failure(.invalidArgument, errno: error.errno, error.message)
        }
    }

    private mutating func take(_ key: String, _ value: TOMLValue, at place: String) throws(Failure) {
        do throws(Failure) {
            if key == "seccomp", case .table(let table) = value {
                seccomp = try SeccompRules(table)
            } else {
                guard try options.take(key, value) else { return unknown.append(key) }
            }
        } catch {
            throw error.adding("\(place): \(Log.quoted(key))")
        }
        let name = PartialOptions.name(key)
        guard !taken.contains(name) else {
            throw Failure(.invalidArgument, "\(place): \(Log.quoted(key)) is said twice")
        }
        taken.append(name)
    }

    private static func value(_ value: JSONValue) -> TOMLValue {
        if let text = value.string { return .string(text) }
        if let flag = value.bool { return .boolean(flag) }
        if let number = value.integer { return .integer(number) }
        if value.isObject {
            return .table(TOMLTable(value.keys.compactMap { key in value[key].map { (key, Self.value($0)) } }))
        }
        let text = String(decoding: value.text, as: UTF8.self)
        return text.hasPrefix("[") ? .array(value.elements.map(Self.value)) : .float(text)
    }
}
