import Linux

/// Commands that a shim which is dead has left at work.
extension Runtime {
    /// The processes of the commands that a shim has started for a container of `bundle`; a wrapper of the runtime's is one.
    package static func commands(in bundle: String) -> [Int32] {
        do throws(Failure) {
            return try Files.directories(in: "/proc").compactMap { Int32($0) }
                .filter { pid in isCommand(arguments(of: pid), in: bundle) }
        } catch {
            return []
        }
    }

    /// A command's log is in the bundle (``globalArguments(log:)``).
    static func isCommand(_ arguments: [String], in bundle: String) -> Bool {
        guard let option = arguments.firstIndex(of: "--log"), option + 1 < arguments.count else { return false }
        return arguments.contains("--root") && arguments[option + 1].hasPrefix("\(bundle)/log")
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
