import Cgroups
package import Linux
import Protobuf

/// The `start` action: finds or starts the shim of a group and says where it listens (contract C-1.20 … C-1.40).
package enum StartAction {
    /// Returns what is to be written to stdout. The working directory is the bundle.
    package static func run(_ arguments: Arguments) throws(Failure) -> [UInt8] {
        guard !arguments.id.isEmpty else { throw Failure(.invalidArgument, "shim id cannot be empty") }
        let input = try Files.readToEnd(FileDescriptor(owning: 0), named: "stdin", limit: 10 << 20)
        let bootstrap = try Bootstrap(input, id: arguments.id, namespace: arguments.namespace, host: .read())
        let bundle = try Paths.workingDirectory()
        let group = try BundleConfiguration(bundle: bundle).group ?? arguments.id
        let path = SocketAddress.path(
            address: arguments.address, namespace: arguments.namespace, group: group,
            directory: bootstrap.socketDirectory)
        let address = SocketAddress.url(path)
        switch try SocketAddress.claim(path) {
        case .taken: try writeAddress(address, in: bundle)
        case .listening(let listener, let lock):
            defer { _ = lock.path }  // held until here
            do throws(Failure) {
                try writeAddress(address, in: bundle)
                try startServer(arguments, bootstrap, listener)
            } catch {
                Files.remove(path)
                Files.remove("\(bundle)/address")
                throw error
            }
        }
        return bootstrap.answer(address: address)
    }

    /// The one thing by which containerd up to 1.7 finds us again (C-1.27).
    private static func writeAddress(_ address: String, in bundle: String) throws(Failure) {
        try Files.writeAtomically(Array(address.utf8), to: "\(bundle)/address", mode: 0o644)
    }

    private static func startServer(
        _ arguments: Arguments, _ bootstrap: Bootstrap, _ listener: borrowing FileDescriptor
    ) throws(Failure) {
        if Process.environment("SCHED_CORE") != nil { try Process.createSchedulingCore() }
        Process.setEnvironment("GOMAXPROCS", to: "4")  // for the runtime, as with the peers
        HeapTunables.set()
        let score = try OutOfMemoryScore.ofCaller()
        OutOfMemoryScore.set(ofCaller: score)
        let words = ["-namespace", arguments.namespace, "-id", arguments.id, "-address", arguments.address]
        let debug = arguments.debug || bootstrap.wantsDebug
        // This file, also if another has its name by now; and that name, for whoever looks at processes.
        let program = Program(
            "/proc/self/exe", words + (debug ? ["-debug"] : []), name: Process.arguments.first, leadsProcessGroup: true)
        let null = try FileDescriptor(opening: "/dev/null", .readWrite)
        let server = try Child(starting: program, descriptors: [null.raw, null.raw, null.raw, listener.raw])
        do throws(Failure) {
            let cgroup = bootstrap.options.runc.shimCgroup
            if !cgroup.isEmpty { try Cgroup.move(pid: server.pid, toShimCgroup: cgroup) }
            try OutOfMemoryScore.raise(of: server.pid, over: score)
        } catch {
            do throws(Failure) { try server.kill() } catch {}  // it ended by itself
            throw error
        }
    }
}
