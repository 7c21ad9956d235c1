import CLinux

/// This process: its arguments, environment, standing in the system.
package enum Process {
    /// argv.
    package static var arguments: [String] {
        var all: [String] = []
        while let argument = unsafe clinux_argument(Int32(all.count)) { unsafe all.append(String(cString: argument)) }
        return all
    }

    package static var isSuperuser: Bool { clinux_is_superuser() == 1 }
    package static var id: Int32 { clinux_pid() }
    package static var parent: Int32 { clinux_parent_pid() }

    /// A variable of the environment; nil if it is unset or empty.
    package static func environment(_ name: String) -> String? {
        guard let value = unsafe clinux_environment(name) else { return nil }
        let text = unsafe String(cString: value)
        return text.isEmpty ? nil : text
    }

    /// A number of seconds, 1 to 86400, from the environment; `otherwise` without one.
    package static func limit(_ name: String, otherwise: Duration) -> Duration {
        guard let text = environment(name), let seconds = Int64(text), (1...86400).contains(seconds) else {
            return otherwise
        }
        return .seconds(seconds)
    }

    /// Takes `name` out of our environment and of every later child's.
    package static func forgetEnvironment(_ name: String) { unsafe clinux_unset_environment(name) }

    /// Sets `name` for us and for every later child.
    package static func setEnvironment(_ name: String, to value: String) { unsafe clinux_set_environment(name, value) }

    /// What ps(1) and pgrep(1) show of this process, of which the kernel keeps 15 bytes (prctl(2), PR_SET_NAME).
    package static func setName(_ name: String) { unsafe clinux_set_name(name) }

    /// chdir(2).
    package static func changeDirectory(_ path: String) throws(Failure) {
        try check(unsafe clinux_change_directory(path), "chdir", path)
    }

    /// No program that this process or a later child executes has more privileges than who executes it (prctl(2),
    /// PR_GET_NO_NEW_PRIVS).
    package static var hasNoNewPrivileges: Bool { clinux_has_no_new_privileges() != 0 }

    /// Orphans below us become our children (prctl(2), PR_SET_CHILD_SUBREAPER).
    package static func becomeSubreaper() throws(Failure) { try check(clinux_become_subreaper(), "prctl", "subreaper") }

    /// No transparent huge pages for this process, which is small and stays so; its later children have
    /// them as it had (prctl(2), PR_SET_THP_DISABLE).
    package static func disableHugePages() throws(Failure) {
        try check(clinux_disable_huge_pages(), "prctl", "PR_SET_THP_DISABLE")
    }

    /// The `oom_score_adj` of later children (proc(5)), -1000 to 1000, instead of our own. Those that may
    /// not be made so unlikely to be chosen keep ours.
    package static func setOutOfMemoryScoreOfChildren(_ score: Int32) { clinux_set_score_of_children(score) }

    /// A core scheduling cookie for our process group, inherited by later children (C-1.28).
    package static func createSchedulingCore() throws(Failure) {
        try check(clinux_create_sched_core(), "prctl", "PR_SCHED_CORE_CREATE")
    }

    /// Ends the process at once.
    package static func exit(_ code: Int32) -> Never { clinux_exit(code) }

    /// For programs without a loop: `start` and `delete`.
    package static func sleep(milliseconds: Int32) { clinux_sleep(milliseconds) }

    /// Sixteen hexadecimal digits nobody can guess.
    package static func randomName() -> String {
        var number: UInt64 = 0
        unsafe clinux_random(&number, 8)
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// Fixed thresholds, so that one large message does not leave a large heap.
    package static func restrainHeap() { clinux_restrain_heap() }

    /// Gives back what a quiet process can do without: freed heap pages, the stack that deeper calls
    /// had used, and the pages of our own code, which the kernel maps 64 KiB at a time around every
    /// first use. The next work brings back, in some microseconds each, the few that it needs.
    package static func releaseMemory() {
        clinux_trim_heap()
        clinux_drop_stack()
        clinux_drop_code()
    }

    /// Descriptor `number` now means what `descriptor` is open on.
    package static func place(_ descriptor: borrowing FileDescriptor, at number: Int32) throws(Failure) {
        try check(clinux_duplicate(descriptor.raw, number), "dup3", "fd \(number)")
    }

    /// Closes `first` and every descriptor above: what a parent left open by mistake.
    package static func closeDescriptors(from first: Int32) throws(Failure) {
        try check(clinux_close_from(first), "close_range", "\(first)")
    }
}
