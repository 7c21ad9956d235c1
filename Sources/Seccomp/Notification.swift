import CSeccomp
import Linux

/// A call that waits for our answer (seccomp_unotify(2)). All that is decided by it comes from the kernel, which has copied
/// the registers; nothing is read of the process' memory.
@safe
struct Notification: ~Copyable {
    private let request: UnsafeMutablePointer<seccomp_notif>
    private let response: UnsafeMutablePointer<seccomp_notif_resp>

    /// The next one of `listener`, which is readable; nil if its process is gone, or there is no memory: then it waits on.
    init?(from listener: borrowing FileDescriptor) {
        var request: UnsafeMutablePointer<seccomp_notif>?
        var response: UnsafeMutablePointer<seccomp_notif_resp>?
        // Anew each time: the kernel wants the request to be zeros.
        guard unsafe seccomp_notify_alloc(&request, &response) == 0, let request = unsafe request,
            let response = unsafe response
        else { return nil }
        guard unsafe seccomp_notify_receive(listener.raw, request) == 0 else {
            unsafe seccomp_notify_free(request, response)
            return nil
        }
        unsafe self.request = unsafe request
        unsafe self.response = unsafe response
    }

    deinit { unsafe seccomp_notify_free(request, response) }

    var id: UInt64 { unsafe request.pointee.id }
    /// In our pid namespace.
    var thread: UInt32 { unsafe request.pointee.pid }
    /// AUDIT_ARCH_*.
    var audit: UInt32 { unsafe request.pointee.data.arch }
    var number: Int32 { unsafe request.pointee.data.nr }
    /// Behind the instruction that called.
    var address: UInt64 { unsafe request.pointee.data.instruction_pointer }
    var arguments: [UInt64] {
        let all = unsafe request.pointee.data.args
        return [all.0, all.1, all.2, all.3, all.4, all.5]
    }

    /// Whether it waits still: what was read by its number was its own then.
    func waits(on listener: borrowing FileDescriptor) -> Bool { seccomp_notify_id_valid(listener.raw, id) == 0 }

    /// The call is not made, and returns this errno.
    func deny(_ errno: Int32, on listener: borrowing FileDescriptor) { _ = answer(listener, error: -errno, flags: 0) }

    /// The call is made. False if the kernel does not take that answer.
    func allow(on listener: borrowing FileDescriptor) -> Bool {
        answer(listener, error: 0, flags: UInt32(SECCOMP_USER_NOTIF_FLAG_CONTINUE))
    }

    private func answer(_ listener: borrowing FileDescriptor, error: Int32, flags: UInt32) -> Bool {
        unsafe response.pointee.id = id
        unsafe response.pointee.val = 0
        unsafe response.pointee.error = error
        unsafe response.pointee.flags = flags
        return unsafe seccomp_notify_respond(listener.raw, response) == 0
    }

    /// Whether this kernel has listeners (Linux 5.0), as libseccomp counts what it can.
    static var isSupported: Bool { seccomp_api_get() >= 5 }
}
