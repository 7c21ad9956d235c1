/// What the kernel says of a process that ought to have ended (proc(5)).
package struct ProcessStatus {
    package let pid: Int32
    /// The letter of its state: of the first of its threads that has not ended, Z if all have.
    package let state: String
    /// Whether a SIGKILL waits for it: it dies as soon as the kernel lets go of it.
    package let isKilled: Bool
    /// The function of the kernel that it sleeps in; empty if it does not, or that is not told.
    package let place: String

    /// Of a process that is there; nil if it is not.
    package init?(of pid: Int32) {
        do throws(Failure) {
            let root = "/proc/\(pid)"
            var found: (state: String, isKilled: Bool, thread: String)?
            // The first thread may have ended before the others, and then says nothing of them.
            for thread in try Files.directories(in: "\(root)/task") {
                let (state, isKilled) = Self.parse(try Files.read("\(root)/task/\(thread)/status"))
                if found == nil || found?.state == "Z" { found = (state, isKilled, thread) }
            }
            guard let found else { return nil }
            self.pid = pid
            state = found.state
            isKilled = found.isKilled
            place = Self.place(try Files.text("\(root)/task/\(found.thread)/wchan"))
        } catch {
            return nil
        }
    }

    /// `process 12 (state D, fuse_wait_answer)`.
    package var text: String { "process \(pid) (state \(state)\(place.isEmpty ? "" : ", \(place)"))" }

    /// State and pending SIGKILL, of a `status` file.
    static func parse(_ status: [UInt8]) -> (state: String, isKilled: Bool) {
        var state = "?"
        var isKilled = false
        for line in status.split(separator: UInt8(ascii: "\n")) {
            let words = line.split { $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: " ") }
            guard words.count > 1 else { continue }
            if words[0].elementsEqual("State:".utf8) {
                state = String(decoding: words[1], as: UTF8.self)
            } else if words[0].elementsEqual("SigPnd:".utf8) || words[0].elementsEqual("ShdPnd:".utf8) {
                // Signal 9 is bit 8 of a mask in hexadecimal: the lowest one of the third digit from the end.
                let digit = String(decoding: words[1].dropLast(2).suffix(1), as: UTF8.self)
                if (UInt8(digit, radix: 16) ?? 0) & 1 == 1 { isKilled = true }
            }
        }
        return (state, isKilled)
    }

    /// `0` is a process that runs, or a place that is not told.
    static func place(_ wchan: String) -> String { wchan == "0" ? "" : wchan.trimmed }
}
