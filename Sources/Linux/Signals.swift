import CLinux

/// The signals that a shim acts on, as bytes to be read: no handler ever runs (signalfd(2)).
package struct Signals: OptionSet {
    package let rawValue: UInt64
    package init(rawValue: UInt64) { self.rawValue = rawValue }

    package static let child = Signals(rawValue: 1 << 17)
    package static let terminate = Signals(rawValue: 1 << 2 | 1 << 15)
    package static let dump = Signals(rawValue: 1 << 10)

    /// Blocks SIGCHLD, SIGTERM, SIGINT and SIGUSR1 and ignores SIGPIPE from now on; children get
    /// the defaults back. The descriptor is non-blocking.
    package static func open() throws(Failure) -> FileDescriptor {
        FileDescriptor(owning: try check(clinux_signals(), "signalfd", ""))
    }
}

extension FileDescriptor {
    /// The signals that wait at a ``Signals/open()`` descriptor, each once however often it came; they wait no more.
    package func takeSignals() -> Signals { Signals(rawValue: clinux_take_signals(raw)) }
}
