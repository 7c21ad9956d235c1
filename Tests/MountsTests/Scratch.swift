import Linux

/// A directory of one test's own; what is still mounted in it goes with it.
final class Scratch {
    let path = "/tmp/swiftrunc-\(Process.randomName())"

    init() throws(Failure) {
        try Files.makeDirectory(path, mode: 0o700)
        try FileSystem.mount(source: "tmpfs", target: path, type: "tmpfs", flags: [], data: "")
        try FileSystem.mount(source: "", target: path, type: "", flags: .private, data: "")
    }

    deinit {
        while (try? FileSystem.unmount(path, detach: true)) != nil {}
        Files.removeDirectory(path)
    }

    func directory(_ name: String) throws(Failure) -> String {
        try Files.makeDirectories("\(path)/\(name)", mode: 0o755)
        return "\(path)/\(name)"
    }

    /// What is mounted below, as the kernel says it.
    func mounted() throws(Failure) -> [String] {
        let prefix = "\(path)/"
        return try MountInfo.current { point, _ in MountInfo.unescaped(point).starts(with: prefix.utf8) }.map {
            String($0.mountPoint.dropFirst(prefix.count))
        }
    }
}
