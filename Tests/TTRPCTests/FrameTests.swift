import Testing

@testable import TTRPC

struct FrameTests {
    @Test func `a frame is ten bytes and its body`() {
        #expect(
            FrameHeader.frame(.request, stream: 0x0102_0305, body: [7, 8])
                == [0, 0, 0, 2, 1, 2, 3, 5, 1, 0, 7, 8])
        #expect(FrameHeader.frame(.response, stream: 3, body: []) == [0, 0, 0, 0, 0, 0, 0, 3, 2, 0])
        #expect(FrameHeader.frame(.data, stream: 1, body: [1])[8] == 3)
    }

    @Test func `a long body has a long length`() {
        let frame = FrameHeader.frame(.request, stream: 1, body: [UInt8](repeating: 0, count: 0x01_02_03))
        #expect(frame.prefix(4) == [0, 1, 2, 3])
    }

    @Test func `a header is read as it was written`() throws {
        let header = try #require(FrameHeader([0xff, 0, 1, 2, 0x80, 0, 0, 9, 0x7f, 5, 99]))
        #expect(header.length == 0xff00_0102)
        #expect(header.stream == 0x8000_0009)
        #expect(header.kind == 0x7f)
        #expect(header.flags == 5)
        let frame = FrameHeader.frame(.data, stream: 77, body: [1, 2, 3])
        #expect(FrameHeader(frame[...]) == FrameHeader(length: 3, stream: 77, kind: .data))
    }

    @Test func `a header may begin anywhere in a slice`() {
        let bytes = [9, 9, 9] + FrameHeader.frame(.response, stream: 5, body: [])
        #expect(FrameHeader(bytes[3...]) == FrameHeader(length: 0, stream: 5, kind: .response))
    }

    @Test(arguments: 0..<10)
    func `fewer than ten bytes are no header`(count: Int) {
        #expect(FrameHeader([UInt8](repeating: 0, count: count)[...]) == nil)
    }
}
