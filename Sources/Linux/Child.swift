import CLinux

/// How a process ended.
package struct Exit: Equatable {
    /// The exit code, or 128+n if signal n ended it (contract C-1.48).
    package let status: UInt32
    package let time: Timestamp

    package init(status: UInt32, time: Timestamp) {
        self.status = status
        self.time = time
    }
}

/// A program to start: what is not named here is not inherited, but for the environment if none is given.
package struct Program {
    package var path: String
    /// The first word of argv.
    package var name: String
    /// argv after the name of the program.
    package var arguments: [String]
    /// All of its environment, as `NAME=value`; nil: ours.
    package var environment: [String]?
    package var workingDirectory: String?
    package var leadsProcessGroup: Bool

    package init(
        _ path: String, _ arguments: [String], name: String? = nil, environment: [String]? = nil,
        workingDirectory: String? = nil, leadsProcessGroup: Bool = false
    ) {
        self.path = path
        self.name = name ?? path
        self.arguments = arguments
        self.environment = environment
        self.workingDirectory = workingDirectory
        self.leadsProcessGroup = leadsProcessGroup
    }
}

/// Texts as C wants a list of them.
private struct WordList {
    private var text: [CChar] = []
    private var offsets: [Int] = []

    init(_ words: [String]) {
        for word in words {
            offsets.append(text.count)
            text += word.utf8.map { CChar(bitPattern: $0) }
            text.append(0)
        }
    }

    /// `body` gets the list, ended by NULL, which is valid until it returns.
    func with<Result>(_ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Result) -> Result {
        // One more byte, so that there is an address of it even without words.
        unsafe (text + [0]).withUnsafeBufferPointer { text in
            var list = unsafe offsets.map { unsafe text.baseAddress?.advanced(by: $0) }
            unsafe list.append(nil)
            return unsafe list.withUnsafeBufferPointer { list in
                // SAFETY: it has an element at least.
                unsafe body(list.baseAddress!)
            }
        }
    }
}

/// A child known by its pidfd, so that no signal and no reap can hit a recycled pid. Dropping it
/// does nothing to the process.
public struct Child: ~Copyable {
    package let pid: Int32
    package let pidfd: FileDescriptor

    /// Starts `program` with default signal handling; its descriptors 0, 1, 2, … are `descriptors`,
    /// which stay the caller's. A program that cannot be executed is a failure here.
    package init(starting program: Program, descriptors: [Int32]) throws(Failure) {
        var fd: Int32 = -1
        // SAFETY: every pointer points into buffers that outlive the call, which copies nothing for later.
        let pid: Int32 = unsafe WordList([program.name] + program.arguments).with { argv in
            unsafe program.path.withCString { path in
                unsafe descriptors.withUnsafeBufferPointer { descriptors in
                    guard let list = descriptors.baseAddress else { return -22 }
                    var birth = unsafe clinux_program(
                        path: path, argv: argv, environment: nil, descriptors: list,
                        descriptor_count: Int32(descriptors.count), directory: nil,
                        own_group: program.leadsProcessGroup ? 1 : 0)
                    return unsafe Self.spawn(&birth, program, &fd)
                }
            }
        }
        guard pid >= 0 else {
            throw Failure(.unknown, errno: -pid, "fork/exec \(program.path): \(errorText(-pid))")
        }
        self.pid = pid
        pidfd = FileDescriptor(owning: fd)
    }

    /// Adds what a program may lack, and starts it.
    private static func spawn(_ birth: inout clinux_program, _ program: Program, _ fd: inout Int32) -> Int32 {
        func start(_ birth: inout clinux_program, _ fd: inout Int32) -> Int32 {
            guard let directory = program.workingDirectory else { return unsafe clinux_spawn(&birth, &fd) }
            return unsafe directory.withCString { directory in
                unsafe birth.directory = directory
                return unsafe clinux_spawn(&birth, &fd)
            }
        }
        guard let environment = program.environment else { return unsafe start(&birth, &fd) }
        return unsafe WordList(environment).with { list in
            unsafe birth.environment = list
            return unsafe start(&birth, &fd)
        }
    }

    /// Carries out `body` in a child with memory of its own, for calls that may take as long as a disk does. It has none of
    /// our descriptors but `kept`, no signal ends it but SIGKILL, and its status is what `body` returns, 127 at most.
    package init(keeping kept: Int32 = -1, running body: () -> Int32) throws(Failure) {
        var fd: Int32 = -1
        let pid = try check(unsafe clinux_begin_apart(kept, &fd), "clone3", "child")
        if pid == 0 { Process.exit(min(body(), 127)) }
        self.pid = pid
        pidfd = FileDescriptor(owning: fd)
    }

    /// A process that became our child when its parent ended (subreaper). Fails with ESRCH or
    /// ECHILD if `pid` is nobody's or somebody else's now.
    package init(adopting pid: Int32) throws(Failure) {
        let fd = FileDescriptor(owning: try check(clinux_pidfd_open(pid), "pidfd_open", "\(pid)"))
        try check(clinux_is_child(fd.raw), "waitid", "\(pid)")
        self.pid = pid
        pidfd = fd
    }

    /// Sends `signal`; ESRCH once the process was reaped.
    package func kill(_ signal: Int32 = 9) throws(Failure) {
        try check(clinux_pidfd_kill(pidfd.raw, signal), "pidfd_send_signal", "\(pid)")
    }

    /// SIGKILL to the whole process group that it leads (``Program/leadsProcessGroup``).
    package func killGroup() { _ = clinux_kill_group(pid) }  // whoever is gone needs no signal

    /// How it ended, once; nil while it runs. Afterwards the pid may be another process's.
    package func reap() throws(Failure) -> Exit? { try Self.exit(clinux_reap(pidfd.raw), pid) }

    /// The same for a child of ours that nobody holds; it takes no descriptor.
    package static func reap(_ pid: Int32) throws(Failure) -> Exit? { try exit(clinux_reap_pid(pid), pid) }

    private static func exit(_ status: Int32, _ pid: Int32) throws(Failure) -> Exit? {
        guard status != -Errno.again else { return nil }
        return Exit(status: UInt32(try check(status, "waitid", "\(pid)")), time: .now())
    }

    /// Whether `pid` is a child of ours, dead or alive, that was not reaped.
    package static func exists(_ pid: Int32) -> Bool { clinux_is_child_pid(pid) == 1 }

    /// SIGKILL to a child of ours that nobody holds, and to no other process.
    package static func kill(_ pid: Int32) { _ = clinux_kill_child(pid) }  // it has ended

    /// A child that is dead and not reaped yet, whoever started it; nil if there is none.
    package static func nextDead() -> Int32? {
        let pid = clinux_next_dead_child()
        return pid > 0 ? pid : nil
    }
}

/// Somebody else's process, held by a pidfd so that a signal hits it or nobody.
public struct ForeignProcess: ~Copyable {
    private let pidfd: FileDescriptor

    package init(_ pid: Int32) throws(Failure) {
        pidfd = FileDescriptor(owning: try check(clinux_pidfd_open(pid), "pidfd_open", "\(pid)"))
    }

    /// SIGKILL.
    package func kill() throws(Failure) { try check(clinux_pidfd_kill(pidfd.raw, 9), "pidfd_send_signal", "") }
}
