import CProto
import CProtobufC
package import Linux

/// Why a call failed: `google.rpc.Status`.
package struct TTRPCStatus: Equatable {
    /// One of gRPC's numbers.
    package var code: Int32
    /// For people.
    package var message: String

    package init(code: Int32, message: String) {
        self.code = code
        self.message = message
    }
}

/// The body of a response frame: `Response` of ttrpc's PROTOCOL.md.
package struct TTRPCResponse: Equatable {
    /// Nil when the call succeeded.
    package var status: TTRPCStatus?
    /// The message of the call.
    package var payload: [UInt8]

    package init(status: TTRPCStatus? = nil, payload: [UInt8] = []) {
        self.status = status
        self.payload = payload
    }

    /// Fails with `invalidArgument` when `bytes` is no such message.
    package init(decoding bytes: [UInt8]) throws(Failure) {
        self = try unsafe decode("Response", swiftrunc__response__type(), bytes) {
            (raw: Swiftrunc__Response) throws(Malformed) in
            var response = unsafe TTRPCResponse(payload: Protobuf.bytes(raw.payload))
            if let status = unsafe raw.status?.pointee {
                response.status = unsafe TTRPCStatus(code: status.code, message: try text(status.message))
            }
            return response
        }
    }

    /// The message's bytes on the wire. The payload is copied once.
    package func encoded() -> [UInt8] {
        unsafe encode(borrowing: payload) { arena, payload in
            unsafe Swiftrunc__Response(
                base: base(swiftrunc__response__type()), status: arena.place(status), payload: payload)
        }
    }
}

extension Arena {
    /// A copy of `status`, as a field; nil leaves the field out.
    fileprivate func place(_ status: TTRPCStatus?) -> UnsafeMutablePointer<Swiftrunc__Status>? {
        guard let status else { return nil }
        return unsafe place(
            Swiftrunc__Status(
                base: base(swiftrunc__status__type()), code: status.code, message: text(status.message)))
    }
}
