import JSON
package import Linux

/// The JSON of an OCI process, as Exec brings it.
package enum ExecSpecification {
    /// The same specification with `terminal` as the request says; all else as it came (C-3.66).
    package static func withTerminal(_ terminal: Bool, in specification: [UInt8]) throws(Failure) -> [UInt8] {
        let process = try JSONValue(parsing: specification, subject: "exec spec")
        guard process.isObject else { throw Failure(.invalidArgument, "exec spec: no JSON object") }
        guard (process["terminal"]?.bool ?? false) != terminal else { return specification }
        process.set("terminal", to: terminal)
        return process.text
    }
}
