import Linux
import Reactor
import _Concurrency

extension Child {
    /// Suspends until a child that makes one call has made it, as long as a disk or a network takes. The errno that it ends
    /// with, 0 for none; nil if it was killed, whatever it had done by then.
    @Loop
    consuming func errno() async throws(Failure) -> Int32? {
        let exit = try await ChildProcess.own(self).end()
        return exit.status < 128 ? Int32(exit.status) : nil
    }
}
