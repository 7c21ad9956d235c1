package import Linux

/// What happened to a task, told in the order in which it happened. An exec's id is "" for init.
package enum TaskEvent {
    case created(Container, pid: Int32)
    case started(id: String, pid: Int32)
    case execAdded(id: String, exec: String)
    case execStarted(id: String, exec: String, pid: Int32)
    /// An exec could not be started, or was deleted before: no event for clients, but whoever waits for it waits no more.
    case execNeverRan(id: String, exec: String)
    /// `denials`: what is to be logged of those of its profile, if somebody listened.
    case exited(id: String, exec: String, pid: Int32, Exit, denials: String?)
    /// Init has ended, these execs have not, and its exit is told all the same: something for the log.
    case outlived(id: String, by: [String])
    /// The kernel killed in it for lack of memory.
    case outOfMemory(id: String)
    /// Such kills will not be told: something for the log.
    case memoryUnwatched(id: String, reason: String)
    case paused(id: String)
    case resumed(id: String)
    /// Something went wrong with its streams, and goes on: for the log.
    case complaint(id: String, exec: String, String)
    case checkpointed(id: String, path: String)
    /// CRIU's own reason, which the runtime does not tell: something for the log.
    case restoreFailed(id: String, reason: String)
    /// Of its seccomp profile, and who listens: something for the log.
    case seccomp(id: String, String)
    /// Its rootfs was in use, and is out of sight; it ends with its last user: something for the log.
    case rootfsDetached(id: String, path: String)
    /// Its ``LifeRecord`` lacks something: something for the log.
    case unrecorded(id: String, reason: String)
    case deleted(id: String, pid: Int32, Exit?)
}
