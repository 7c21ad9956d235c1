import _Concurrency

/// The one thread. What is `@Loop` may share state freely; the compiler keeps everything else out.
///
/// A plain actor, without an executor of its own (embedded Swift refuses those): it runs where the
/// global executor runs, and that is our main thread (CLinux/executor.c). So `Task { }`, task
/// groups, `nonisolated` functions and other actors stay on the thread too; none needs a word here.
@globalActor
package actor Loop {
    package static let shared = Loop()

    /// Starts work that waits for something. It runs after the present callback or job has ended.
    package nonisolated static func start(_ work: @escaping @Loop @Sendable () async -> Void) {
        Task { await work() }
    }

    /// Runs `body` at once, for a caller that the compiler cannot see to be on the loop: the idle
    /// hook, which is called between jobs.
    static func assumeIsolated(_ body: @Loop () -> Void) {
        // SAFETY: only drops the isolation from the type; the executor traps on any other thread.
        withoutActuallyEscaping(body) { unsafe unsafeBitCast($0, to: (() -> Void).self)() }
    }
}
