// Messages by hand, from the wire format's description: a tag is `number << 3 | type`.

func number(_ field: UInt8, _ value: UInt64) -> [UInt8] { [field << 3] + varint(value) }

func bytes(_ field: UInt8, _ value: [UInt8]) -> [UInt8] { [field << 3 | 2] + varint(UInt64(value.count)) + value }

func text(_ field: UInt8, _ value: String) -> [UInt8] { bytes(field, [UInt8](value.utf8)) }

private func varint(_ value: UInt64) -> [UInt8] {
    value < 128 ? [UInt8(value)] : [UInt8(value & 127) | 128] + varint(value >> 7)
}
