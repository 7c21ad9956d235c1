import CLinux

/// Unix stream sockets, all non-blocking.
package enum UnixSocket {
    /// The longest path the kernel takes (sockaddr_un, without its NUL).
    package static let longestPath = 107

    /// A new listening socket at `path`; EADDRINUSE if anything is there.
    package static func listen(at path: String) throws(Failure) -> FileDescriptor {
        FileDescriptor(owning: try check(unsafe clinux_listen(path), "listen on", path))
    }

    /// A connection. EAGAIN: somebody listens, and is behind with accepting.
    package static func connect(to path: String) throws(Failure) -> FileDescriptor {
        FileDescriptor(owning: try check(unsafe clinux_connect(path), "connect to", path))
    }

    /// The next connection that waits, or nil.
    package static func accept(from listener: borrowing FileDescriptor) throws(Failure) -> FileDescriptor? {
        let raw = clinux_accept(listener.raw)
        guard raw != -Errno.again else { return nil }
        return FileDescriptor(owning: try check(raw, "accept", "fd \(listener.raw)"))
    }

    /// Where `listener` was bound.
    package static func path(of listener: borrowing FileDescriptor) throws(Failure) -> String {
        var result: Int32 = 0
        let raw = listener.raw
        let path = unsafe Paths.filled(109) { unsafe result = clinux_socket_path(raw, $0) }
        try check(result, "getsockname", "fd \(raw)")
        return path
    }

    /// Whether the peer runs as we do: the same effective uid and gid (C-1.47).
    package static func peerIsUs(_ socket: borrowing FileDescriptor) -> Bool { clinux_peer_is_us(socket.raw) == 1 }

    /// The one descriptor that the peer sends (SCM_RIGHTS); nil when nothing came yet.
    package static func receiveDescriptor(_ socket: borrowing FileDescriptor) throws(Failure) -> FileDescriptor? {
        let raw = clinux_receive_descriptor(socket.raw)
        guard raw != -Errno.again else { return nil }
        return FileDescriptor(owning: try check(raw, "recvmsg", "fd \(socket.raw)"))
    }
}
