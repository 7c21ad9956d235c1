import Testing

@testable import Protobuf

struct RuntimeInfoTests {
    @Test func `a runtime's description has its five fields`() {
        let options = AnyMessage(typeURL: "o", value: [1])
        let features = AnyMessage(typeURL: "f", value: [2])
        let info = RuntimeInfo(
            name: "io.containerd.swiftrunc.v2", version: "1", revision: "abc", options: options, features: features,
            annotations: [Metadata(key: "k", value: "v")])
        #expect(
            info.encoded()
                == text(1, "io.containerd.swiftrunc.v2") + bytes(2, text(1, "1") + text(2, "abc"))
                + bytes(3, options.encoded()) + bytes(4, features.encoded()) + bytes(5, text(1, "k") + text(2, "v")))
    }

    @Test func `without options and features their fields are left out`() {
        #expect(RuntimeInfo(name: "n").encoded() == text(1, "n") + bytes(2, []))
    }
}
