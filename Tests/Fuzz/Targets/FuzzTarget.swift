import Linux

/// One kind of bytes that come from outside, and what must hold of all that is made of them.
///
/// The fuzzer's program and the unit tests run the same targets: the one with bytes that it makes up, the
/// others with those that are kept in `Tests/Fuzz/corpus`, in a directory of the target's name.
struct FuzzTarget: Sendable {
    /// Something does not hold; the words are for whoever has to find out why.
    struct Violation: Error {
        let words: String
    }

    let name: String
    /// Fails if something does not hold of these bytes. They may be anything.
    let run: @Sendable ([UInt8]) throws(Violation) -> Void

    static let all: [FuzzTarget] = [
        FuzzTarget(name: "ttrpc", run: checkFrames), FuzzTarget(name: "requests", run: checkRequest),
        FuzzTarget(name: "config", run: checkConfiguration), FuzzTarget(name: "options", run: checkOptions),
        FuzzTarget(name: "log", run: checkLog), FuzzTarget(name: "mounts", run: checkMountOptions),
        FuzzTarget(name: "life", run: checkLifeRecord),
    ]
}

func require(_ condition: Bool, _ words: @autoclosure () -> String) throws(FuzzTarget.Violation) {
    guard condition else { throw FuzzTarget.Violation(words: words()) }
}

/// What `read` makes of something; nil if it refuses it, which it may do for one reason only: what was given.
func accepted<Value>(_ read: () throws(Failure) -> Value) throws(FuzzTarget.Violation) -> Value? {
    do throws(Failure) {
        return try read()
    } catch {
        try require(error.kind == .invalidArgument, "refused as \(error.kind): \(error.message)")
        return nil
    }
}

/// What `read` makes of what we have written ourselves.
func understood<Value>(_ read: () throws(Failure) -> Value) throws(FuzzTarget.Violation) -> Value {
    do throws(Failure) {
        return try read()
    } catch {
        throw FuzzTarget.Violation(words: "what was written cannot be read: \(error.message)")
    }
}
