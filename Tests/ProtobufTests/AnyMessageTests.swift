import Linux
import Testing

@testable import Protobuf

struct AnyMessageTests {
    @Test func `an Any is a type and bytes`() throws {
        let wire: [UInt8] = [0x0a, 3, 0x61, 0x2f, 0x62, 0x12, 2, 0, 0xff]
        #expect(try AnyMessage(decoding: wire) == AnyMessage(typeURL: "a/b", value: [0, 255]))
        #expect(AnyMessage(typeURL: "a/b", value: [0, 255]).encoded() == wire)
    }

    @Test func `no bytes are an empty Any, and the other way round`() throws {
        #expect(try AnyMessage(decoding: []) == AnyMessage(typeURL: "", value: []))
        #expect(AnyMessage(typeURL: "").encoded() == [])
    }

    @Test(arguments: [
        ("containerd.runc.v1.Options", "containerd.runc.v1.Options"),
        ("type.googleapis.com/containerd.runc.v1.Options", "containerd.runc.v1.Options"),
        ("a/b/é", "é"), ("a/", ""), ("", ""),
    ])
    func `the name is what follows the last slash`(typeURL: String, name: String) {
        #expect(AnyMessage(typeURL: typeURL).name == name)
    }
}
