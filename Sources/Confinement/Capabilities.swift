import CCap
package import Linux

/// Our own capabilities.
package enum Capabilities {
    /// What a serving shim itself does with them (SECURITY.md has a case for each): unmount, and have pipes of the usual
    /// size however many root has (pipe(7)); read `/proc` where it hides processes (hidepid, proc(5)); signal and open
    /// what is another user's; give pipes to one.
    private static let needed = [CAP_SYS_ADMIN, CAP_SYS_PTRACE, CAP_KILL, CAP_CHOWN, CAP_DAC_OVERRIDE]

    /// What more it must have, but not use, until it mounts. An overlay does for a container what the container
    /// may do itself, with the capabilities that were effective when it was mounted: all that file systems ask for.
    /// DAC_READ_SEARCH is asked for by its index, SETUID and SETGID, and SETFCAP once more, by the maps of a user
    /// namespace, MAC_OVERRIDE and MAC_ADMIN by the labels of Smack and SELinux.
    private static let forMounting = [
        CAP_FOWNER, CAP_DAC_READ_SEARCH, CAP_MKNOD, CAP_FSETID, CAP_SETFCAP, CAP_LINUX_IMMUTABLE, CAP_MAC_OVERRIDE,
        CAP_MAC_ADMIN, CAP_SETUID, CAP_SETGID,
    ]

    /// Gives up every other one for this process, effective and permitted. The bounding and
    /// inheritable sets stay: a program that root executes gets all of the bounding set again
    /// (capabilities(7)), so the runtime and the containers see no difference. Under `no_new_privs` it would not get what
    /// its parent has not: then all stay permitted.
    ///
    /// Only for uid 0: what another user drops, its children could not get back.
    package static func dropUnneeded() throws(Failure) {
        guard let held = unsafe cap_get_proc(), let kept = unsafe cap_dup(held) else {
            throw Failure(.unknown, "cap_get_proc: refused")
        }
        defer {
            _ = unsafe cap_free(UnsafeMutableRawPointer(held))
            _ = unsafe cap_free(UnsafeMutableRawPointer(kept))
        }
        guard unsafe cap_clear_flag(kept, CAP_EFFECTIVE) == 0 else {
            throw Failure(.unknown, "cap_clear_flag: refused")
        }
        if !Process.hasNoNewPrivileges { _ = unsafe cap_clear_flag(kept, CAP_PERMITTED) }  // as the one before
        for capability in needed + forMounting {
            var value = CAP_CLEAR
            guard unsafe cap_get_flag(held, capability, CAP_PERMITTED, &value) == 0, value == CAP_SET else { continue }
            var one = capability
            _ = unsafe cap_set_flag(kept, CAP_PERMITTED, 1, &one, CAP_SET)  // fails for unknown ones only
            guard needed.contains(capability) else { continue }
            _ = unsafe cap_set_flag(kept, CAP_EFFECTIVE, 1, &one, CAP_SET)
        }
        guard unsafe cap_set_proc(kept) == 0 else { throw Failure(.unknown, "cap_set_proc: refused") }
    }

    /// Runs `body` with every capability that was not given up.
    package static func withAll(_ body: () throws(Failure) -> Void) throws(Failure) {
        guard let before = unsafe cap_get_proc(), let all = unsafe cap_dup(before) else {
            throw Failure(.unknown, "cap_get_proc: refused")
        }
        defer {
            // Fewer than now are never refused.
            _ = unsafe cap_set_proc(before)
            _ = unsafe cap_free(UnsafeMutableRawPointer(before))
            _ = unsafe cap_free(UnsafeMutableRawPointer(all))
        }
        guard unsafe cap_fill(all, CAP_EFFECTIVE, CAP_PERMITTED) == 0, unsafe cap_set_proc(all) == 0 else {
            throw Failure(.unknown, "cap_set_proc: refused")
        }
        try body()
    }
}
