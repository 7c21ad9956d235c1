import CLinux

/// The signals that a shim acts on, as bytes to be read: no handler ever runs (signalfd(2)).
package enum Signals {
    package enum Signal { case child, terminate, dump }

    /// Blocks SIGCHLD, SIGTERM, SIGINT and SIGUSR1 and ignores SIGPIPE from now on; children get
    /// the defaults back. The descriptor is non-blocking.
    package static func open() throws(Failure) -> FileDescriptor {
        FileDescriptor(owning: try check(clinux_signals(), "signalfd", ""))
    }
}

extension FileDescriptor {
    /// The next signal of a ``Signals/open()`` descriptor; nil if none waits.
    package func nextSignal() -> Signals.Signal? {
        switch clinux_next_signal(raw) {
        case 17: .child
        case 2, 15: .terminate
        case 10: .dump
        default: nil
        }
    }
}
