import JSON
import Linux
import OCIRuntime
import Protobuf
import Testing

@testable import Shim

struct TaskOptionsTests {
    private func options(_ type: String, _ value: [UInt8] = []) throws -> TaskOptions {
        try TaskOptions(AnyMessage(typeURL: type, value: value))
    }

    private func json(_ runc: RuncOptions) -> String {
        var options = TaskOptions()
        options.runc = runc
        return String(decoding: options.json, as: UTF8.self)
    }

    @Test func `none, an empty one and one without content are the defaults`() throws {
        #expect(try TaskOptions(nil) == TaskOptions())
        #expect(try options("") == TaskOptions())
        #expect(try options("containerd.runc.v1.Options") == TaskOptions())
        #expect(try options("runtimeoptions.v1.Options") == TaskOptions())
    }

    @Test(arguments: [
        "containerd.runc.v1.Options", "type.googleapis.com/containerd.runc.v1.Options",
        "a/b/containerd.runc.v1.Options",
    ])
    func `a type is known by its last part`(type: String) throws {
        #expect(try options(type, text(6, "crun")).runc == RuncOptions(binaryName: "crun"))
    }

    @Test(arguments: ["containerd.runc.v2.Options", "containerd.runc.v1.Options/", "google.protobuf.Empty"])
    func `another type is refused`(type: String) {
        #expect(throws: Failure(.invalidArgument, "options of type \"\(type)\"")) { try options(type, [8, 1]) }
    }

    @Test func `content without a type is refused`() {
        #expect(throws: Failure(.invalidArgument, "options of type \"\"")) { try options("", [8, 1]) }
    }

    @Test(arguments: [[0xff], text(6, "a\0b"), [0x32, 5, 0x61]])
    func `broken content is refused`(value: [UInt8]) {
        let failure = #expect(throws: Failure.self) { try options("containerd.runc.v1.Options", value) }
        #expect(failure?.kind == .invalidArgument)
    }

    @Test func `the runtime has its defaults`() throws {
        let runtime = TaskOptions().runtime(namespace: "default")
        #expect(runtime.binary == "runc")
        #expect(runtime.root == "/run/containerd/runc/default")
        #expect(!runtime.systemdCgroup)
    }

    @Test func `the runtime is the one that was asked for`() throws {
        let runtime = try options(
            "containerd.runc.v1.Options", text(6, "/opt/crun") + text(7, "/var/run/docker/runtime-runc") + number(9, 1)
        ).runtime(namespace: "moby")
        #expect(runtime.binary == "/opt/crun")
        #expect(runtime.root == "/var/run/docker/runtime-runc/moby")
        #expect(runtime.systemdCgroup)
        #expect(TaskOptions().runtime(namespace: "n", usesSystemd: true).systemdCgroup)
    }

    @Test func `options.json is as the peers write it`() {
        #expect(json(RuncOptions()) == "{}")
        #expect(json(RuncOptions(binaryName: "runc")) == #"{"binary_name":"runc"}"#)
        #expect(
            json(
                RuncOptions(
                    noPivotRoot: true, noNewKeyring: true, shimCgroup: "/s", ioUID: 1, ioGID: 2, binaryName: "crun",
                    root: "/r", criuPath: "/c", systemdCgroup: true, criuImagePath: "/i", criuWorkPath: "/w",
                    taskAPIAddress: "a", taskAPIVersion: 3))
                == #"{"no_pivot_root":true,"no_new_keyring":true,"shim_cgroup":"/s","io_uid":1,"io_gid":2,"#
                + #""binary_name":"crun","root":"/r","criu_path":"/c","systemd_cgroup":true,"#
                + #""criu_image_path":"/i","criu_work_path":"/w"}"#)
    }

    @Test func `options.json is JSON whatever the paths are`() throws {
        let root = "/r \"q\" \\ \n\u{1} é😀"
        let value = try JSONValue(parsing: Array(json(RuncOptions(root: root)).utf8), subject: "options")
        #expect(value["root"]?.string == root)
    }
}
