import Linux
import Testing

@testable import Protobuf

struct BootstrapTests {
    @Test func `containerd's parameters have their nine fields`() throws {
        let debug: [UInt8] = [0x18, 0xfc, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]
        let options = AnyMessage(typeURL: "containerd.runc.v1.Options", value: [8, 1])
        let wire =
            text(1, "c1") + text(2, "default") + debug + text(4, "2.3.0") + text(5, "/t") + text(6, "/g")
            + text(7, "/bin/containerd") + bytes(8, bytes(1, options.encoded())) + bytes(8, []) + text(9, "/s")
        #expect(
            try BootstrapParams(decoding: wire)
                == BootstrapParams(
                    instanceID: "c1", namespace: "default", logLevel: -4, containerdVersion: "2.3.0",
                    ttrpcAddress: "/t", grpcAddress: "/g", containerdBinary: "/bin/containerd", extensions: [options],
                    socketDirectory: "/s"))
    }

    @Test func `an Any with binary options is no parameters`() {
        let any = AnyMessage(typeURL: "containerd.runc.v1.Options", value: RuncOptions(ioUID: 200).encoded())
        #expect(throws: Failure.self) { try BootstrapParams(decoding: any.encoded()) }
    }

    @Test func `the result is version, address and protocol`() {
        #expect(
            BootstrapResult(address: "unix:///s").encoded() == number(1, 3) + text(2, "unix:///s") + text(3, "ttrpc"))
    }
}
