/// Which process a pid meant: when it is another's, it began at another time. Holds until the next boot.
package struct ProcessIdentity: Equatable {
    package let pid: Int32
    /// Clock ticks from the boot to its start (proc_pid_stat(5), field 22).
    package let start: UInt64

    package init(pid: Int32, start: UInt64) {
        self.pid = pid
        self.start = start
    }

    /// Of a process that runs; nil if there is none, or it has ended and waits to be reaped.
    package init?(of pid: Int32) {
        do throws(Failure) {
            guard let (state, start) = Self.parse(try Files.read("/proc/\(pid)/stat")),
                state != UInt8(ascii: "Z"), state != UInt8(ascii: "X")
            else { return nil }
            self.init(pid: pid, start: start)
        } catch {
            return nil
        }
    }

    /// Whether it runs still.
    package var isAlive: Bool { ProcessIdentity(of: pid) == self }

    /// SIGKILL to it and to no other; fails with ESRCH once it has ended.
    package func kill() throws(Failure) {
        let process = try ForeignProcess(pid)
        // Looked at now that the pidfd holds whoever has the pid.
        guard isAlive else {
            throw Failure(.notFound, errno: Errno.noProcess, "process \(pid): \(errorText(Errno.noProcess))")
        }
        try process.kill()
    }

    /// State (a letter) and start of a `stat` file. The name before them may have anything in it, parentheses too.
    static func parse(_ stat: [UInt8]) -> (state: UInt8, start: UInt64)? {
        guard let end = stat.lastIndex(of: UInt8(ascii: ")")) else { return nil }
        let fields = stat[(end + 1)...].split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") }
        guard fields.count > 19, let state = fields[0].first,
            let start = UInt64(String(decoding: fields[19], as: UTF8.self))
        else { return nil }
        return (state, start)
    }

    /// Names this boot of the machine; empty if that cannot be read.
    package static let boot: String = {
        do throws(Failure) { return try Files.text("/proc/sys/kernel/random/boot_id").trimmed } catch { return "" }
    }()
}
