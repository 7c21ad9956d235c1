import Linux
import Testing

@testable import TTRPC

struct StatusTests {
    /// What containerd understands: the code, and the word it takes off the text's end (C-2.35, C-2.36).
    @Test(arguments: [
        (Failure.Kind.cancelled, 1, "x"), (.unknown, 2, "x"), (.invalidArgument, 3, "x: invalid argument"),
        (.deadlineExceeded, 4, "x"), (.notFound, 5, "x: not found"), (.alreadyExists, 6, "x: already exists"),
        (.resourceExhausted, 8, "x"), (.failedPrecondition, 9, "x: failed precondition"),
        (.unimplemented, 12, "x: not implemented"), (.internal, 13, "x"), (.unavailable, 14, "x: unavailable"),
    ])
    func `a failure's kind is its code and its last word`(kind: Failure.Kind, code: Int32, message: String) {
        #expect(Status(Failure(kind, "x")) == Status(code: code, message: message))
        #expect(Status.code(of: kind) == code)
    }

    @Test func `an errno is not told`() {
        #expect(
            Status(Failure(.unknown, errno: 2, "open /x: no such file or directory"))
                == Status(code: 2, message: "open /x: no such file or directory"))
    }
}
