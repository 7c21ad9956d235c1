import JSON
import Linux
import Protobuf
import Shim
import TOML

/// The options of a host or a client: TOML or JSON.
func checkOptions(_ bytes: [UInt8]) throws(FuzzTarget.Violation) {
    if let text = try accepted({ () throws(Failure) in try OptionsText(parsing: bytes, subject: "options") }) {
        var options = TaskOptions()
        options.said = text.options
        try checkWritten(options)
    }
    let table = try accepted { () throws(Failure) in try TOMLTable.parse(bytes, subject: "options") }
    guard let table, depth(of: .table(table)) < 32 else { return }
    let written = text(of: table)
    let again = try understood { () throws(Failure) in
        try TOMLTable.parse(Array(written.utf8), subject: "written")
    }
    try require(text(of: again) == written, "another table: \(written)")
}

/// What a bundle's `options.json` says of them is what they are.
func checkWritten(_ options: TaskOptions) throws(FuzzTarget.Violation) {
    let read = try understood { () throws(Failure) in
        try OptionsText(parsing: options.json, subject: "options.json")
    }
    var kept = options.runc
    // Of no use to a delete.
    kept.taskAPIAddress = ""
    kept.taskAPIVersion = 0
    try require(read.options.complete == kept, "other options: \(kept) and \(read.options.complete)")
    try require(read.warning == nil, read.warning ?? "")
}

/// A document of one line for each member.
private func text(of table: TOMLTable) -> String {
    table.members.map { "\(quoted($0.key)) = \(text(of: $0.value))\n" }.joined()
}

private func text(of value: TOMLValue) -> String {
    switch value {
    case .string(let text): quoted(text)
    case .integer(let number): "\(number)"
    case .boolean(let flag): "\(flag)"
    case .float(let text), .date(let text): text
    case .array(let elements): "[\(elements.map(text).joined(separator: ", "))]"
    case .table(let table):
        "{\(table.members.map { "\(quoted($0.key)) = \(text(of: $0.value))" }.joined(separator: ", "))}"
    }
}

/// Every character but the plainest by its number.
private func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
        let isPlain = (0x20..<0x7f).contains(scalar.value) && scalar != "\"" && scalar != "\\"
        let digits = String(scalar.value, radix: 16)
        quoted += isPlain ? String(scalar) : "\\U" + String(repeating: "0", count: 8 - digits.count) + digits
    }
    return quoted + "\""
}

private func depth(of value: TOMLValue) -> Int {
    switch value {
    case .string, .integer, .boolean, .float, .date: 0
    case .array(let elements): 1 + (elements.map(depth).max() ?? 0)
    case .table(let table): 1 + (table.members.map { depth(of: $0.value) }.max() ?? 0)
    }
}
