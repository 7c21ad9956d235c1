package import Linux

/// Where a shim listens (contract C-1.22 … C-1.26).
package enum SocketAddress {
    package static let defaultDirectory = "/run/containerd/s"
    private static let scheme = "unix://"

    /// The socket's path: the same for all containers of a group under one containerd.
    package static func path(address: String, namespace: String, group: String, directory: String) -> String {
        "\(directory)/\(Digest.sha256(Paths.clean("\(address)/\(namespace)/\(group)")))"
    }

    /// How clients write it.
    package static func url(_ path: String) -> String { scheme + path }

    /// The path in ``url(_:)``; nil if it is none.
    package static func path(inURL url: String) -> String? {
        url.hasPrefix(scheme + "/") ? String(url.dropFirst(scheme.utf8.count)) : nil
    }

    /// What `claim` found.
    package enum Claim: ~Copyable {
        /// It is ours; nobody else listens. Other claims wait as long as there is the lock.
        case listening(FileDescriptor, Lock)
        /// A live shim of the group has it.
        case taken
    }

    /// A locked file beside a socket, for the time from looking who listens until there is who serves. It goes with this.
    package struct Lock: ~Copyable {
        package let path: String
        fileprivate let file: FileDescriptor

        deinit { Files.remove(path) }
    }

    /// Listens at `path`, unless a living shim does. Of several claims at once one wins and the
    /// others find it taken.
    package static func claim(_ path: String) throws(Failure) -> Claim {
        guard path.utf8.count <= UnixSocket.longestPath else {
            throw Failure(.invalidArgument, "\(path): socket path longer than \(UnixSocket.longestPath) bytes")
        }
        try Files.makeDirectories(Paths.parent(of: path), mode: 0o700)
        let lock = try takeLock("\(path).lock", tries: 2000)
        if isAlive(path) { return .taken }
        Files.remove(path)
        let listener = try UnixSocket.listen(at: path)
        try Files.changeMode(path, to: 0o600)
        return .listening(listener, lock)
    }

    /// Removes the socket of a shim that is no more. One that a start has just claimed, or that somebody serves, stays.
    package static func removeAbandoned(_ path: String) throws(Failure) {
        let lock = try takeLock("\(path).lock", tries: 1)
        defer { _ = lock.path }  // held until here
        if !isAlive(path) { Files.remove(path) }
    }

    /// Whether somebody listens. Only a refusal or a missing socket says no: one that is behind with
    /// accepting is alive.
    private static func isAlive(_ path: String) -> Bool {
        do throws(Failure) {
            _ = try UnixSocket.connect(to: path)
            return true
        } catch {
            return error.errno != Errno.refused && error.errno != Errno.noEntry
        }
    }

    private static func takeLock(_ path: String, tries: Int) throws(Failure) -> Lock {
        for _ in 0..<tries {
            let file = try FileDescriptor(opening: path, [.readWrite, .create])
            // The holder removes the file before it lets go: only the file that still has the name counts.
            if file.lock(), Files.identity(of: path) == Files.identity(of: file) {
                return Lock(path: path, file: file)
            }
            Process.sleep(milliseconds: 5)
        }
        throw Failure(.unavailable, "\(path): locked by another start")
    }
}
