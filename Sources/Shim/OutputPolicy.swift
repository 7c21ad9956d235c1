package import Linux

/// What happens to a process's output while nobody reads it (docs/output.md).
package enum OutputPolicy: String {
    /// The process waits, as with the Go shim.
    case wait
    /// The process goes on, and what is not read in time is dropped.
    case drop

    /// The annotation of a container that says it; it comes before all options.
    package static let annotation = "io.swiftrunc.output"

    package init(_ word: String) throws(Failure) {
        guard let policy = OutputPolicy(rawValue: word) else {
            throw Failure(.invalidArgument, "output policy \(Log.quoted(word)): neither wait nor drop")
        }
        self = policy
    }
}
