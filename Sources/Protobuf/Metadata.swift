import CProto

/// A key and a value: ttrpc's `KeyValue`, or an entry of a `map<string, string>`.
package struct Metadata: Equatable {
    /// Lower case.
    package var key: String
    /// Any text.
    package var value: String

    package init(key: String, value: String) {
        self.key = key
        self.value = value
    }

    init(_ raw: Swiftrunc__KeyValue) throws(Malformed) {
        key = try unsafe text(raw.key)
        value = try unsafe text(raw.value)
    }
}

extension Arena {
    /// A copy of `entries`, as a repeated field.
    func list(_ entries: [Metadata]) -> UnsafeMutablePointer<UnsafeMutablePointer<Swiftrunc__KeyValue>?>? {
        unsafe list(
            entries.map { entry in
                unsafe place(
                    Swiftrunc__KeyValue(
                        base: base(swiftrunc__key_value__type()), key: text(entry.key), value: text(entry.value)))
            })
    }
}
