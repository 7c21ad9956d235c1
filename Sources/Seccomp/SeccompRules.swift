package import Linux

/// What a host says about listening (its configuration file, table `seccomp`).
package struct SeccompRules: Equatable {
    /// What containers may ask for.
    package var modes: [SeccompMode] = [.audit, .stop]
    /// For those that do not ask.
    package var standard: SeccompMode?
    /// From the first denied call to the end, in ``SeccompMode/stop``.
    package var grace = Duration.seconds(5)
    /// An absolute path; each of containerd's namespaces has a directory in it.
    package var directory = "/var/log/swiftrunc/seccomp"
    /// How many files a namespace's directory keeps.
    package var reports: Int32 = 1000

    package init() {}

    /// The annotation by which a container asks.
    package static let annotation = "io.swiftrunc.seccomp"

    /// What a container gets that has `word` for its annotation, or none.
    package func mode(askedFor word: String?) throws(Failure) -> SeccompMode? {
        guard let word else { return standard }
        guard let mode = SeccompMode(rawValue: word) else {
            throw Failure(
                .invalidArgument, "annotation \(Self.annotation) \(Log.quoted(word)): neither audit, stop nor record")
        }
        guard modes.contains(mode) else {
            throw Failure(
                .failedPrecondition, "annotation \(Self.annotation): \(word) is not among the host's seccomp.allowed")
        }
        return mode
    }
}
