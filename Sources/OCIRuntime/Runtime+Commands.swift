import Linux

/// Commands that a shim which is dead has left at work.
extension Runtime {
    /// The processes of the commands that a shim has started for a container of `bundle`, and of their groups; a wrapper of
    /// the runtime's is one.
    package static func commands(in bundle: String) -> [Int32] {
        let processes = processes
        let leaders = Set(processes.map { $0.pid })
        let commands = processes.filter { process in
            // A stranger whose memory is locked holds up who asks for its arguments. So only those are asked that may be one.
            (process.group == process.pid || !leaders.contains(process.group)) && process.session != process.pid
                && isCommand(arguments(of: process.pid), in: bundle)
        }
        let groups = Set(commands.map { $0.group })
        return processes.filter { groups.contains($0.group) }.map { $0.pid }
    }

    /// A command's log is in the bundle (``globalArguments(log:)``).
    static func isCommand(_ arguments: [String], in bundle: String) -> Bool {
        guard let option = arguments.firstIndex(of: "--log"), option + 1 < arguments.count else { return false }
        return arguments.contains("--root") && arguments[option + 1].hasPrefix("\(bundle)/log")
    }

    private static var processes: [(pid: Int32, group: Int32, session: Int32)] {
        do throws(Failure) {
            return try Files.directories(in: "/proc").compactMap { name in
                guard let pid = Int32(name), let (group, session) = groupAndSession(of: pid) else { return nil }
                return (pid, group, session)
            }
        } catch {
            return []
        }
    }

    /// proc_pid_stat(5): after the name, which may have any bytes, come the state, the parent, and these.
    private static func groupAndSession(of pid: Int32) -> (group: Int32, session: Int32)? {
        do throws(Failure) {
            let text = try Files.read("/proc/\(pid)/stat")
            guard let end = text.lastIndex(of: UInt8(ascii: ")")) else { return nil }
            let words = text[(end + 1)...].split(separator: UInt8(ascii: " ")).prefix(4)
                .map { Int32(String(decoding: $0, as: UTF8.self)) }
            guard words.count == 4, let group = words[2], let session = words[3] else { return nil }
            return (group, session)
        } catch {
            return nil  // it has ended
        }
    }

    private static func arguments(of pid: Int32) -> [String] {
        do throws(Failure) {
            return try Files.read("/proc/\(pid)/cmdline").split(separator: 0)
                .map { String(decoding: $0, as: UTF8.self) }
        } catch {
            return []  // it has ended
        }
    }
}
