import CProto
import CProtobufC
package import Linux

/// The body of a request frame: `Request` of ttrpc's PROTOCOL.md.
package struct TTRPCRequest: Equatable {
    /// A full name without a slash: `containerd.task.v2.Task`.
    package var service: String
    /// A bare name: `Create`.
    package var method: String
    /// The message of the call.
    package var payload: [UInt8]
    /// From the request's arrival to the time its sender gives up; 0 for never.
    package var timeoutNanoseconds: Int64
    /// Keys are lower case and may repeat.
    package var metadata: [Metadata]

    package init(
        service: String, method: String, payload: [UInt8] = [], timeoutNanoseconds: Int64 = 0, metadata: [Metadata] = []
    ) {
        self.service = service
        self.method = method
        self.payload = payload
        self.timeoutNanoseconds = timeoutNanoseconds
        self.metadata = metadata
    }

    /// Fails with `invalidArgument` when `bytes` is no such message.
    package init(decoding bytes: [UInt8]) throws(Failure) {
        self = try unsafe decode("Request", swiftrunc__request__type(), bytes) {
            (raw: Swiftrunc__Request) throws(Malformed) in
            unsafe TTRPCRequest(
                service: try text(raw.service), method: try text(raw.method), payload: Protobuf.bytes(raw.payload),
                timeoutNanoseconds: raw.timeout_nano,
                metadata: try list(raw.metadata, raw.n_metadata, Metadata.init))
        }
    }

    /// The message's bytes on the wire. The payload is copied once.
    package func encoded() -> [UInt8] {
        unsafe encode(borrowing: payload) { arena, payload in
            unsafe Swiftrunc__Request(
                base: base(swiftrunc__request__type()), service: arena.text(service), method: arena.text(method),
                payload: payload, timeout_nano: timeoutNanoseconds, n_metadata: metadata.count,
                metadata: arena.list(metadata))
        }
    }
}
