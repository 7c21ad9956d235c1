package import Linux
package import Seccomp

/// What holds on this host for every container whose client does not say otherwise (C-3.65): a file that an
/// administrator may write, with the same keys as the options of a client. It is read anew each time, so a
/// change holds from the next container on.
package struct HostConfiguration: Equatable {
    package var options = PartialOptions()
    package var seccomp = SeccompRules()
    /// For the log; see ``OptionsText/warning``.
    package var warning: String?

    /// As without a file.
    package init() {}

    /// Reads the file at `path`; a missing one is as good as an empty one.
    package init(at path: String) throws(Failure) {
        guard path.hasPrefix("/") else {
            throw Failure(.invalidArgument, "SWIFTRUNC_CONFIG \(Log.quoted(path)): not an absolute path")
        }
        do throws(Failure) {
            let text = try OptionsText(at: path)
            options = text.options
            if let rules = text.seccomp { seccomp = rules }
            warning = text.warning
        } catch {
            guard error.errno == Errno.noEntry else { throw error }
        }
    }

    /// This host's. The environment variable `SWIFTRUNC_CONFIG` names another file than
    /// `/etc/swiftrunc/config.toml`.
    package static func read() throws(Failure) -> HostConfiguration {
        try HostConfiguration(at: Process.environment("SWIFTRUNC_CONFIG") ?? "/etc/swiftrunc/config.toml")
    }
}
