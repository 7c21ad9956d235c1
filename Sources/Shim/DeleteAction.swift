import Cgroups
import Containers
import JSON
package import Linux
import Mounts
import OCIRuntime
import Protobuf
package import Reactor
import Seccomp
import _Concurrency

/// The `delete` action: cleans up after a shim that died (contract C-1.70 … C-1.75), and tells how init ended as far as
/// the bundle's ``LifeRecord`` knows. Every step is tried whatever became of the one before; what went wrong is a warning
/// on stderr.
@Loop
package enum DeleteAction {
    /// containerd kills us after 5 s; the runtime gets this much of it.
    private static let runtimeLimit = Duration.milliseconds(2500)
    /// What the dead shim has asked of the runtime is better finished than broken off, if it does not take longer.
    private static let finishLimit = Duration.milliseconds(500)
    /// When what was killed is waited for no more.
    private static let endLimit = Duration.milliseconds(3700)
    /// For so long whoever is in its cgroup may be of a container that was never whole.
    private static let cgroupLimit = Duration.seconds(1)
    /// So much longer may it take to unmount. The child that does it goes on without us.
    private static let unmountLimit = Duration.milliseconds(900)
    /// SIGKILL's, which is what an init dies of that was alive. Of one whose end nobody saw it is what the Go shim says
    /// (C-1.72), and what its clients expect.
    private static let killed: UInt32 = 128 + 9

    /// Returns what is to be written to stdout.
    package static func run(_ arguments: Arguments) async throws(Failure) -> [UInt8] {
        let deadline = Monotonic.now() + endLimit.nanoseconds
        var log = Log(verbose: arguments.debug, fields: "namespace=\(arguments.namespace) id=\(arguments.id)")
        guard !arguments.id.isEmpty else { throw Failure(.invalidArgument, "shim id cannot be empty") }
        _ = try Signals.open()  // SIGTERM and SIGINT wait until we are done
        let bundle = try bundle(arguments)
        let runtime = recordedRuntime(bundle, arguments.namespace, log: &log)
        awaitCommands(in: bundle, log: &log)
        let pid = recordedPID(bundle)
        let record = LifeRecord(of: arguments.id, in: bundle)
        let remains = record.map { Remains($0) } ?? Remains(of: arguments.id, pid: pid)
        let wasAlive = remains.isAlive
        let wasKnown = Files.exists("\(runtime.root)/\(arguments.id)")
        // These runtimes keep no directory of what they have deleted; asking them costs time that is short here.
        if wasKnown || record?.exit == nil || !runtime.isNative {
            await delete(arguments.id, by: runtime, in: bundle, log: &log)
        }
        if remains.isLeft { log(.warning, "what the runtime has left is killed") }
        if !remains.end(by: deadline) { log(.error, "something of the container is left") }
        if record == nil { removeCgroup(namedIn: bundle, by: deadline) }
        // A shim that was only mute may have written it since.
        let exit = record?.exit ?? LifeRecord(of: arguments.id, in: bundle)?.exit
        let told = exit ?? Exit(status: killed, time: .now())
        let source = exit != nil ? "record" : wasAlive ? "kill" : "none"
        // containerd makes a warning of whatever is on stderr; that we killed it is what it expects, and it calls us after
        // each Delete too (C-1.16).
        let level: Log.Level = exit != nil && wasKnown ? .info : exit != nil || wasAlive ? .debug : .warning
        log(level, "end of init", "status=\(told.status) known-by=\(source)")
        if source == "kill" { keep(told, of: arguments.id, in: bundle) }
        await unmount("\(bundle)/rootfs", by: deadline + unmountLimit.nanoseconds, log: &log)
        removeSeccompSocket(of: bundle)
        removeSocket(of: bundle, arguments)
        return DeleteResponse(pid: pid.map { UInt32($0) } ?? 0, exitStatus: told.status, exitedAt: told.time).encoded()
    }

    /// What a command makes after we have looked would be nobody's.
    private static func awaitCommands(in bundle: String, log: inout Log) {
        let deadline = Monotonic.now() + finishLimit.nanoseconds
        while true {
            let commands = Runtime.commands(in: bundle)
            guard !commands.isEmpty else { return }
            if Monotonic.now() > deadline {
                log(.warning, "a command of the runtime was under way and is killed")
                for pid in commands {
                    do throws(Failure) { try ForeignProcess(pid).kill() } catch {}  // it has ended
                }
                return
            }
            Process.sleep(milliseconds: 10)
        }
    }

    /// Of a container that was never whole the runtime may not know that it has a cgroup. Who is in there ends once it sees
    /// that nobody goes on with it; or is another container's, and then the cgroup is not ours to remove.
    private static func removeCgroup(namedIn bundle: String, by deadline: Int64) {
        do throws(Failure) {
            let path = try BundleConfiguration(bundle: bundle).cgroupsPath
            let deadline = min(deadline, Monotonic.now() + cgroupLimit.nanoseconds)
            while let cgroup = Cgroup(named: path), Monotonic.now() < deadline {
                if cgroup.processes()?.isEmpty == true { cgroup.remove() }
                Process.sleep(milliseconds: 10)
            }
        } catch {}  // nobody knows where it would be
    }

    private static func removeSeccompSocket(of bundle: String) {
        do throws(Failure) {
            let path = try BundleConfiguration(bundle: bundle).seccompListener
            if path == SeccompAgent.socketPath(in: Paths.parent(of: path), bundle: bundle) { Files.remove(path) }
        } catch {}  // nobody knows of one
    }

    /// The dead shim's own, which nobody else removes where each container has a shim, and so a name, of its own.
    private static func removeSocket(of bundle: String, _ arguments: Arguments) {
        do throws(Failure) {
            let path = SocketAddress.path(inURL: try Files.text("\(bundle)/address").trimmed)
            let group = try BundleConfiguration(bundle: bundle).group ?? arguments.id
            guard let path,
                path
                    == SocketAddress.path(
                        address: arguments.address, namespace: arguments.namespace, group: group,
                        directory: Paths.parent(of: path))
            else { return }
            try SocketAddress.removeAbandoned(path)
        } catch {}  // nobody knows of one, or a start is about to use it
    }

    /// So that we tell the same should we be called again.
    private static func keep(_ exit: Exit, of id: String, in bundle: String) {
        do throws(Failure) { try LifeRecord.add(exit, of: id, in: bundle) } catch {}  // then the time is another
    }

    private static func delete(_ id: String, by runtime: Runtime, in bundle: String, log: inout Log) async {
        let problem: String
        do throws(Failure) {
            let invocation = try runtime.invoke(Runtime.delete(id, force: true), log: "\(bundle)/log.json")
            switch await invocation.outcome(within: runtimeLimit, grace: .milliseconds(200)) {
            case .succeeded: return
            case .failed(let text), .timedOut(let text): problem = text
            }
        } catch {
            problem = error.message
        }
        log(.warning, "runtime delete", "error=\(Log.quoted(problem))")
    }

    /// The bundle beside our working directory, which may be any of a pod's; else the one named. Where both are the same, it
    /// is the name that Create was given too: the kernel's has no symbolic links.
    private static func bundle(_ arguments: Arguments) throws(Failure) -> String {
        let named = arguments.bundle
        do throws(Failure) {
            let beside = "\(Paths.parent(of: try Paths.workingDirectory()))/\(arguments.id)"
            guard named.hasPrefix("/") else { return beside }
            if Files.isDirectory(beside), Files.identity(of: beside) != Files.identity(of: named) { return beside }
        } catch {
            guard named.hasPrefix("/") else { throw error }
        }
        return named
    }

    /// The runtime that made the container, as Create left it in the bundle (C-1.74). Of what is not there, for
    /// the shim died before Create or a file is gone, the host's configuration is the best guess.
    private static func recordedRuntime(_ bundle: String, _ namespace: String, log: inout Log) -> Runtime {
        var recorded = PartialOptions()
        do throws(Failure) {
            recorded.binaryName = try Files.text("\(bundle)/runtime").trimmed
        } catch {}  // not there
        do throws(Failure) {
            let path = "\(bundle)/options.json"
            recorded.root = try JSONValue(parsing: Files.read(path), subject: path)["root"]?.string ?? ""
        } catch {}  // as above
        var options = TaskOptions()
        options.said = recorded
        guard recorded.binaryName == nil || recorded.root == nil else { return options.runtime(namespace: namespace) }
        do throws(Failure) {
            options.said = recorded.over(try HostConfiguration.read().options)
        } catch {
            log(.warning, "configuration", "error=\(Log.quoted(error.message))")
        }
        return options.runtime(namespace: namespace)
    }

    private static func recordedPID(_ bundle: String) -> Int32? {
        do throws(Failure) {
            guard let pid = Int32(try Files.text("\(bundle)/init.pid").trimmed), pid > 0 else { return nil }
            return pid
        } catch {
            return nil
        }
    }

    private static func unmount(_ rootfs: String, by deadline: Int64, log: inout Log) async {
        let unmounting = Unmounting(rootfs)
        guard await unmounting.ends(within: .nanoseconds(max(0, deadline - Monotonic.now()))) else {
            return log(.warning, "unmount of rootfs", "error=\"it goes on without us\"")
        }
        if let failure = unmounting.failure {
            log(.warning, "unmount of rootfs", "error=\(Log.quoted(failure.message))")
        }
    }
}

/// The unmounts of a rootfs, which end when they end.
@Loop
private final class Unmounting {
    private(set) var failure: Failure?
    private var isOver = false
    private let end = Gate()

    init(_ rootfs: String) {
        Loop.start {
            do throws(Failure) {
                for attempt in 0..<20 {
                    guard try await MountTable.unmountAll(below: rootfs, detach: attempt == 19) else { break }
                    await Reactor.shared.sleep(.milliseconds(50))
                }
            } catch {
                self.failure = error
            }
            self.isOver = true
            self.end.open()
        }
    }

    func ends(within limit: Duration) async -> Bool {
        if isOver { return true }
        return await end.opens(within: limit)
    }
}
