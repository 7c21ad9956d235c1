import Containers
import Linux
import Mounts
import OCIRuntime
import Protobuf
import Reactor
import Seccomp
import Stdio
import TTRPC
import _Concurrency

extension TaskService {
    func create(_ call: Call) throws(Failure) {
        let message = try decoded { () throws(Failure) in try CreateTaskRequest(decoding: call.payload) }
        guard takesCreates else { throw Failure(.unavailable, "the shim is ending") }
        let id = message.id
        try Self.checkName(id, "container id")
        guard containers[id] == nil, creating[id] == nil else { throw Failure(.alreadyExists, "id \(id)") }
        guard message.bundle.hasPrefix("/") else {
            throw Failure(.invalidArgument, "bundle \(Log.quoted(message.bundle)): not an absolute path")
        }
        guard message.checkpoint.isEmpty || message.checkpoint.hasPrefix("/") else {
            throw Failure(.invalidArgument, "checkpoint \(Log.quoted(message.checkpoint)): not an absolute path")
        }
        let host = try HostConfiguration.read()
        let options = try TaskOptions(message.options, host: host)
        for warning in options.warnings { log(.warning, "options", "id=\(id) text=\(Log.quoted(warning))") }
        unheard.removeAndShrink(id)
        creating[id] = Creation()
        Loop.start { await self.create(message, options, host.seccomp, answering: call.stream) }
    }

    private func create(
        _ message: CreateTaskRequest, _ options: TaskOptions, _ seccomp: SeccompRules, answering stream: Server.Stream
    ) async {
        do throws(Failure) {
            let container = try makeContainer(message, options, seccomp)
            try await container.create()
            server.answer(stream, CreateTaskResponse(pid: UInt32(container.initial.pid)).encoded())
        } catch {
            log(.warning, "create", "id=\(message.id) error=\(Log.quoted(error.message))")
            server.answer(stream, error)
        }
        if let creation = creating.removeAndShrink(message.id) { await finish(creation, of: message.id) }
    }

    /// What came during it.
    private func finish(_ creation: Creation, of id: String) async {
        for (call, timer) in creation.calls {
            Reactor.shared.cancel(timer)
            _ = handle(call)
        }
        if creation.isUnwanted, let container = containers[id] {
            await deleteUnwanted(container)
        } else if containers[id] != nil, !creation.calls.contains(where: { $0.call.method == "Delete" }) {
            isToEnd = false
        }
        endIfAsked()
    }

    /// Whoever would delete it has been told that there is none. After a failure it is tried again, until a client does it.
    private func deleteUnwanted(_ container: Container) async {
        let key = Key(id: container.id, exec: "")
        for _ in 0..<5 {
            guard containers[key.id] === container, deletions[key] == nil else { return }
            deletions[key] = []
            if await delete(container.initial, key, of: container) { return }
            await Reactor.shared.sleep(.seconds(2))
        }
    }

    private func makeContainer(
        _ message: CreateTaskRequest, _ options: TaskOptions, _ seccomp: SeccompRules
    ) throws(Failure) -> Container {
        let configuration: BundleConfiguration?
        do throws(Failure) {
            configuration = try BundleConfiguration(bundle: message.bundle)
        } catch {
            configuration = nil  // the runtime will say what is wrong with it
        }
        var options = options
        // Without systemd (sd_booted(3)) the name is a path like any other, and its driver would fail.
        if Files.isDirectory("/run/systemd/system") { options.infer(from: configuration) }
        let runc = options.runc
        var settings = Container.Settings(
            runtime: options.runtime(namespace: namespace), runtimeFile: runc.binaryName, optionsFile: options.json)
        settings.namespace = namespace
        settings.cgroupsPath = configuration?.cgroupsPath ?? ""
        let policy = try configuration?.outputPolicy.map { (word) throws(Failure) in try OutputPolicy(word) }
        settings.output = policy ?? options.said.outputPolicy ?? .wait
        settings.spill = options.spill
        settings.isolatesExecs = try configuration?.wantsExecCgroup() ?? options.said.execCgroup ?? false
        settings.seccomp = try seccomp.mode(askedFor: configuration?.seccomp).map { mode in
            SeccompAgent.Plan(
                mode: mode, isAskedFor: configuration?.seccomp != nil, rules: seccomp, socketDirectory: socketDirectory,
                namespace: namespace)
        }
        settings.noPivot = runc.noPivotRoot
        settings.noNewKeyring = runc.noNewKeyring
        settings.ioUID = runc.ioUID
        settings.ioGID = runc.ioGID
        settings.criuWorkPath = runc.criuWorkPath
        var request = Container.Request(
            id: message.id, bundle: message.bundle,
            mounts: message.rootfs.map {
                Mount(type: $0.type, source: $0.source, target: $0.target, options: $0.options)
            },
            stdio: StdioPaths(
                stdin: message.stdin, stdout: message.stdout, stderr: message.stderr, terminal: message.terminal),
            settings: settings)
        request.checkpoint = message.checkpoint
        request.parentCheckpoint = message.parentCheckpoint
        return Container(request, sharesPIDNamespace: configuration?.sharesPIDNamespace ?? true) { self.tell($0) }
    }
}
