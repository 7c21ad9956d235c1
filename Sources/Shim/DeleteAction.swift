import JSON
package import Linux
import Mounts
import OCIRuntime
import Protobuf
package import Reactor
import _Concurrency

/// The `delete` action: cleans up after a shim that died (contract C-1.70 … C-1.75). Every step is
/// tried whatever became of the one before; what went wrong is a warning on stderr.
@Loop
package enum DeleteAction {
    /// containerd kills us after 5 s; the runtime gets this much of it.
    private static let runtimeLimit = Duration.seconds(3)

    /// Returns what is to be written to stdout.
    package static func run(_ arguments: Arguments) async throws(Failure) -> [UInt8] {
        var log = Log(verbose: arguments.debug, fields: "namespace=\(arguments.namespace) id=\(arguments.id)")
        guard !arguments.id.isEmpty else { throw Failure(.invalidArgument, "shim id cannot be empty") }
        _ = try Signals.open()  // SIGTERM and SIGINT wait until we are done
        let bundle = try bundle(arguments)
        let runtime = recordedRuntime(bundle, arguments.namespace, log: &log)
        let pid = recordedPID(bundle)
        do throws(Failure) {
            let command = Runtime.delete(arguments.id, force: true)
            switch try await runtime.invoke(command, log: "\(bundle)/log.json").outcome(within: runtimeLimit) {
            case .succeeded: break
            case .failed(let text): log(.warning, "runtime delete", "error=\(Log.quoted(text))")
            case .timedOut(let text):
                log(.warning, "runtime delete", "error=\(Log.quoted(text))")
                if let pid { kill(pid, of: arguments.id, log: &log) }
            }
        } catch {
            log(.warning, "runtime delete", "error=\(Log.quoted(error.message))")
        }
        unmount("\(bundle)/rootfs", log: &log)
        return DeleteResponse(pid: pid.map { UInt32($0) } ?? 0, exitStatus: 137, exitedAt: .now()).encoded()
    }

    /// The bundle beside our working directory, which may be any of a pod's; else the one named.
    private static func bundle(_ arguments: Arguments) throws(Failure) -> String {
        let named = arguments.bundle
        do throws(Failure) {
            let beside = "\(Paths.parent(of: try Paths.workingDirectory()))/\(arguments.id)"
            if Files.isDirectory(beside) || !named.hasPrefix("/") { return beside }
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

    /// SIGKILL for an init whose runtime hangs, if the pid still is this container's: its cgroup
    /// must say so.
    private static func kill(_ pid: Int32, of id: String, log: inout Log) {
        do throws(Failure) {
            let process = try ForeignProcess(pid)
            guard try Files.text("/proc/\(pid)/cgroup").mentions(id) else { return }
            try process.kill()
            log(.warning, "killed init without its runtime", "pid=\(pid)")
        } catch {
            log(.warning, "kill of init", "pid=\(pid) error=\(Log.quoted(error.message))")
        }
    }

    private static func unmount(_ rootfs: String, log: inout Log) {
        do throws(Failure) {
            for attempt in 0..<20 {
                guard try MountTable.unmountAll(below: rootfs, detach: attempt == 19) else { return }
                Process.sleep(milliseconds: 50)
            }
        } catch {
            log(.warning, "unmount of rootfs", "error=\(Log.quoted(error.message))")
        }
    }
}
