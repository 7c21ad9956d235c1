import Linux

@testable import TOML

/// A document as one line, with each table's keys in order: `a=1 b={c="x"}`.
func dump(_ document: String) throws -> String { try dump(Array(document.utf8)) }

func dump(_ document: [UInt8]) throws -> String { dump(try TOMLTable.parse(document, subject: "doc")) }

private func dump(_ table: TOMLTable) -> String {
    table.members.map { "\($0.key)=\(dump($0.value))" }.joined(separator: " ")
}

private func dump(_ value: TOMLValue) -> String {
    switch value {
    case .string(let text): Log.quoted(text)
    case .integer(let number): "\(number)"
    case .boolean(let flag): "\(flag)"
    case .float(let text): "float(\(text))"
    case .date(let text): "date(\(text))"
    case .array(let elements): "[\(elements.map(dump).joined(separator: ","))]"
    case .table(let table): "{\(dump(table))}"
    }
}

/// What is wrong with a document: the failure's text without its subject, nil if nothing is.
func problem(_ document: String) -> String? { problem(Array(document.utf8)) }

func problem(_ document: [UInt8]) -> String? {
    do throws(Failure) {
        _ = try TOMLTable.parse(document, subject: "doc")
        return nil
    } catch {
        guard error.kind == .invalidArgument, error.message.hasPrefix("doc: ") else { return "odd: \(error.message)" }
        return String(error.message.dropFirst(5))
    }
}
