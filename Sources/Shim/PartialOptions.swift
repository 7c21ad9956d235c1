import JSON
import Linux
package import Protobuf
package import Stdio
import TOML

/// The options of `containerd.runc.v1.Options` as far as one source says them. Nil is what it does not say,
/// which is not the same as `false` or 0.
package struct PartialOptions: Equatable {
    package var noPivotRoot: Bool?
    package var noNewKeyring: Bool?
    package var shimCgroup: String?
    package var ioUID: UInt32?
    package var ioGID: UInt32?
    package var binaryName: String?
    package var root: String?
    package var criuPath: String?
    package var systemdCgroup: Bool?
    package var criuImagePath: String?
    package var criuWorkPath: String?
    package var outputPolicy: OutputPolicy?
    /// An absolute path.
    package var spillDirectory: String?
    /// In bytes.
    package var spillLimit: Int?
    package var execCgroup: Bool?

    /// Nothing said.
    package init() {}

    /// In a message `false`, 0 and the empty text are the same as nothing.
    package init(_ message: RuncOptions) {
        func said(_ flag: Bool) -> Bool? { flag ? true : nil }
        func said(_ number: UInt32) -> UInt32? { number == 0 ? nil : number }
        func said(_ text: String) -> String? { text.isEmpty ? nil : text }
        noPivotRoot = said(message.noPivotRoot)
        noNewKeyring = said(message.noNewKeyring)
        shimCgroup = said(message.shimCgroup)
        ioUID = said(message.ioUID)
        ioGID = said(message.ioGID)
        binaryName = said(message.binaryName)
        root = said(message.root)
        criuPath = said(message.criuPath)
        systemdCgroup = said(message.systemdCgroup)
        criuImagePath = said(message.criuImagePath)
        criuWorkPath = said(message.criuWorkPath)
    }

    /// These, and what they do not say from `others`.
    package func over(_ others: PartialOptions) -> PartialOptions {
        var all = self
        all.noPivotRoot = noPivotRoot ?? others.noPivotRoot
        all.noNewKeyring = noNewKeyring ?? others.noNewKeyring
        all.shimCgroup = shimCgroup ?? others.shimCgroup
        all.ioUID = ioUID ?? others.ioUID
        all.ioGID = ioGID ?? others.ioGID
        all.binaryName = binaryName ?? others.binaryName
        all.root = root ?? others.root
        all.criuPath = criuPath ?? others.criuPath
        all.systemdCgroup = systemdCgroup ?? others.systemdCgroup
        all.criuImagePath = criuImagePath ?? others.criuImagePath
        all.criuWorkPath = criuWorkPath ?? others.criuWorkPath
        all.outputPolicy = outputPolicy ?? others.outputPolicy
        all.spillDirectory = spillDirectory ?? others.spillDirectory
        all.spillLimit = spillLimit ?? others.spillLimit
        all.execCgroup = execCgroup ?? others.execCgroup
        return all
    }

    /// With the defaults for what nobody said.
    package var complete: RuncOptions {
        RuncOptions(
            noPivotRoot: noPivotRoot ?? false, noNewKeyring: noNewKeyring ?? false, shimCgroup: shimCgroup ?? "",
            ioUID: ioUID ?? 0, ioGID: ioGID ?? 0, binaryName: binaryName ?? "", root: root ?? "",
            criuPath: criuPath ?? "", systemdCgroup: systemdCgroup ?? false, criuImagePath: criuImagePath ?? "",
            criuWorkPath: criuWorkPath ?? "")
    }

    /// Takes the value of `key`, the name of a field in Go or in protobuf, whatever its case; false if there is
    /// no such option. An empty text says nothing: containerd writes one for each option in its own defaults.
    mutating func take(_ key: String, _ value: TOMLValue) throws(Failure) -> Bool {
        switch Self.name(key) {
        case "nopivotroot": noPivotRoot = try value.flag
        case "nonewkeyring": noNewKeyring = try value.flag
        case "shimcgroup": shimCgroup = try value.word
        case "iouid": ioUID = try value.identifier
        case "iogid": ioGID = try value.identifier
        case "binaryname": binaryName = try value.word
        case "root": root = try value.word
        case "criupath": criuPath = try value.word
        case "systemdcgroup": systemdCgroup = try value.flag
        case "criuimagepath": criuImagePath = try value.word
        case "criuworkpath": criuWorkPath = try value.word
        case "outputpolicy": outputPolicy = try value.word.map { (word) throws(Failure) in try OutputPolicy(word) }
        case "spilldirectory": spillDirectory = try value.absolutePath
        case "spilllimit": spillLimit = try value.size(in: SpillPlace.limits)
        case "execcgroup": execCgroup = try value.flag
        default: return false
        }
        return true
    }

    /// `SystemdCgroup`, `systemd_cgroup` and `systemdcgroup` are one name.
    static func name(_ key: String) -> String {
        String(decoding: key.utf8.lazy.filter { $0 != UInt8(ascii: "_") }.map(lowercase), as: UTF8.self)
    }

    private static func lowercase(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }
}

/// What an option can be made of.
extension TOMLValue {
    fileprivate var flag: Bool {
        get throws(Failure) {
            guard case .boolean(let flag) = self else { throw mismatch("true or false") }
            return flag
        }
    }

    fileprivate var word: String? {
        get throws(Failure) {
            guard case .string(let text) = self else { throw mismatch("a text") }
            guard !text.utf8.contains(0) else { throw Failure(.invalidArgument, "NUL in a text") }
            return text.isEmpty ? nil : text
        }
    }

    fileprivate var absolutePath: String? {
        get throws(Failure) {
            guard let word = try word else { return nil }
            guard word.hasPrefix("/") else { throw Failure(.invalidArgument, "an absolute path wanted") }
            return word
        }
    }

    /// In bytes.
    fileprivate func size(in range: ClosedRange<Int>) throws(Failure) -> Int {
        guard let size = wholeNumber.flatMap(Int.init(exactly:)), range.contains(size) else {
            throw mismatch("a number of bytes from \(range.lowerBound) to \(range.upperBound)")
        }
        return size
    }

    /// A user or group.
    fileprivate var identifier: UInt32 {
        get throws(Failure) {
            guard let identifier = wholeNumber.flatMap(UInt32.init(exactly:)) else {
                throw mismatch("a number from 0 to 4294967295")
            }
            return identifier
        }
    }

    /// Where a client makes TOML of JSON, as docker does, one may come as `1000.0`.
    private var wholeNumber: Int64? {
        switch self {
        case .integer(let number): return number
        case .float(let text):
            let parts = text.split(separator: ".")
            guard parts.count == 2, parts[1].utf8.allSatisfy({ $0 == UInt8(ascii: "0") }) else { return nil }
            return Int64(String(parts[0]))
        default: return nil
        }
    }

    private func mismatch(_ wanted: String) -> Failure {
        let given =
            switch self {
            case .string: "a text"
            case .integer, .float: "this number"
            case .boolean: "true or false"
            case .date: "a date"
            case .array: "a list"
            case .table: "a table"
            }
        return Failure(.invalidArgument, "\(wanted) wanted, not \(given)")
    }
}
