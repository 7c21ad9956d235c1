import Testing

@testable import Protobuf

struct MessageWriterTests {
    private func written(_ build: (inout MessageWriter) -> Void) -> [UInt8] {
        var writer = MessageWriter()
        build(&writer)
        return writer.bytes
    }

    @Test func `numbers are varints`() {
        #expect(written { $0.number(1, 1) } == [0x08, 1])
        #expect(written { $0.number(2, 300) } == [0x10, 0xac, 0x02])
        #expect(written { $0.number(3, .max) } == [0x18] + [UInt8](repeating: 0xff, count: 9) + [0x01])
        #expect(written { $0.number(36, 5) } == [0xa0, 0x02, 5])
    }

    @Test func `what is empty is not written, but a message is`() {
        #expect(written { $0.number(1, 0) } == [])
        #expect(written { $0.double(1, 0) } == [])
        #expect(written { $0.text(1, "") } == [])
        #expect(written { $0.list(1, []) } == [])
        #expect(written { $0.numbers(from: 1, [0, 0]) } == [])
        #expect(written { $0.message(1) { _ in } } == [0x0a, 0])
    }

    @Test func `numbers in a row have fields in a row`() {
        #expect(written { $0.numbers(from: 2, [7, 0, 9]) } == number(2, 7) + number(4, 9))
    }

    @Test func `doubles are eight bytes, the lowest first`() {
        #expect(written { $0.double(1, 1.25) } == [0x09, 0, 0, 0, 0, 0, 0, 0xf4, 0x3f])
        #expect(written { $0.double(3, -0.0) } == [0x19, 0, 0, 0, 0, 0, 0, 0, 0x80])
    }

    @Test func `lists are packed, zeros too`() {
        #expect(written { $0.list(4, [1, 0, 300]) } == [0x22, 4, 1, 0, 0xac, 0x02])
    }

    @Test(arguments: [0, 1, 127, 128, 16383, 16384, 70000])
    func `a text of any length has its length before it`(count: Int) {
        let value = String(repeating: "x", count: count)
        let wire = written { writer in
            writer.number(1, 1)
            writer.text(2, value)
            writer.number(3, 3)
        }
        #expect(wire == number(1, 1) + (count == 0 ? [] : text(2, value)) + number(3, 3))
    }

    @Test func `messages are within messages`() {
        let long = String(repeating: "y", count: 200)
        let wire = written { writer in
            writer.message(1) { writer in
                writer.number(1, 5)
                writer.message(2) { writer in
                    writer.text(1, long)
                    writer.message(2) { _ in }
                }
                writer.number(3, 6)
            }
            writer.number(2, 7)
        }
        let inner = text(1, long) + bytes(2, [])
        #expect(wire == bytes(1, number(1, 5) + bytes(2, inner) + number(3, 6)) + number(2, 7))
    }
}
