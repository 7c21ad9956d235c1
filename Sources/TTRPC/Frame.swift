/// The ten bytes before every message (ttrpc PROTOCOL.md, contract C-2.1 … C-2.5).
package struct FrameHeader: Equatable {
    package enum Kind: UInt8 {
        case request = 1
        case response = 2
        case data = 3
    }

    package static let size = 10
    /// The longest body either side may send, in bytes.
    package static let longestBody = 4 << 20

    package var length: UInt32
    package var stream: UInt32
    /// What the frame is; `Kind` or something a later protocol knows.
    package var kind: UInt8
    package var flags: UInt8

    package init(length: UInt32, stream: UInt32, kind: Kind, flags: UInt8 = 0) {
        self.length = length
        self.stream = stream
        self.kind = kind.rawValue
        self.flags = flags
    }

    /// Reads the first ten bytes of `bytes`; nil when there are fewer.
    package init?(_ bytes: ArraySlice<UInt8>) {
        guard bytes.count >= Self.size else { return nil }
        let start = bytes.startIndex
        length = Self.bigEndian(bytes[start..<start + 4])
        stream = Self.bigEndian(bytes[start + 4..<start + 8])
        kind = bytes[start + 8]
        flags = bytes[start + 9]
    }

    /// The header and `body`, ready to be sent.
    package static func frame(_ kind: Kind, stream: UInt32, body: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(size + body.count)
        for word in [UInt32(body.count), stream] {
            for shift in [24, 16, 8, 0] { bytes.append(UInt8(truncatingIfNeeded: word >> UInt32(shift))) }
        }
        bytes.append(kind.rawValue)
        bytes.append(0)
        bytes += body
        return bytes
    }

    private static func bigEndian(_ bytes: ArraySlice<UInt8>) -> UInt32 { bytes.reduce(0) { $0 << 8 | UInt32($1) } }
}
