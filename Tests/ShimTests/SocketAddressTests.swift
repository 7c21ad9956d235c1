import Linux
import Testing

@testable import Shim

struct SocketAddressTests {
    /// A directory that goes with what is in it.
    private final class Directory {
        let path = "/tmp/swiftrunc-\(Process.randomName())"
        var socket: String { "\(path)/s/socket" }

        init() throws { try Files.makeDirectories("\(path)/s", mode: 0o700) }

        deinit {
            for name in ["socket", "socket.lock"] { Files.remove("\(path)/s/\(name)") }
            Files.removeDirectory("\(path)/s")
            Files.removeDirectory(path)
        }
    }

    private final class Listener {
        let socket: FileDescriptor

        init(_ socket: consuming FileDescriptor) { self.socket = socket }
    }

    /// nil: somebody has it.
    private func listener(_ path: String) throws -> Listener? {
        switch try SocketAddress.claim(path) {
        case .listening(let listener, _): Listener(listener)
        case .taken: nil
        }
    }

    private func path(_ address: String, _ namespace: String, _ group: String) -> String {
        SocketAddress.path(address: address, namespace: namespace, group: group, directory: "/run/containerd/s")
    }

    /// C-1.22.
    @Test(arguments: [
        ("default", "c1", "d25aa4ef11a84e954e74a5bcff06557d0b6ea8d0c00243896f29826694bbd888"),
        ("k8s.io", "pod1", "8e264b1ad347c80aee5f3dea6e4bb53d72026989222058782273d5db043c7723"),
    ])
    func `a group's socket is where the peers have it`(namespace: String, group: String, hash: String) {
        #expect(path("/run/containerd/containerd.sock", namespace, group) == "/run/containerd/s/\(hash)")
    }

    @Test func `paths that are the same have the same socket, others have others`() {
        let plain = path("/run/c.sock", "default", "c1")
        #expect(path("/run//./x/../c.sock", "default", "c1") == plain)
        #expect(path("/run/c.sock", "default", "c2") != plain)
        #expect(path("/run/c.sock", "other", "c1") != plain)
        #expect(path("/run/d.sock", "default", "c1") != plain)
        #expect(
            SocketAddress.path(address: "/run/c.sock", namespace: "default", group: "c1", directory: "/x")
                == "/x/" + Paths.lastComponent(of: plain))
    }

    @Test func `clients write it with a scheme`() {
        #expect(SocketAddress.url("/run/x") == "unix:///run/x")
        #expect(SocketAddress.defaultDirectory == "/run/containerd/s")
    }

    @Test func `the first claim listens, the second finds it taken`() throws {
        let directory = try Directory()
        let listener = try #require(try listener(directory.socket))
        #expect(try self.listener(directory.socket) == nil)
        #expect(try self.listener(directory.socket) == nil)
        #expect(try UnixSocket.path(of: listener.socket) == directory.socket)
    }

    @Test func `no lock is left`() throws {
        let directory = try Directory()
        let listener = try listener(directory.socket)
        #expect(!Files.exists("\(directory.socket).lock"))
        #expect(try self.listener(directory.socket) == nil)
        #expect(!Files.exists("\(directory.socket).lock"))
        #expect(listener != nil)
    }

    @Test func `a socket that nobody listens on is replaced`() throws {
        let directory = try Directory()
        #expect(try listener(directory.socket) != nil)
        let stale = Files.identity(of: directory.socket)
        #expect(stale != nil)
        let second = try listener(directory.socket)
        #expect(second != nil)
        _ = try UnixSocket.connect(to: directory.socket)
    }

    @Test func `a listener that is behind with accepting is alive`() throws {
        let directory = try Directory()
        let busy = try listener(directory.socket)
        // More probes than one are never accepted here, and each of them is an answer.
        for _ in 0..<5 { #expect(try listener(directory.socket) == nil) }
        #expect(busy != nil)
    }

    @Test func `missing directories are made`() throws {
        let directory = try Directory()
        let path = "\(directory.path)/a/b/socket"
        #expect(try listener(path) != nil)
        Files.remove(path)
        Files.removeDirectory("\(directory.path)/a/b")
        Files.removeDirectory("\(directory.path)/a")
    }

    @Test func `a lock that was left is no obstacle`() throws {
        let directory = try Directory()
        try Files.writeAtomically([], to: "\(directory.socket).lock")
        #expect(try listener(directory.socket) != nil)
        #expect(!Files.exists("\(directory.socket).lock"))
    }

    @Test func `a path that is too long is refused`() throws {
        let long = "/tmp/" + String(repeating: "x", count: 103)
        #expect(throws: Failure(.invalidArgument, "\(long): socket path longer than 107 bytes")) {
            _ = try listener(long)
        }
        let longest = String(long.dropLast())
        #expect(try listener(longest) != nil)
        Files.remove(longest)
    }
}
