import Linux
import OCIRuntime

/// What a runtime, or CRIU, has logged.
func checkLog(_ bytes: [UInt8]) throws(FuzzTarget.Violation) {
    let error = RuntimeLog.lastError(in: bytes)
    try require(error?.trimmed == error, "blanks around an error")
    try require(RuntimeLog.lastError(in: bytes + Array("\n[]\n".utf8)) == error, "a line that is no entry matters")
    let entry = Array("\n{\"level\":\"error\",\"msg\":\"the last\"}".utf8)
    try require(RuntimeLog.lastError(in: bytes + entry) == "the last", "the last error is not the last")
    let text = error ?? String(decoding: bytes, as: UTF8.self)
    let failure = Failure(.unknown, text)
    try require(RuntimeWords.execFailure(failure, cgroup: nil) == failure, "a failure that has changed")
    try require(RuntimeWords.execFailure(failure, cgroup: "/x").message.hasPrefix(text), "words that are gone")
    let kind = RuntimeWords.killFailure(text).kind
    try require(kind == .notFound || kind == .unknown, "a kill that failed as \(kind)")
    _ = RuntimeWords.isMissing(text)
}
