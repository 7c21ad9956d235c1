package import Linux
package import Seccomp
package import TOML

extension SeccompRules {
    /// Reads the table `seccomp` of a host's configuration.
    package init(_ table: TOMLTable) throws(Failure) {
        self.init()
        for member in table.members {
            do throws(Failure) {
                try take(member.key, member.value)
            } catch {
                throw error.adding(Log.quoted(member.key))
            }
        }
    }

    private mutating func take(_ key: String, _ value: TOMLValue) throws(Failure) {
        switch key {
        case "allowed":
            guard case .array(let words) = value else { throw Failure(.invalidArgument, "a list wanted") }
            modes = try words.map { (word) throws(Failure) in try Self.mode(word) }
        case "default":
            if case .string("") = value { standard = nil } else { standard = try Self.mode(value) }
        case "grace_seconds": grace = .seconds(try Self.number(value, in: 0...86400))
        case "directory":
            guard case .string(let path) = value, path.hasPrefix("/"), !path.utf8.contains(0) else {
                throw Failure(.invalidArgument, "an absolute path wanted")
            }
            directory = path
        case "reports": reports = Int32(try Self.number(value, in: 1...100_000))
        default: throw Failure(.invalidArgument, "no such key")
        }
    }

    private static func mode(_ value: TOMLValue) throws(Failure) -> SeccompMode {
        guard case .string(let word) = value, let mode = SeccompMode(rawValue: word) else {
            throw Failure(.invalidArgument, "\"audit\", \"stop\" or \"record\" wanted")
        }
        return mode
    }

    private static func number(_ value: TOMLValue, in range: ClosedRange<Int64>) throws(Failure) -> Int64 {
        guard case .integer(let number) = value, range.contains(number) else {
            throw Failure(.invalidArgument, "a number from \(range.lowerBound) to \(range.upperBound) wanted")
        }
        return number
    }
}
