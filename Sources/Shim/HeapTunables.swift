import Linux

/// The C library's cache of small freed blocks (tcache) is off in a server: each block that it keeps
/// after a burst of work keeps a page of ours from going back to the kernel. It can only be said in the
/// environment, before the program starts; the server takes it out again, for it is not for the runtime.
enum HeapTunables {
    private static let variable = "GLIBC_TUNABLES"
    private static let setting = "glibc.malloc.tcache_count=0"

    /// For the program that is started next.
    static func set() {
        let others = Process.environment(variable).map { "\($0):" } ?? ""
        Process.setEnvironment(variable, to: others + setting)
    }

    /// As it was before ``set()``.
    static func restore() {
        guard let value = Process.environment(variable), value.hasSuffix(setting) else { return }
        let others = value.dropLast(setting.count + 1)
        if others.isEmpty {
            Process.forgetEnvironment(variable)
        } else {
            Process.setEnvironment(variable, to: String(others))
        }
    }
}
