import Confinement
import Linux

/// Whom the kernel chooses when the machine has no memory left (`oom_score_adj`, proc(5)): a shim before
/// containerd, and its containers before it (C-1.34).
///
/// What a shim starts, the runtime and loggers, is not to be spared as it is itself (P-36): that has what
/// containerd has, or 0 if containerd is spared. A container has what its specification says, and else what
/// the runtime has.
enum OutOfMemoryScore {
    private static let variable = "SWIFTRUNC_CALLER_OOM_SCORE"

    /// `start`: what containerd has, who called us.
    static func ofCaller() throws(Failure) -> Int32 {
        let text = try Files.text("/proc/\(Process.parent)/oom_score_adj")
        guard let score = Int32(text.trimmed) else {
            throw Failure(.unknown, "oom_score_adj of containerd: no number")
        }
        return score
    }

    /// For the program that is started next.
    static func set(ofCaller score: Int32) { Process.setEnvironment(variable, to: "\(score)") }

    /// Gives the server that was started its own. What is raised without CAP_SYS_RESOURCE may be lowered
    /// again without it, as its children do.
    static func raise(of pid: Int32, over score: Int32) throws(Failure) {
        do throws(Failure) {
            if Process.isSuperuser { try Capabilities.dropUnneeded() }
        } catch {}  // its children may have to keep its score
        do throws(Failure) {
            try Files.write("\(min(1000, score + 1))", toExisting: "/proc/\(pid)/oom_score_adj")
        } catch {
            // Unprivileged or in a user namespace it may not be ours to say.
            guard error.errno == Errno.notPermitted || error.errno == Errno.accessDenied else { throw error }
        }
    }

    /// The server: takes what ``set(ofCaller:)`` said out of the environment, for its children.
    static func restoreForChildren() {
        guard let text = Process.environment(variable) else { return }
        Process.forgetEnvironment(variable)
        if let score = Int32(text) { Process.setOutOfMemoryScoreOfChildren(max(0, score)) }
    }
}
