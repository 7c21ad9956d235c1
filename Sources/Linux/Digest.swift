import CDigest

/// SHA-256 (libmd).
package enum Digest {
    /// Sixty-four lower-case hexadecimal digits.
    package static func sha256(_ text: String) -> String {
        let bytes = Array(text.utf8)
        // SAFETY: SHA256Data writes 64 digits and a NUL.
        return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 65) { buffer in
            guard let start = buffer.baseAddress, unsafe SHA256Data(bytes, bytes.count, start) != nil else { return "" }
            return unsafe String(cString: start)
        }
    }
}
