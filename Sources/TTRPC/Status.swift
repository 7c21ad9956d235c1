package import Linux

/// A call's outcome on the wire: a gRPC code and a text (contract C-2.35, C-2.36).
package struct Status: Equatable {
    package let code: Int32
    package let message: String

    package init(code: Int32, message: String) {
        self.code = code
        self.message = message
    }

    /// What a service answers for `failure`: the class's code, and its word at the end of the text,
    /// which containerd strips and puts back.
    package init(_ failure: Failure) {
        code = Status.code(of: failure.kind)
        message = Status.suffix(of: failure.kind).map { "\(failure.message): \($0)" } ?? failure.message
    }

    /// What a body of so many bytes is answered with.
    static func tooLong(_ length: Int) -> Status {
        Status(code: 8, message: "message length \(length) exceed maximum message size of \(FrameHeader.longestBody)")
    }

    /// The gRPC number of a kind.
    package static func code(of kind: Failure.Kind) -> Int32 {
        switch kind {
        case .cancelled: 1
        case .unknown: 2
        case .invalidArgument: 3
        case .deadlineExceeded: 4
        case .notFound: 5
        case .alreadyExists: 6
        case .resourceExhausted: 8
        case .failedPrecondition: 9
        case .unimplemented: 12
        case .internal: 13
        case .unavailable: 14
        }
    }

    private static func suffix(of kind: Failure.Kind) -> String? {
        switch kind {
        case .invalidArgument: "invalid argument"
        case .notFound: "not found"
        case .alreadyExists: "already exists"
        case .failedPrecondition: "failed precondition"
        case .unimplemented: "not implemented"
        case .unavailable: "unavailable"
        case .cancelled, .unknown, .deadlineExceeded, .resourceExhausted, .internal: nil
        }
    }
}
