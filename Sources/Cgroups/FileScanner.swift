import Linux

/// Reads the kernel's files of numbers, one after the other into one buffer, and finds words and
/// numbers there without copying them. Opening them is what costs, so it is done from their directory.
///
/// A word ends at a blank, `:` or `=`, which is right for every file of a cgroup's: `some avg10=0.00`,
/// `8:0 rbytes=1`, `cache 4096`.
struct FileScanner: ~Copyable {
    /// Where a word is. It is one of the file that was opened last.
    typealias Word = Range<Int>

    /// Whether any directory of those asked for is there.
    private(set) var hasEntered = false
    /// Whether one was removed while files were read in it: then what could not be read is not 0.
    private(set) var hasLost = false
    /// Why reading a file that could be opened has failed, the last time it did.
    private(set) var errno: Int32 = 0
    private var directory: FileDescriptor?
    private var path = ""
    private var bytes = [UInt8](repeating: 0, count: 4096)
    private var end = 0
    private var position = 0
    private var isAtStart = true

    /// Makes `path` the directory that files are opened in; false if it is not there.
    mutating func enter(_ path: String) -> Bool {
        leave()
        end = 0
        position = 0
        self.path = path
        do throws(Failure) {
            directory = try FileDescriptor(opening: path, [.readOnly, .directory])
        } catch {
            directory = nil
            return false
        }
        hasEntered = true
        return true
    }

    /// No more files are read in the directory that was entered last.
    mutating func leave() {
        guard let directory = directory.take() else { return }
        if Files.identity(of: directory) != Files.identity(of: path) { hasLost = true }
    }

    /// Reads the whole file; false if it cannot be read.
    mutating func open(_ name: String) -> Bool {
        read(name, limit: 16 << 20)
    }

    /// Reads the whole of a file that is open already, whatever was read of it; false if it cannot be read.
    mutating func open(_ file: borrowing FileDescriptor) -> Bool {
        begin()
        do throws(Failure) {
            try file.rewind()
        } catch {
            return false
        }
        return read(file, limit: 1 << 20)
    }

    /// The number that is all of a file. nil if it cannot be read; what is no number is 0.
    mutating func number(in name: String, max: UInt64) -> UInt64? {
        guard read(name, limit: 32) else { return nil }
        return number(max: max) ?? 0
    }

    /// Goes to the next line, at first to the first; false after the last.
    mutating func nextLine() -> Bool {
        if !isAtStart {
            while position < end, bytes[position] != UInt8(ascii: "\n") { position += 1 }
            position += 1
        }
        isAtStart = false
        return position < end
    }

    /// The next word of this line; nil at its end.
    mutating func word() -> Word? {
        while position < end, Self.separates(bytes[position]) { position += 1 }
        let start = position
        while position < end, bytes[position] > UInt8(ascii: " "), !Self.separates(bytes[position]) { position += 1 }
        return start < position ? start..<position : nil
    }

    /// The next word as a number, 0 for a negative one and `max` for the word `max`; nil if it is no
    /// number or too large.
    mutating func number(max: UInt64 = 0) -> UInt64? {
        guard let word = word() else { return nil }
        return number(word) ?? (self.is(word, "max") ? max : nil)
    }

    /// A word as a number, 0 for a negative one.
    func number(_ word: Word) -> UInt64? {
        let isNegative = bytes[word.lowerBound] == UInt8(ascii: "-")
        let digits = isNegative ? word.dropFirst() : word
        var value: UInt64 = 0
        for index in digits {
            guard let digit = digit(at: index), !add(digit, to: &value) else { return nil }
        }
        guard !digits.isEmpty else { return nil }
        return isNegative ? 0 : value
    }

    /// The next word as a decimal fraction such as `12.34`, the double that is nearest to it.
    mutating func fraction() -> Double? {
        guard let word = word() else { return nil }
        var digits: UInt64 = 0
        var scale = 1.0
        var isFraction = false
        for index in word {
            if bytes[index] == UInt8(ascii: "."), !isFraction {
                isFraction = true
                continue
            }
            guard let digit = digit(at: index), !add(digit, to: &digits) else { return nil }
            if isFraction { scale *= 10 }
        }
        // Both are whole and exact, so their quotient is rounded once.
        return Double(digits) / scale
    }

    /// Whether a word is this one.
    func `is`(_ word: Word, _ text: String) -> Bool {
        bytes[word].elementsEqual(text.utf8)
    }

    /// A word as text.
    func text(_ word: Word) -> String {
        String(decoding: bytes[word], as: UTF8.self)
    }

    /// Takes the numbers of a file of lines `name number`, each to the place in `values` that its name
    /// has in `names`, where a blank parts them. Other names are passed over.
    mutating func fill(_ values: inout [UInt64], named names: StaticString) {
        var next = Place()
        while nextLine() {
            guard let name = word(), let place = find(name, in: names, from: next) else { continue }
            if let value = number() { values[place.index] = value }
            next = place
        }
    }

    /// A name of a table.
    private struct Place {
        var index = 0
        var offset = 0
    }

    /// The place of a name. The search begins at `start`, for the kernel's order is about the table's.
    private func find(_ name: Word, in names: StaticString, from start: Place) -> Place? {
        // SAFETY: every index is below the table's count.
        names.withUTF8Buffer { table in
            var place = start
            repeat {
                var length = 0
                var isSame = true
                while place.offset + length < table.count, unsafe table[place.offset + length] != UInt8(ascii: " ") {
                    isSame =
                        unsafe isSame && length < name.count
                        && table[place.offset + length] == bytes[name.lowerBound + length]
                    length += 1
                }
                if isSame, length == name.count { return place }
                place.index += 1
                place.offset += length + 1
                if place.offset >= table.count { place = Place() }
            } while place.offset != start.offset
            return nil
        }
    }

    private mutating func read(_ name: String, limit: Int) -> Bool {
        begin()
        guard let file = opened(name) else { return false }
        return read(file, limit: limit)
    }

    private mutating func begin() {
        end = 0
        position = 0
        isAtStart = true
    }

    private mutating func read(_ file: borrowing FileDescriptor, limit: Int) -> Bool {
        while end < limit {
            if end == bytes.count { bytes += [UInt8](repeating: 0, count: end) }
            guard let count = append(from: file) else {
                end = 0
                return false
            }
            // A file of one number comes in one piece.
            if count == 0 || limit <= 32 { break }
        }
        return true
    }

    private func opened(_ name: String) -> FileDescriptor? {
        switch directory {
        case .some(let directory): FileDescriptor.reading(name, in: directory)
        case nil: nil
        }
    }

    /// One read(2): 0 at the end of the file, nil if the kernel refuses.
    private mutating func append(from file: borrowing FileDescriptor) -> Int? {
        let filled = end
        do throws(Failure) {
            // SAFETY: what is written is behind `filled` and within the array.
            let reading = try unsafe bytes.withUnsafeMutableBufferPointer { buffer throws(Failure) in
                let rest = unsafe UnsafeMutableBufferPointer(rebasing: buffer[filled...])
                return try unsafe file.read(into: UnsafeMutableRawBufferPointer(rest))
            }
            guard case .bytes(let count) = reading else { return 0 }
            end += count
            return count
        } catch {
            errno = error.errno
            return nil  // pressure that the kernel does not count, a cgroup that has gone meanwhile
        }
    }

    private func digit(at index: Int) -> UInt64? {
        let byte = bytes[index]
        return byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") ? UInt64(byte - UInt8(ascii: "0")) : nil
    }

    /// Appends a digit; true if the value would be too large.
    private func add(_ digit: UInt64, to value: inout UInt64) -> Bool {
        let (product, isTooLarge) = value.multipliedReportingOverflow(by: 10)
        let (sum, isStillTooLarge) = product.addingReportingOverflow(digit)
        value = sum
        return isTooLarge || isStillTooLarge
    }

    private static func separates(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: ":") || byte == UInt8(ascii: "=")
            || byte == UInt8(ascii: "\t")
    }
}
