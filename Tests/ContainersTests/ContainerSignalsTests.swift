import Linux
import OCIRuntime
import Reactor
import Stdio
import Testing
import _Concurrency

@testable import Cgroups
@testable import Containers

@Loop
struct ContainerSignalsTests {
    /// Its init is `child`, and its runtime `binary`.
    private func container(_ child: ChildProcess, _ binary: String) -> Container {
        let runtime = Runtime(binary: binary, root: "/nonexistent", systemdCgroup: false)
        let settings = Container.Settings(runtime: runtime, runtimeFile: "", optionsFile: [])
        let request = Container.Request(
            id: "c1", bundle: "/nonexistent", mounts: [], stdio: StdioPaths(), settings: settings)
        let container = Container(request, sharesPIDNamespace: false) { _ in }
        container.initial.runs(as: child)
        container.tell(container.initial, .started)
        return container
    }

    /// On a real cgroup, where memory is counted.
    @Test func `a kill that has failed lets nobody expect the end`() async throws {
        let version: Cgroup.Version = Hierarchy.mode() == .unified ? .unified : .legacy
        let parent = "/sys/fs/cgroup\(version == .legacy ? "/memory" : "")"
        guard Files.isDirectory(parent), Process.isSuperuser else { return }
        let path = "\(parent)/swiftrunc-\(Process.randomName())"
        try Files.makeDirectory(path, mode: 0o755)
        defer { Files.removeDirectory(path) }
        let child = try ChildProcess.start(Program("/bin/sleep", ["600"]), descriptors: [0, 1, 2])
        defer { try? child.kill() }
        guard Files.exists("\(path)/memory.\(version == .legacy ? "oom_control" : "events")") else { return }
        let watch = try OOMWatch.begin(
            Cgroup(path: path, version: version, elsewhere: []), countsEarlier: false
        ) {}
        defer { watch.cancel() }
        // The last one fails after one that did not.
        for (binary, isExpected) in [
            ("/nonexistent", false), ("/bin/false", false), ("/bin/true", true), ("/bin/false", true),
        ] {
            let container = container(child, binary)
            container.memoryWatch = watch
            let before = watch.isEndExpected
            try? await container.kill(exec: "", signal: 15, all: true)
            #expect(watch.isEndExpected == before)
            try? await container.kill(exec: "", signal: 9, all: true)
            #expect(watch.isEndExpected == isExpected)
        }
    }
}
