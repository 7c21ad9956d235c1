package import Linux
package import Reactor
import _Concurrency

/// An OCI runtime as a program: where it is, what every command line of it begins with.
package struct Runtime {
    /// A name to be found in PATH, or a path.
    package let binary: String
    /// Its state directory, the namespace included.
    package let root: String
    package let systemdCgroup: Bool

    package init(binary: String, root: String, systemdCgroup: Bool) {
        self.binary = binary
        self.root = root
        self.systemdCgroup = systemdCgroup
    }

    /// The longest that one command may take before it is killed, from the environment variable
    /// `SWIFTRUNC_RUNTIME_TIMEOUT_SECONDS`; 120 s without it.
    package static let timeout = Process.limit("SWIFTRUNC_RUNTIME_TIMEOUT_SECONDS", otherwise: .seconds(120))

    /// Whether the container's processes are processes of this kernel that a signal reaches, which
    /// is known of runc, crun and youki by their names; of another, the runtime is asked to signal.
    package var isNative: Bool {
        let name = Paths.lastComponent(of: binary)
        return ["runc", "crun", "youki"].contains { name.hasPrefix($0) }
    }

    /// The options before the command (C-5.1).
    package func globalArguments(log: String) -> [String] {
        ["--root", root, "--log", log, "--log-format", "json"] + (systemdCgroup ? ["--systemd-cgroup"] : [])
    }

    /// What `create` is asked for.
    package struct Creation {
        package var bundle: String
        package var pidFile: String
        package var consoleSocket: String?
        package var noPivot: Bool
        package var noNewKeyring: Bool

        package init(bundle: String, pidFile: String, consoleSocket: String?, noPivot: Bool, noNewKeyring: Bool) {
            self.bundle = bundle
            self.pidFile = pidFile
            self.consoleSocket = consoleSocket
            self.noPivot = noPivot
            self.noNewKeyring = noNewKeyring
        }
    }

    /// C-5.10.
    package static func create(_ id: String, _ creation: Creation) -> [String] {
        ["create", "--bundle", creation.bundle, "--pid-file", creation.pidFile]
            + (creation.consoleSocket.map { ["--console-socket", $0] } ?? [])
            + (creation.noPivot ? ["--no-pivot"] : []) + (creation.noNewKeyring ? ["--no-new-keyring"] : []) + [id]
    }

    /// C-5.11.
    package static func start(_ id: String) -> [String] { ["start", id] }

    /// C-5.12. `cgroup`: one below the container's that exists, for runc since 1.1 and crun (`--cgroup`).
    package static func exec(
        _ id: String, process: String, consoleSocket: String?, pidFile: String, cgroup: String? = nil
    ) -> [String] {
        ["exec", "--process", process] + (consoleSocket.map { ["--console-socket", $0] } ?? [])
            + (cgroup.map { ["--cgroup", $0] } ?? []) + ["--detach", "--pid-file", pidFile, id]
    }

    /// C-5.13.
    package static func kill(_ id: String, signal: UInt32, all: Bool) -> [String] {
        ["kill"] + (all ? ["--all"] : []) + [id, "\(signal)"]
    }

    /// C-5.14.
    package static func delete(_ id: String, force: Bool) -> [String] { ["delete"] + (force ? ["--force"] : []) + [id] }

    /// C-5.16.
    package static func ps(_ id: String) -> [String] { ["ps", "--format", "json", id] }

    /// C-5.15.
    package static func pause(_ id: String) -> [String] { ["pause", id] }

    /// C-5.15.
    package static func resume(_ id: String) -> [String] { ["resume", id] }

    /// C-5.17. The resources, JSON of OCI LinuxResources, are its stdin.
    package static func update(_ id: String) -> [String] { ["update", "--resources=-", id] }

    /// Where `binary` is, as exec(3) would find it.
    package func path() throws(Failure) -> String { try Paths.executable(binary) }

    /// Whether what a command prints is to be parsed. What it says on stderr is no part of that, and kept nowhere.
    private static func reports(_ command: [String]) -> Bool {
        switch command.first {
        case "features", "--version", "ps": true
        default: false
        }
    }

    /// Starts a command. With `descriptors` these are its 0, 1 and 2; without, its stdin is `input`,
    /// and what it prints is kept for ``Invocation/Outcome``.
    @Loop
    package func invoke(
        _ command: [String], log: String?, descriptors: [Int32]? = nil, input: [UInt8]? = nil
    ) throws(Failure) -> Invocation {
        let arguments = (log.map { globalArguments(log: $0) } ?? []) + command
        // A group of its own, so that killing it leaves no helper of a wrapper script behind; and
        // "/", for the bundle that is our working directory may be gone.
        let program = Program(try path(), arguments, workingDirectory: "/", leadsProcessGroup: true)
        return try Invocation.start(
            program, named: binary, descriptors: descriptors, input: input, reports: Self.reports(command))
    }

    /// What the runtime is, by its own word.
    package enum Dialect: Equatable { case runc, crun }

    /// Asks the runtime for its version. A runtime that does not say it is crun is taken for runc.
    @Loop
    package func dialect() async throws(Failure) -> Dialect {
        guard case .succeeded(let output) = try await invoke(["--version"], log: nil).outcome() else { return .runc }
        return String(decoding: output, as: UTF8.self).hasPrefix("crun ") ? .crun : .runc
    }
}

extension Invocation {
    /// Suspends until a command of the runtime has ended, or was killed because ``Runtime/timeout`` passed.
    package func outcome(waited: Duration = .zero) async -> Outcome {
        await outcome(within: Runtime.timeout, waited: waited)
    }
}
