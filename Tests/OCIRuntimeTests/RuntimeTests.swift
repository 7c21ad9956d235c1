import Linux
import Reactor
import Testing

@testable import OCIRuntime

@Loop
struct RuntimeTests {
    @Test func `every command begins with the global options`() {
        #expect(
            Runtime(binary: "runc", root: "/r/ns", systemdCgroup: false).globalArguments(log: "/b/log.json")
                == ["--root", "/r/ns", "--log", "/b/log.json", "--log-format", "json"])
        #expect(
            Runtime(binary: "runc", root: "/r/ns", systemdCgroup: true).globalArguments(log: "/l")
                == ["--root", "/r/ns", "--log", "/l", "--log-format", "json", "--systemd-cgroup"])
    }

    @Test func `create is asked for as the peers ask`() {
        var creation = Runtime.Creation(
            bundle: "/b", pidFile: "/b/init.pid", consoleSocket: nil, noPivot: false, noNewKeyring: false)
        #expect(Runtime.create("c1", creation) == ["create", "--bundle", "/b", "--pid-file", "/b/init.pid", "c1"])
        creation.noNewKeyring = true
        #expect(
            Runtime.create("c1", creation)
                == ["create", "--bundle", "/b", "--pid-file", "/b/init.pid", "--no-new-keyring", "c1"])
        creation.consoleSocket = "/s"
        creation.noPivot = true
        #expect(
            Runtime.create("c1", creation) == [
                "create", "--bundle", "/b", "--pid-file", "/b/init.pid", "--console-socket", "/s", "--no-pivot",
                "--no-new-keyring", "c1",
            ])
    }

    @Test func `exec is asked for as the peers ask`() {
        #expect(
            Runtime.exec("c1", process: "/p", consoleSocket: nil, pidFile: "/b/e.pid")
                == ["exec", "--process", "/p", "--detach", "--pid-file", "/b/e.pid", "c1"])
        #expect(
            Runtime.exec("c1", process: "/p", consoleSocket: "/s", pidFile: "/b/e.pid")
                == ["exec", "--process", "/p", "--console-socket", "/s", "--detach", "--pid-file", "/b/e.pid", "c1"])
        #expect(
            Runtime.exec("c1", process: "/p", consoleSocket: nil, pidFile: "/b/e.pid", cgroup: "freezer:x")
                == ["exec", "--process", "/p", "--cgroup", "freezer:x", "--detach", "--pid-file", "/b/e.pid", "c1"])
    }

    @Test func `the other commands are asked for as the peers ask`() {
        #expect(Runtime.start("c1") == ["start", "c1"])
        #expect(Runtime.kill("c1", signal: 15, all: false) == ["kill", "c1", "15"])
        #expect(Runtime.kill("c1", signal: 9, all: true) == ["kill", "--all", "c1", "9"])
        #expect(Runtime.delete("c1", force: false) == ["delete", "c1"])
        #expect(Runtime.delete("c1", force: true) == ["delete", "--force", "c1"])
        #expect(Runtime.pause("c1") == ["pause", "c1"])
        #expect(Runtime.resume("c1") == ["resume", "c1"])
        #expect(Runtime.update("c1") == ["update", "--resources=-", "c1"])
        #expect(Runtime.ps("c1") == ["ps", "--format", "json", "c1"])
    }

    @Test(arguments: [
        ("runc", true), ("/usr/sbin/runc", true), ("crun", true), ("/opt/crun-1.8", true), ("youki", true),
        ("runsc", false), ("/runc/kata-runtime", false), ("my-runc", false), ("/bin/sh", false), ("", false),
    ])
    func `native runtimes are known by their names`(binary: String, native: Bool) {
        #expect(Runtime(binary: binary, root: "/r", systemdCgroup: false).isNative == native)
    }

    @Test func `a path is taken as it is`() throws {
        #expect(try Runtime(binary: "/no/such", root: "/r", systemdCgroup: false).path() == "/no/such")
        #expect(try Runtime(binary: "./runc", root: "/r", systemdCgroup: false).path() == "./runc")
    }

    @Test func `a name is looked up in PATH, in its order, and only what can be executed counts`() throws {
        let scratch = try Scratch()
        let (first, second) = ("\(scratch.path)/1", "\(scratch.path)/2")
        for directory in [first, second] { try Files.makeDirectory(directory, mode: 0o700) }
        let found = "\(second)/some-runtime"
        let path = Process.environment("PATH") ?? ""
        Process.setEnvironment("PATH", to: "/no/such::\(first):\(second):\(path)")
        defer {
            Process.setEnvironment("PATH", to: path)
            Files.remove(found)
            Files.removeDirectory("\(first)/some-runtime")
            Files.removeDirectory(first)
            Files.removeDirectory(second)
        }
        let runtime = Runtime(binary: "some-runtime", root: "/r", systemdCgroup: false)
        try Files.makeDirectory("\(first)/some-runtime", mode: 0o700)
        try Files.writeAtomically([], to: found, mode: 0o600)
        let failure = Failure(
            .unknown, errno: Errno.noEntry, "exec: \"some-runtime\": executable file not found in $PATH")
        #expect(throws: failure) { try runtime.path() }
        try Files.changeMode(found, to: 0o700)
        #expect(try runtime.path() == found)
    }

    @Test func `a program that cannot be started is a failure in Go's words`() {
        let runtime = Runtime(binary: "/no/such", root: "/r", systemdCgroup: false)
        #expect(throws: Failure(.unknown, errno: Errno.noEntry, "fork/exec /no/such: no such file or directory")) {
            _ = try runtime.invoke(["start", "c1"], log: nil)
        }
    }

    @Loop
    @Test func `a crun that warns of something is crun all the same`() async throws {
        let scratch = try Scratch()
        #expect(try await scratch.runtime("echo a warning >&2; echo crun version 1.8").dialect() == .crun)
    }
}
