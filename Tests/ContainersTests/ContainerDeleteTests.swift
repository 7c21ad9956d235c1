import Linux
import OCIRuntime
import Reactor
import Stdio
import Testing
import _Concurrency

@testable import Containers

/// A container whose runtime is a shell script, and its init a process of ours.
@Loop
private final class Scene {
    let path = "/tmp/swiftrunc-\(Process.randomName())"
    let child: ChildProcess
    private(set) var container: Container!
    /// What was told, in words.
    private(set) var told: [String] = []

    /// `script` has the command's words, `$dir`, and `$init`.
    init(_ script: String, sharesPIDNamespace: Bool = false) throws {
        try Files.makeDirectory(path, mode: 0o700)
        child = try ChildProcess.start(Program("/bin/sleep", ["600"]), descriptors: [0, 1, 2])
        let text = "#!/bin/sh\ndir=\(path) init=\(child.pid)\nshift 6\necho \"$*\" >>$dir/calls\n\(script)\n"
        try Files.writeAtomically(Array(text.utf8), to: "\(path)/runtime", mode: 0o700)
        let runtime = Runtime(binary: "\(path)/runtime", root: "/nonexistent", systemdCgroup: false)
        let settings = Container.Settings(runtime: runtime, runtimeFile: "", optionsFile: [])
        let request = Container.Request(
            id: "c1", bundle: path, mounts: [], stdio: StdioPaths(), settings: settings)
        container = Container(request, sharesPIDNamespace: sharesPIDNamespace) { [weak self] in self?.hear($0) }
        let initial = container.initial
        initial.runs(as: child)
        child.whenExited { [container] exit in container?.tell(initial, .exited(exit)) }
    }

    deinit { Files.removeTree(path) }

    private func hear(_ event: TaskEvent) {
        switch event {
        case .exited(_, let exec, _, let exit, _): told.append("exited \(exec) \(exit.status)")
        case .deleted: told.append("deleted")
        default: break
        }
    }

    func start() throws {
        try container.initial.state.request(.start)
        container.tell(container.initial, .started)
    }

    func endInit() async throws {
        try child.kill()
        _ = await child.end()
    }

    /// What the runtime was asked for.
    var calls: [String] {
        ((try? Files.text("\(path)/calls")) ?? "").split(separator: "\n").map { String($0) }
    }

    func runtimeDoes(_ call: String) async {
        for _ in 0..<5000 where !calls.contains(call) { await Reactor.shared.sleep(.milliseconds(2)) }
        #expect(calls.contains(call))
    }

    /// Begins a job; its failure, or "done", is told by the result's `end`.
    func begin(_ work: @escaping @Loop @Sendable (Container) async throws(Failure) -> Void) -> Job {
        let job = Job()
        Loop.start { [container] in
            do throws(Failure) {
                try await work(container!)
                job.failure = nil
            } catch {
                job.failure = error
            }
            job.hasEnded = true
            job.ends.open()
        }
        return job
    }
}

@Loop
private final class Job {
    var failure: Failure?
    var hasEnded = false
    let ends = Gate()

    func end() async -> Failure? {
        if !hasEnded { _ = await ends.opens(within: .seconds(30)) }
        #expect(hasEnded)
        return failure
    }
}

@Loop
struct ContainerDeleteTests {
    private static let anybody = Caller(patience: nil) { true }

    @Test func `a delete ends an update that hangs once init has ended`() async throws {
        let scene = try Scene("[ $1 != update ] || exec sleep 60")
        try scene.start()
        let update = scene.begin { container async throws(Failure) in
            try await container.update(Array("{}".utf8), for: Self.anybody)
        }
        await scene.runtimeDoes("update --resources=- c1")
        let pause = scene.begin { container async throws(Failure) in try await container.pause(for: Self.anybody) }
        try await scene.endInit()
        let begin = Monotonic.now()
        try await scene.container.delete()
        #expect(Monotonic.now() - begin < 10_000_000_000)
        #expect(await update.end()?.kind == .unknown)
        #expect(await pause.end()?.message == "cannot pause a stopped container")
        #expect(scene.told == ["exited  137", "deleted"])
        #expect(scene.calls == ["update --resources=- c1", "delete c1"])
    }

    @Test func `a delete gives a checkpoint that ends init longer than other commands`() async throws {
        let scene = try Scene("[ $1 != checkpoint ] || { kill -9 $init; while [ ! -e $dir/go ]; do sleep 0.01; done; }")
        try scene.start()
        var checkpoint = Runtime.Checkpoint(imagePath: "\(scene.path)/image", workPath: scene.path)
        checkpoint.leavesRunning = false
        let dump = scene.begin { [checkpoint] container async throws(Failure) in
            try await container.checkpoint(checkpoint, for: Self.anybody)
        }
        _ = await scene.child.end()
        #expect(scene.container.commandLimit == .seconds(30))
        let delete = scene.begin { container async throws(Failure) in try await container.delete() }
        try Files.writeAtomically([], to: "\(scene.path)/go")
        #expect(await dump.end() == nil)
        #expect(await delete.end() == nil)
        #expect(scene.container.commandLimit == Container.runtimeLimit)
    }

    @Test func `a kill by the runtime ends with its container, whose process has finished`() async throws {
        let scene = try Scene("[ $1 != kill ] || exec sleep 60")
        try scene.start()
        let kill = scene.begin { container async throws(Failure) in
            try await container.kill(exec: "", signal: 15, all: true)
        }
        await scene.runtimeDoes("kill --all c1 15")
        try await scene.endInit()
        try await scene.container.delete()
        let failure = await kill.end()
        #expect(failure?.kind == .notFound && failure?.message == "process already finished")
        #expect(scene.calls == ["kill --all c1 15", "delete c1"])
    }

    @Test func `what the runtime's delete has ended has left nobody to be killed`() async throws {
        let scene = try Scene(
            "[ $1 != delete ] || { kill -9 $init; while [ -e /proc/$init ]; do sleep 0.01; done; }",
            sharesPIDNamespace: true)
        try await scene.container.delete()
        #expect(scene.calls == ["delete c1"])
        #expect(scene.told == ["exited  137", "deleted"])
    }

    @Test func `no command begins after the delete`() async throws {
        let scene = try Scene("")
        try await scene.container.delete()
        await scene.container.attempt(Runtime.resume("c1"))
        #expect(scene.calls == ["delete c1"])
    }

    @Test(arguments: ["echo 'container does not exist' >&2; exit 1", "exit 0"])
    func `an init that the runtime has not killed is killed and told of`(delete: String) async throws {
        let scene = try Scene("[ $1 != delete ] || { \(delete); }")
        try await scene.container.delete()
        #expect(scene.child.exit?.status == 137)
        #expect(scene.told == ["exited  137", "deleted"])
    }
}
