package import Linux

/// What happens to a process's output while nobody reads it (docs/output.md).
package enum OutputPolicy: String {
    /// The process waits, as with the Go shim.
    case wait
    /// The process goes on, and what is not read in time is dropped.
    case drop
    /// The process goes on, and what is not read in time waits in a file; of what is too much the oldest is dropped.
    case spill

    /// The annotation of a container that says it; it comes before all options.
    package static let annotation = "io.swiftrunc.output"

    package init(_ word: String) throws(Failure) {
        guard let policy = OutputPolicy(rawValue: word) else {
            throw Failure(.invalidArgument, "output policy \(Log.quoted(word)): none of wait, drop, spill")
        }
        self = policy
    }
}

/// Where spilled output waits, for each stream.
package struct SpillPlace: Equatable {
    /// Where the file is made that holds it, which has no name. An absolute path.
    package var directory = "/var/tmp"
    /// So many bytes, and no more.
    package var limit = 64 << 20
    /// What a limit may be.
    package static let limits = 1 << 16...1 << 40

    /// The defaults.
    package init() {}
}
