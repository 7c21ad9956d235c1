/// Messages by hand, from the wire format's description: a tag is `number << 3 | type`, and what is zero or
/// empty is left out. Shares nothing with protobuf-c, so that a mistake on one side is not repeated here.
enum Wire {
    static func number(_ field: UInt8, _ value: UInt64) -> [UInt8] { value == 0 ? [] : [field << 3] + varint(value) }

    static func number(_ field: UInt8, _ value: UInt32) -> [UInt8] { number(field, UInt64(value)) }

    static func number(_ field: UInt8, _ value: Int64) -> [UInt8] { number(field, UInt64(bitPattern: value)) }

    static func flag(_ field: UInt8, _ value: Bool) -> [UInt8] { number(field, UInt64(value ? 1 : 0)) }

    static func bytes(_ field: UInt8, _ value: [UInt8]) -> [UInt8] { value.isEmpty ? [] : message(field, value) }

    static func text(_ field: UInt8, _ value: String) -> [UInt8] { bytes(field, Array(value.utf8)) }

    /// Of a repeated field each element counts, the empty ones too.
    static func texts(_ field: UInt8, _ values: [String]) -> [UInt8] {
        values.flatMap { message(field, Array($0.utf8)) }
    }

    /// One that is there, though it may be empty.
    static func message(_ field: UInt8, _ value: [UInt8]) -> [UInt8] {
        [field << 3 | 2] + varint(UInt64(value.count)) + value
    }

    private static func varint(_ value: UInt64) -> [UInt8] {
        value < 128 ? [UInt8(value)] : [UInt8(value & 127) | 128] + varint(value >> 7)
    }
}
