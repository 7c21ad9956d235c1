import Testing

@testable import Protobuf

struct PlatformResponseTests {
    @Test func `a platform is a message in a message`() {
        #expect(
            PlatformResponse(os: "linux", architecture: "amd64").encoded()
                == bytes(1, text(1, "linux") + text(2, "amd64")))
    }
}
