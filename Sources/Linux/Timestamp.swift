import CLinux

/// A moment of the wall clock.
package struct Timestamp: Equatable {
    /// Since 1970-01-01T00:00:00Z.
    package var seconds: Int64
    package var nanoseconds: Int32

    package init(seconds: Int64, nanoseconds: Int32) {
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    /// "Not yet", as Go's zero time travels (contract C-3.5): year 1.
    package static let never = Timestamp(seconds: -62_135_596_800, nanoseconds: 0)

    package static func now() -> Timestamp {
        var nanoseconds: Int32 = 0
        let seconds = unsafe clinux_wall_clock(&nanoseconds)
        return Timestamp(seconds: seconds, nanoseconds: nanoseconds)
    }

    /// RFC 3339 in UTC with nanoseconds: `2026-01-31T23:59:59.000000001Z`.
    package var text: String {
        let days = seconds >= 0 ? seconds / 86400 : (seconds - 86399) / 86400
        let second = seconds - days * 86400
        // Days to a civil date, in eras of 400 years that begin on 1 March.
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let date = "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
        let time = "\(padded(second / 3600, 2)):\(padded(second / 60 % 60, 2)):\(padded(second % 60, 2))"
        return "\(date)T\(time).\(padded(Int64(nanoseconds), 9))Z"
    }

    private func padded(_ number: Int64, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}

/// CLOCK_MONOTONIC.
package enum Monotonic {
    /// Nanoseconds since an unknown moment.
    package static func now() -> Int64 { clinux_now() }
}

extension Duration {
    /// Whole nanoseconds; what does not fit is the largest.
    package var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? .max : product + attoseconds / 1_000_000_000
    }
}
