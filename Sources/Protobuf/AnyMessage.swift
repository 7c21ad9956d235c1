import CProto
package import Linux

/// A message of a type that its reader has to find out: `google.protobuf.Any`.
package struct AnyMessage: Equatable {
    /// The type's name, which may have a prefix that ends with `/`.
    package var typeURL: String
    /// Protobuf or, for the names that begin with `types.containerd.io/`, JSON.
    package var value: [UInt8]

    package init(typeURL: String, value: [UInt8] = []) {
        self.typeURL = typeURL
        self.value = value
    }

    /// Fails with `invalidArgument` when `bytes` is no such message.
    package init(decoding bytes: [UInt8]) throws(Failure) {
        self = try unsafe decode("Any", swiftrunc__any__type(), bytes) { (raw: Swiftrunc__Any) throws(Malformed) in
            unsafe try AnyMessage(raw)
        }
    }

    /// What types are compared by: `typeURL` after its last `/`.
    package var name: String {
        guard let slash = typeURL.utf8.lastIndex(of: UInt8(ascii: "/")) else { return typeURL }
        return String(typeURL[typeURL.utf8.index(after: slash)...])
    }

    /// The message's bytes on the wire.
    package func encoded() -> [UInt8] {
        unsafe encode { unsafe raw(in: $0) }
    }

    init(_ raw: Swiftrunc__Any) throws(Malformed) {
        typeURL = try unsafe text(raw.type_url)
        value = unsafe bytes(raw.value)
    }

    init?(_ raw: UnsafeMutablePointer<Swiftrunc__Any>?) throws(Malformed) {
        guard let raw = unsafe raw else { return nil }
        try unsafe self.init(raw.pointee)
    }

    func raw(in arena: Arena) -> Swiftrunc__Any {
        unsafe Swiftrunc__Any(
            base: base(swiftrunc__any__type()), type_url: arena.text(typeURL), value: arena.bytes(value))
    }
}

extension Arena {
    /// A copy of `message`, as a field; nil leaves the field out.
    func place(_ message: AnyMessage?) -> UnsafeMutablePointer<Swiftrunc__Any>? {
        guard let message else { return nil }
        return unsafe place(message.raw(in: self))
    }
}
