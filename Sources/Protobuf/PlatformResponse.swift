import CProto

/// `PlatformResponse` of sandbox.proto.
package struct PlatformResponse: Equatable {
    /// As Go names it: `linux`.
    package var os: String
    /// As Go names it: `amd64`.
    package var architecture: String

    package init(os: String, architecture: String) {
        self.os = os
        self.architecture = architecture
    }

    /// The message's bytes on the wire.
    package func encoded() -> [UInt8] {
        unsafe encode { arena in
            let platform = unsafe Swiftrunc__Platform(
                base: base(swiftrunc__platform__type()), os: arena.text(os), architecture: arena.text(architecture))
            return unsafe Swiftrunc__PlatformResponse(
                base: base(swiftrunc__platform_response__type()), platform: arena.place(platform))
        }
    }
}
