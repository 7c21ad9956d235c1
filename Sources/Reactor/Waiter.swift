import _Concurrency

/// A suspended job, to be resumed exactly once. It carries a value and never a failure:
/// continuations know no typed throws, so whoever waits throws after it is awake.
@safe
package struct Waiter<Value: Sendable> {
    private let continuation: UnsafeContinuation<Value, Never>

    /// Suspends the calling job and hands out its waiter.
    @Loop
    package static func suspend(_ handOut: @Loop (Waiter) -> Void) async -> Value {
        unsafe await withUnsafeContinuation { unsafe handOut(Waiter(continuation: $0)) }
    }

    package func resume(_ value: Value) { unsafe continuation.resume(returning: value) }
}
