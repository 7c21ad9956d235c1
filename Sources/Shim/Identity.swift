import CRevision
import Linux

/// What this program calls itself.
package enum Identity {
    /// containerd's name for the runtime; also the beginning of every error text.
    package static let runtimeName = "io.containerd.swiftrunc.v2"
    package static let version = "0.1.0"
    /// The commit this was built from.
    package static var revision: String { unsafe String(cString: crevision()) }

    /// What `-v` prints (C-1.7).
    package static func versionText(_ program: String) -> String {
        "\(Paths.lastComponent(of: program)):\n  Version:  \(version)\n  Revision: \(revision)\n  Swift version: 6.3\n\n"
    }
}
