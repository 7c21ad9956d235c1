import Linux

/// Values without quotes: truth, numbers, dates.
extension TOMLParser {
    mutating func scalar() throws(Failure) -> TOMLValue {
        let start = position
        skipWord()
        // A space may stand between a date and a time.
        if Self.isDate(text[start..<position]), byte == 0x20, position + 1 < text.count,
            Self.isDigit(text[position + 1])
        {
            position += 1
            skipWord()
        }
        let word = text[start..<position]
        guard !word.isEmpty else { throw unexpected("a value") }
        let spelled = String(decoding: word, as: UTF8.self)
        switch spelled {
        case "true": return .boolean(true)
        case "false": return .boolean(false)
        default: break
        }
        if Self.isInteger(word) {
            guard let number = Self.integer(word) else { throw problem("\(spelled) is more than 64 bits") }
            return .integer(number)
        }
        if Self.isFloat(word) {
            return .float(String(decoding: word.filter { $0 != UInt8(ascii: "_") }, as: UTF8.self))
        }
        if Self.isDateOrTime(word) { return .date(spelled) }
        throw problem("\(Log.quoted(spelled)) is no value; a text stands in quotes")
    }

    private mutating func skipWord() {
        while let byte {
            switch byte {
            case 0x09, 0x0a, 0x20, UInt8(ascii: ","), UInt8(ascii: "]"), UInt8(ascii: "}"), UInt8(ascii: "#"),
                UInt8(ascii: "="):
                return
            default: position += 1
            }
        }
    }

    // MARK: numbers

    private static func isDigit(_ byte: UInt8) -> Bool { digit(byte, radix: 10) != nil }

    private static func digit(_ byte: UInt8, radix: UInt8) -> UInt8? {
        let value: UInt8
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): value = byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): value = byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): value = byte - UInt8(ascii: "A") + 10
        default: return nil
        }
        return value < radix ? value : nil
    }

    /// Digits alone, as a number; nil if there is another character, or too many.
    static func number(_ digits: ArraySlice<UInt8>, radix: UInt8) -> UInt64? {
        guard !digits.isEmpty else { return nil }
        var number: UInt64 = 0
        for byte in digits {
            guard let digit = digit(byte, radix: radix) else { return nil }
            let (product, isTooLarge) = number.multipliedReportingOverflow(by: UInt64(radix))
            let (sum, isLarger) = product.addingReportingOverflow(UInt64(digit))
            guard !isTooLarge, !isLarger else { return nil }
            number = sum
        }
        return number
    }

    /// Takes digits from the beginning of `word`; a `_` may stand between two. False if there is none, or a
    /// `_` that is not between two.
    private static func takeDigits(_ word: inout ArraySlice<UInt8>, radix: UInt8) -> Bool {
        var isAfterDigit = false
        while let byte = word.first {
            if digit(byte, radix: radix) != nil {
                isAfterDigit = true
            } else if byte == UInt8(ascii: "_"), isAfterDigit {
                isAfterDigit = false
            } else {
                break
            }
            word.removeFirst()
        }
        return isAfterDigit
    }

    private static func takeSign(_ word: inout ArraySlice<UInt8>) -> Bool {
        guard let sign = word.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") else { return false }
        word.removeFirst()
        return sign == UInt8(ascii: "-")
    }

    /// Takes a whole decimal number; a zero stands alone.
    private static func takeWhole(_ word: inout ArraySlice<UInt8>) -> Bool {
        _ = takeSign(&word)
        let startsWithZero = word.first == UInt8(ascii: "0")
        let before = word.count
        return takeDigits(&word, radix: 10) && (!startsWithZero || before - word.count == 1)
    }

    private static func radix(_ word: ArraySlice<UInt8>) -> UInt8? {
        guard word.count > 2, word.first == UInt8(ascii: "0") else { return nil }
        switch word[word.startIndex + 1] {
        case UInt8(ascii: "x"): return 16
        case UInt8(ascii: "o"): return 8
        case UInt8(ascii: "b"): return 2
        default: return nil
        }
    }

    private static func isInteger(_ word: ArraySlice<UInt8>) -> Bool {
        var rest = word
        if let radix = radix(word) {
            rest.removeFirst(2)
            return takeDigits(&rest, radix: radix) && rest.isEmpty
        }
        return takeWhole(&rest) && rest.isEmpty
    }

    /// The number that ``isInteger(_:)`` has found to be one; nil beyond 64 bits.
    private static func integer(_ word: ArraySlice<UInt8>) -> Int64? {
        var rest = word
        let radix = radix(word)
        if radix != nil { rest.removeFirst(2) }
        let isNegative = takeSign(&rest)
        let digits = rest.filter { $0 != UInt8(ascii: "_") }
        guard let number = number(digits[...], radix: radix ?? 10) else { return nil }
        guard isNegative else { return Int64(exactly: number) }
        return number == 1 << 63 ? Int64.min : Int64(exactly: number).map { -$0 }
    }

    private static func isFloat(_ word: ArraySlice<UInt8>) -> Bool {
        var rest = word
        _ = takeSign(&rest)
        if rest.elementsEqual("inf".utf8) || rest.elementsEqual("nan".utf8) { return true }
        rest = word
        guard takeWhole(&rest) else { return false }
        if rest.first == UInt8(ascii: ".") {
            rest.removeFirst()
            guard takeDigits(&rest, radix: 10) else { return false }
        }
        if rest.first == UInt8(ascii: "e") || rest.first == UInt8(ascii: "E") {
            rest.removeFirst()
            _ = takeSign(&rest)
            guard takeDigits(&rest, radix: 10) else { return false }
        }
        return rest.isEmpty
    }

    // MARK: dates

    private static func isDate(_ word: ArraySlice<UInt8>) -> Bool {
        var rest = word
        return takeDate(&rest) && rest.isEmpty
    }

    private static func isDateOrTime(_ word: ArraySlice<UInt8>) -> Bool {
        var rest = word
        guard takeDate(&rest) else {
            rest = word
            return takeTime(&rest) && rest.isEmpty
        }
        guard let separator = rest.popFirst() else { return true }
        guard [UInt8(ascii: "T"), UInt8(ascii: "t"), 0x20].contains(separator), takeTime(&rest) else { return false }
        return rest.isEmpty || isOffset(rest)
    }

    /// Takes `count` digits of a number in `range`, and the byte `end` behind them.
    private static func take(
        _ count: Int, in range: ClosedRange<UInt64>, _ end: UInt8?, _ word: inout ArraySlice<UInt8>
    ) -> UInt64? {
        guard word.count >= count, let number = number(word.prefix(count), radix: 10), range.contains(number) else {
            return nil
        }
        word.removeFirst(count)
        guard let end else { return number }
        return word.popFirst() == end ? number : nil
    }

    private static func takeDate(_ word: inout ArraySlice<UInt8>) -> Bool {
        let dash = UInt8(ascii: "-")
        guard let year = take(4, in: 0...9999, dash, &word), let month = take(2, in: 1...12, dash, &word) else {
            return false
        }
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let days: UInt64 =
            switch month {
            case 2: isLeap ? 29 : 28
            case 4, 6, 9, 11: 30
            default: 31
            }
        return take(2, in: 1...days, nil, &word) != nil
    }

    private static func takeTime(_ word: inout ArraySlice<UInt8>) -> Bool {
        let colon = UInt8(ascii: ":")
        guard take(2, in: 0...23, colon, &word) != nil, take(2, in: 0...59, colon, &word) != nil,
            take(2, in: 0...60, nil, &word) != nil
        else { return false }
        guard word.first == UInt8(ascii: ".") else { return true }
        word.removeFirst()
        let before = word.count
        while let byte = word.first, isDigit(byte) { word.removeFirst() }
        return word.count < before
    }

    private static func isOffset(_ word: ArraySlice<UInt8>) -> Bool {
        var rest = word
        switch rest.popFirst() {
        case UInt8(ascii: "Z"), UInt8(ascii: "z"): return rest.isEmpty
        case UInt8(ascii: "+"), UInt8(ascii: "-"):
            return take(2, in: 0...23, UInt8(ascii: ":"), &rest) != nil && take(2, in: 0...59, nil, &rest) != nil
                && rest.isEmpty
        default: return false
        }
    }
}
