extension String {
    /// Whether `part` occurs in it, byte for byte. (`contains(String)` is not in embedded Swift.)
    package func mentions(_ part: String) -> Bool {
        let bytes = Array(utf8)
        let wanted = Array(part.utf8)
        guard bytes.count >= wanted.count else { return false }
        return (0...(bytes.count - wanted.count)).contains { bytes[$0..<$0 + wanted.count].elementsEqual(wanted) }
    }

    /// Without the white space at both ends.
    package var trimmed: String {
        let blanks: Set<Unicode.Scalar> = [" ", "\n", "\r", "\t"]
        var scalars = Substring(self).unicodeScalars
        while let first = scalars.first, blanks.contains(first) { scalars.removeFirst() }
        while let last = scalars.last, blanks.contains(last) { scalars.removeLast() }
        return String(scalars)
    }
}
