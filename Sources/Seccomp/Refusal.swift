import CLinux
import CSeccomp
import Linux
import Reactor

/// Kills or traps by the kernel's own hand.
///
/// A listener can answer with an errno only; what it would send is another signal than the kernel's, that a program may
/// catch or ignore. So the thread is made to begin its call again as ``SeccompProfile/stage``, with a mark for which the filter
/// kills or traps, by a short-lived child that traces it for that moment (ptrace(2)). Of a trap the handler sees the true
/// call. Who cannot be traced is killed, or gets the signal, by us.
enum Refusal {
    enum Manner: Int32, CaseIterable {
        case killProcess, killThread, trap

        init?(_ action: SeccompProfile.Action) {
            switch action {
            case .killProcess: self = .killProcess
            case .killThread: self = .killThread
            case .trap: self = .trap
            case .allow, .log, .errno, .other: return nil
            }
        }

        var action: SeccompProfile.Action {
            switch self {
            case .killProcess: .killProcess
            case .killThread: .killThread
            case .trap: .trap
            }
        }

        var word: String {
            switch self {
            case .killProcess: "SCMP_ACT_KILL_PROCESS"
            case .killThread: "SCMP_ACT_KILL_THREAD"
            case .trap: "SCMP_ACT_TRAP"
            }
        }

        /// The first argument that the filter knows it by.
        var mark: UInt64 { 0x5ecc_0000 + UInt64(rawValue) }
    }

    /// Does it to the thread that waits for the answer to a notification; nothing is answered here. Returns the child that is
    /// at it; nil if it is done, or goes on without our knowing.
    @Loop
    static func begin(
        _ manner: Manner, of notification: UInt64, listener: borrowing FileDescriptor, thread: UInt32, audit: UInt32,
        number: Int32
    ) -> ChildProcess? {
        var request = clinux_refusal(
            listener: listener.raw, thread: Int32(bitPattern: thread), notification: notification, audit: audit,
            call: number, mark: manner.mark, traps: manner == .trap ? 1 : 0)
        let child = unsafe clinux_refuse(&request)
        do throws(Failure) { return child > 0 ? try ChildProcess.adopt(child) : nil } catch { return nil }
    }
}
