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
        options.said = PartialOptions(runc)
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
    }

    private func inferred(_ options: TaskOptions, _ cgroup: String) throws -> Bool {
        var options = options
        options.infer(
            from: try BundleConfiguration(parsing: Array(#"{"linux":{"cgroupsPath":"\#(cgroup)"}}"#.utf8), subject: "c")
        )
        return options.runtime(namespace: "n").systemdCgroup
    }

    @Test func `the form of the cgroup decides for systemd where nobody else does`() throws {
        #expect(try inferred(TaskOptions(), "a.slice:p:n"))
        #expect(try !inferred(TaskOptions(), "/a/b"))
        #expect(try inferred(body("IoUid = 1"), "a.slice:p:n"))
        #expect(try inferred(options("containerd.runc.v1.Options", number(4, 1)), "a.slice:p:n"))
        #expect(try !inferred(body("SystemdCgroup = false"), "a.slice:p:n"))
        #expect(try inferred(body("SystemdCgroup = true"), "/a/b"))
        var unknown = TaskOptions()
        unknown.infer(from: nil)
        #expect(unknown == TaskOptions())
    }

    @Test func `what was inferred is in options.json too`() throws {
        var options = TaskOptions()
        options.infer(
            from: try BundleConfiguration(parsing: Array(#"{"linux":{"cgroupsPath":"a:b:c"}}"#.utf8), subject: "c"))
        #expect(String(decoding: options.json, as: UTF8.self) == #"{"systemd_cgroup":true}"#)
    }

    // MARK: runtimeoptions.v1.Options

    private func body(_ toml: String, path: String = "", host: String = "") throws -> TaskOptions {
        var configuration = HostConfiguration()
        configuration.options = try OptionsText(parsing: Array(host.utf8), subject: "host").options
        return try TaskOptions(
            AnyMessage(
                typeURL: "runtimeoptions.v1.Options",
                value: text(1, "some.type") + (path.isEmpty ? [] : text(2, path)) + (toml.isEmpty ? [] : text(3, toml))),
            host: configuration)
    }

    private func withFile(_ content: String, _ work: (String) throws -> Void) throws {
        let path = "/tmp/swiftrunc-\(Process.randomName())"
        defer { Files.remove(path) }
        try Files.writeAtomically(Array(content.utf8), to: path)
        try work(path)
    }

    @Test func `a body is a table of CRI's configuration`() throws {
        let table = """
            BinaryName = "/usr/bin/crun"
            CriuImagePath = ""
            IoGid = 0
            IoUid = 1000
            NoNewKeyring = false
            NoPivotRoot = true
            Root = "/run/crun"
            ShimCgroup = ""
            SystemdCgroup = true
            """
        #expect(
            try body(table).runc
                == RuncOptions(
                    noPivotRoot: true, ioUID: 1000, binaryName: "/usr/bin/crun", root: "/run/crun", systemdCgroup: true)
        )
    }

    @Test func `a path names a file of the same form, or of JSON`() throws {
        for content in ["binary_name = 'crun'", #" {"BinaryName": "crun"}"#] {
            try withFile(content) { path in
                let runc = try body("", path: path).runc
                #expect(runc == RuncOptions(binaryName: "crun"))
            }
        }
    }

    @Test func `a key of the body wins over the file's, both over the host's`() throws {
        try withFile("BinaryName = 'file'\nRoot = '/file'\nNoPivotRoot = true") { path in
            let options = try body(
                "BinaryName = 'body'\nNoPivotRoot = false", path: path,
                host: "BinaryName = 'host'\nRoot = '/host'\nIoUid = 7\nNoPivotRoot = true")
            #expect(options.runc == RuncOptions(ioUID: 7, binaryName: "body", root: "/file"))
        }
    }

    @Test func `the host supplies what options of each type do not say`() throws {
        var host = HostConfiguration()
        host.options = try OptionsText(parsing: Array("BinaryName = 'crun'\nSystemdCgroup = true".utf8), subject: "h")
            .options
        host.warning = "w"
        for options in [
            nil, AnyMessage(typeURL: "containerd.runc.v1.Options"), AnyMessage(typeURL: "runtimeoptions.v1.Options"),
        ] {
            #expect(try TaskOptions(options, host: host).runc == RuncOptions(binaryName: "crun", systemdCgroup: true))
            #expect(try TaskOptions(options, host: host).warnings == ["w"])
        }
        let said = AnyMessage(
            typeURL: "containerd.runc.v1.Options", value: text(6, "runc") + number(9, 0) + number(4, 5))
        #expect(
            try TaskOptions(said, host: host).runc == RuncOptions(ioUID: 5, binaryName: "runc", systemdCgroup: true))
        #expect(try !body("SystemdCgroup = false", host: "SystemdCgroup = true").runc.systemdCgroup)
    }

    @Test func `unknown keys are passed over with a warning`() throws {
        let options = try body("TypeUrl = 'x'\nBinaryName = 'crun'\n[log]\nsize = 1.5")
        #expect(options.runc == RuncOptions(binaryName: "crun"))
        #expect(options.warnings == ["config_body: unknown keys passed over: TypeUrl, log"])
    }

    @Test func `a broken body or path is a clear failure`() throws {
        func failure(_ toml: String, path: String = "") -> String? {
            let failure = #expect(throws: Failure.self) { try body(toml, path: path) }
            #expect(failure?.kind == .invalidArgument)
            return failure?.message
        }
        #expect(failure("\nSystemdCgroup = yes") == "config_body: line 2: \"yes\" is no value; a text stands in quotes")
        #expect(
            failure("\nsystemd_cgroup = 'true'")
                == "config_body: line 2: \"systemd_cgroup\": true or false wanted, not a text")
        #expect(failure("", path: "etc/x.toml") == "config_path \"etc/x.toml\": not an absolute path")
        #expect(failure("", path: "/nonexistent/x") == "config_path: open /nonexistent/x: no such file or directory")
        #expect(failure("", path: "/tmp")?.hasPrefix("config_path: ") == true)
        try withFile("Root = 1") { path in
            #expect(failure("", path: path) == "config_path: \(path): line 1: \"Root\": a text wanted, not this number")
        }
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
