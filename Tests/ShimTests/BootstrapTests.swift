import Linux
import Protobuf
import Testing

@testable import Shim

struct BootstrapTests {
    private func bootstrap(_ input: [UInt8]) throws -> Bootstrap {
        try Bootstrap(input, id: "c1", namespace: "default")
    }

    private func isParameters(_ bootstrap: Bootstrap) -> Bool {
        if case .parameters = bootstrap { true } else { false }
    }

    private func any(_ type: String, _ value: [UInt8]) -> [UInt8] { text(1, type) + bytes(2, value) }

    private let parameters = text(1, "c1") + text(2, "default")

    @Test func `no input is no options, and the answer is the plain address`() throws {
        let bootstrap = try bootstrap([])
        #expect(!isParameters(bootstrap))
        #expect(bootstrap.options == TaskOptions())
        #expect(bootstrap.socketDirectory == "/run/containerd/s")
        #expect(!bootstrap.wantsDebug)
        #expect(bootstrap.answer(address: "unix:///s") == Array("unix:///s".utf8))
    }

    @Test func `options come from an older daemon`() throws {
        let bootstrap = try bootstrap(any("containerd.runc.v1.Options", text(6, "crun")))
        #expect(!isParameters(bootstrap))
        #expect(bootstrap.options.runc.binaryName == "crun")
        #expect(bootstrap.answer(address: "unix:///s") == Array("unix:///s".utf8))
    }

    @Test func `parameters come from a newer one, which gets a message`() throws {
        let bootstrap = try bootstrap(
            parameters + text(4, "2.3.0") + text(5, "/t") + text(6, "/g") + text(7, "/bin/containerd"))
        #expect(isParameters(bootstrap))
        #expect(bootstrap.options == TaskOptions())
        #expect(bootstrap.socketDirectory == "/run/containerd/s")
        #expect(!bootstrap.wantsDebug)
        #expect(bootstrap.answer(address: "unix:///s") == number(1, 3) + text(2, "unix:///s") + text(3, "ttrpc"))
    }

    @Test func `parameters may name a directory for sockets`() throws {
        #expect(try bootstrap(parameters + text(9, "/x/s")).socketDirectory == "/x/s")
        #expect(try bootstrap(parameters + text(9, "")).socketDirectory == "/run/containerd/s")
    }

    @Test(arguments: [(-8, true), (-4, true), (-3, false), (0, false), (4, false), (12, false)])
    func `debug lines are wanted from level -4 down`(level: Int64, wanted: Bool) throws {
        #expect(try bootstrap(parameters + number(3, UInt64(bitPattern: level))).wantsDebug == wanted)
    }

    @Test(arguments: ["containerd.runc.v1.Options", "type.googleapis.com/containerd.runc.v1.Options"])
    func `parameters carry options among other extensions`(type: String) throws {
        let bootstrap = try bootstrap(
            parameters + bytes(8, bytes(1, any("other.Thing", [1, 2])))
                + bytes(8, bytes(1, any(type, text(7, "/r") + number(9, 1)))) + bytes(8, []))
        #expect(isParameters(bootstrap))
        #expect(bootstrap.options.runc.root == "/r")
        #expect(bootstrap.options.runc.systemdCgroup)
    }

    @Test func `the host supplies what either form does not say`() throws {
        var host = HostConfiguration()
        host.options.shimCgroup = "/shims"
        for input in [[], any("containerd.runc.v1.Options", text(6, "crun")), parameters] {
            let bootstrap = try Bootstrap(input, id: "c1", namespace: "default", host: host)
            #expect(bootstrap.options.runc.shimCgroup == "/shims")
        }
    }

    @Test func `only what names this task and namespace is parameters`() throws {
        // It is both: an Any, and parameters of a task with the name of a type.
        let both = any("containerd.runc.v1.Options", text(6, "crun"))
        #expect(try BootstrapParams(decoding: both).instanceID == "containerd.runc.v1.Options")
        #expect(try !isParameters(bootstrap(both)))
        for other in [text(1, "c2") + text(2, "default"), text(1, "c1") + text(2, "other"), text(1, "c1")] {
            #expect(throws: Failure.self) { try bootstrap(other) }
        }
    }

    @Test(arguments: [[UInt8](repeating: 0xff, count: 8), [0x0a, 200], [0x08]])
    func `broken input is a failure`(input: [UInt8]) {
        let failure = #expect(throws: Failure.self) { try bootstrap(input) }
        #expect(failure?.kind == .invalidArgument)
    }
}
