import CLinux
import CSeccomp
import Linux
import Reactor

/// Kills or traps by the kernel's own hand.
///
/// A listener can answer with an errno only; what it would send is another signal than the kernel's, that a program may
/// catch or ignore. So the thread is made to begin its call again as ``SeccompProfile/stage``, with a mark for which the filter
/// kills or traps, by a short-lived child that traces it for that moment (ptrace(2)). Of a trap the handler sees the true
/// call. Who cannot be traced is killed, or gets the signal, by us. One that is to be killed need not wait for its answer
/// any more: a signal may have ended its call.
struct Refusal {
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

    private let request: clinux_refusal

    init(_ manner: Manner, of notification: borrowing Notification, listener: borrowing FileDescriptor) {
        request = clinux_refusal(
            listener: listener.raw, thread: Int32(bitPattern: notification.thread), notification: notification.id,
            address: notification.address, audit: notification.audit, call: notification.number, mark: manner.mark,
            traps: manner == .trap ? 1 : 0)
    }

    /// Does it. Returns the child that is at it; nil if it is done, or goes on without our knowing.
    @Loop
    func begin() -> ChildProcess? {
        let child = unsafe withUnsafePointer(to: request) { unsafe clinux_refuse($0) }
        do throws(Failure) { return child > 0 ? try ChildProcess.adopt(child) : nil } catch { return nil }
    }

    /// The child has ended. Where it was killed before it had done anything, the thread waits still, and gets a signal.
    /// Only while its listener is open.
    func finish() { unsafe withUnsafePointer(to: request) { unsafe clinux_refuse_from_outside($0) } }
}
