import Linux
import Protobuf
package import Reactor
package import TTRPC
import _Concurrency

/// containerd's sandbox API as the runc shims have it (contract C-3.95, C-3.96): a pod is its
/// containers, so there is nothing to make, and its end is the shim's. containerd 1.7 alone asks for
/// it, and only where its configuration says so.
@Loop
package final class SandboxService {
    package static let name = "containerd.runtime.sandbox.v1.Sandbox"

    private let server: Server
    private let isEmpty: @Loop () -> Bool
    private let onShutdown: @Loop () -> Void
    private var waits: [(stream: Server.Stream, timer: Reactor.Timer?)] = []
    /// There is a sandbox, which may have no container yet.
    package private(set) var isStarted = false

    /// `isEmpty`: no container is left, so that a shutdown may begin; `onShutdown` begins it.
    package init(server: Server, isEmpty: @escaping @Loop () -> Bool, onShutdown: @escaping @Loop () -> Void) {
        self.server = server
        self.isEmpty = isEmpty
        self.onShutdown = onShutdown
    }

    /// Carries out a call of our service; false if it is of another.
    package func handle(_ call: Call) -> Bool {
        guard call.service == Self.name else { return false }
        do throws(Failure) {
            _ = try TaskRequest(decoding: call.payload)
            dispatch(call)
        } catch {
            server.answer(call.stream, Failure(.internal, "ttrpc: error unmarshalling payload: \(error.message)"))
        }
        return true
    }

    private func dispatch(_ call: Call) {
        switch call.method {
        case "CreateSandbox", "StartSandbox":
            isStarted = true
            server.answer(call.stream, [])
        case "SandboxStatus", "PingSandbox", "SandboxMetrics": server.answer(call.stream, [])
        case "Platform":
            server.answer(call.stream, PlatformResponse(os: "linux", architecture: Self.architecture).encoded())
        case "WaitSandbox": wait(call)
        case "StopSandbox", "ShutdownSandbox":
            isStarted = false
            server.answer(call.stream, [])
            if isEmpty() { onShutdown() }
        default: server.refuse(call.stream, Status(code: 12, message: "method \(call.method)"))
        }
    }

    /// A connection is gone: nobody hears the answers to its waits any more.
    package func forget(connection: UInt32) {
        for wait in waits where wait.stream.connection == connection { end(wait) { server.abandon($0) } }
        waits.removeAll { $0.stream.connection == connection }
    }

    /// The shim ends, and with it the sandbox: whoever waits is told.
    package func shutDown() {
        let response = WaitResponse(exitStatus: 0, exitedAt: .now()).encoded()
        for wait in waits { end(wait) { server.answer($0, response) } }
        waits = []
    }

    private func wait(_ call: Call) {
        let stream = call.stream
        let timer = call.timeout.map { limit in
            Reactor.shared.after(limit) {
                self.waits.removeAll { $0.stream == stream }
                self.server.refuse(stream, Status(code: 4, message: "context deadline exceeded"))
            }
        }
        waits.append((stream, timer))
    }

    private func end(_ wait: (stream: Server.Stream, timer: Reactor.Timer?), _ tell: (Server.Stream) -> Void) {
        if let timer = wait.timer { Reactor.shared.cancel(timer) }
        tell(wait.stream)
    }

    #if arch(x86_64)
        private static let architecture = "amd64"
    #elseif arch(arm64)
        private static let architecture = "arm64"
    #endif
}
