import CLinux

/// Why something could not be done: a kind anybody may act on, an errno for the direct caller,
/// and words for people. The one error type, from the system call to the reply.
package struct Failure: Error, Equatable {
    /// containerd's errdefs words (contract C-2.35).
    package enum Kind: UInt8 {
        case unknown, invalidArgument, notFound, alreadyExists, failedPrecondition, unimplemented, unavailable
        case resourceExhausted, `internal`, deadlineExceeded, cancelled
    }

    package let kind: Kind
    /// What the kernel said, 0 if it was not asked.
    package let errno: Int32
    package let message: String

    package init(_ kind: Kind, errno: Int32 = 0, _ message: String) {
        self.kind = kind
        self.errno = errno
        self.message = message
    }

    /// The same failure, seen from further away: `context: message`.
    package func adding(_ context: String) -> Failure { Failure(kind, errno: errno, "\(context): \(message)") }
}

/// Turns the glue's `-errno` into a throw: `connect /run/x.sock: Connection refused`.
@discardableResult
package func check<Value: SignedInteger>(_ result: Value, _ call: String, _ subject: String) throws(Failure) -> Value {
    guard result < 0 else { return result }
    let code = Int32(-result)
    throw Failure(.unknown, errno: code, "\(call) \(subject): \(errorText(code))")
}

/// The C library's words for an errno, in lower case as the peers write them: `no such file or directory`.
package func errorText(_ code: Int32) -> String {
    // SAFETY: strerror's answer is valid until the next call, which this one thread makes later.
    let words = unsafe String(cString: clinux_strerror(code))
    return words.prefix(1).lowercased() + words.dropFirst()
}

/// The errno values that callers tell apart.
package enum Errno {
    package static let notPermitted = Int32(CLINUX_EPERM)
    package static let noEntry = Int32(CLINUX_ENOENT)
    package static let noProcess = Int32(CLINUX_ESRCH)
    package static let interrupted = Int32(CLINUX_EINTR)
    package static let tooBig = Int32(CLINUX_E2BIG)
    package static let again = Int32(CLINUX_EAGAIN)
    package static let accessDenied = Int32(CLINUX_EACCES)
    package static let busy = Int32(CLINUX_EBUSY)
    package static let exists = Int32(CLINUX_EEXIST)
    package static let noDevice = Int32(CLINUX_ENODEV)
    package static let invalid = Int32(CLINUX_EINVAL)
    package static let brokenPipe = Int32(CLINUX_EPIPE)
    package static let tooManyLinks = Int32(CLINUX_ELOOP)
    package static let notSupported = Int32(CLINUX_EOPNOTSUPP)
    package static let aborted = Int32(CLINUX_ECONNABORTED)
    package static let refused = Int32(CLINUX_ECONNREFUSED)
}
