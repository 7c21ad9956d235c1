import Testing

@testable import Linux

struct TimestampTests {
    static let moments: [(Int64, Int32, String)] = [
        (0, 0, "1970-01-01T00:00:00.000000000Z"),
        (951_782_400, 1, "2000-02-29T00:00:00.000000001Z"),
        (1_078_099_199, 999_999_999, "2004-02-29T23:59:59.999999999Z"),
        (4_107_542_400, 0, "2100-03-01T00:00:00.000000000Z"),
        (1_769_903_999, 120, "2026-01-31T23:59:59.000000120Z"),
        (-1, 0, "1969-12-31T23:59:59.000000000Z"),
        (-62_135_596_800, 0, "0001-01-01T00:00:00.000000000Z"),
    ]

    @Test(arguments: moments)
    func `a moment is written in UTC with nine digits`(seconds: Int64, nanoseconds: Int32, text: String) {
        #expect(Timestamp(seconds: seconds, nanoseconds: nanoseconds).text == text)
    }

    @Test func `never is Go's zero time`() {
        #expect(Timestamp.never.text == "0001-01-01T00:00:00.000000000Z")
    }

    @Test func `a duration that does not fit is the largest`() {
        #expect(Duration.milliseconds(1500).nanoseconds == 1_500_000_000)
        #expect(Duration.seconds(Int64.max / 2).nanoseconds == .max)
        #expect(Duration.nanoseconds(-5).nanoseconds == -5)
    }
}
