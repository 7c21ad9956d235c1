import JSON
package import Linux

/// The file a runtime logs to, as far as one command wrote it.
///
/// Runtimes append, so the last error of the whole file may be an older command's: only what came
/// after this mark counts (C-5.41).
package struct RuntimeLog {
    package let path: String
    private let offset: Int64

    /// As each line that could end an entry is tried, one without end would be read again and again.
    private static let mostLines = 64

    /// Before the command is started.
    package init(_ path: String) {
        self.path = path
        offset = Files.size(of: path)
    }

    /// The failure to report: `prefix` and the runtime's own last error, or `fallback` (C-5.40).
    package func failure(_ prefix: String, fallback: String) -> Failure {
        do throws(Failure) {
            let text = try Files.read(path, from: offset, limit: 4 << 20)
            return Failure(.unknown, "\(prefix): \(RuntimeLog.lastError(in: text) ?? fallback)")
        } catch {
            return Failure(.unknown, "\(prefix): unable to retrieve OCI runtime error (\(error.message)): \(fallback)")
        }
    }

    /// The message of the last entry with level "error". An entry is a JSON object that begins a line, and is
    /// that line or, in crun's logs since 1.28, several; what is no entry, or has too many lines, is passed over.
    package static func lastError(in log: [UInt8]) -> String? {
        var last: String?
        var entry: [UInt8] = []
        var lines = 0
        for line in log.split(separator: 10) {
            if line.first == UInt8(ascii: "{") { (entry, lines) = ([], 0) }
            lines += 1
            guard lines <= mostLines else { continue }
            entry += line
            if line.last == UInt8(ascii: "}"), let message = errorMessage(of: entry) { last = message }
        }
        return last
    }

    private static func errorMessage(of entry: [UInt8]) -> String? {
        do throws(Failure) {
            let entry = try JSONValue(parsing: entry, subject: "log")
            guard entry["level"]?.string?.lowercased() == "error" else { return nil }
            return (entry["msg"]?.string ?? entry["message"]?.string ?? entry["fields"]?["message"]?.string)?.trimmed
        } catch {
            return nil
        }
    }
}

/// The log that CRIU writes into its working directory.
package enum CRIULog {
    /// Why it failed: its last error before it gave up. nil if it did not, or left no log.
    package static func reason(in path: String) -> String? {
        do throws(Failure) {
            // The end of it: a log may have many megabytes.
            let log = try Files.read(path, from: max(0, Files.size(of: path) - 65536), limit: 1 << 20)
            var reason: String?
            for line in String(decoding: log, as: UTF8.self).split(separator: "\n").map({ String($0) }) {
                if line.mentions(" FAILED.") { return reason }
                if line.mentions("Error (") { reason = line.trimmed }
            }
        } catch {}  // as without a reason
        return nil
    }
}

/// What a runtime's words on a failed kill or delete mean (C-3.33, C-5.45, C-5.46). The one place
/// that looks into texts, for runtimes have no other way to say it.
package enum RuntimeWords {
    /// The failure of a kill for which the runtime printed `text`.
    package static func killFailure(_ text: String) -> Failure {
        let words = text.lowercased()
        let finished = ["process already finished", "container not running", "no such process", "process not running"]
        if finished.contains(where: { words.mentions($0) }) { return Failure(.notFound, "process already finished") }
        if words.mentions("does not exist") { return Failure(.notFound, "no such container") }
        return Failure(.unknown, "unknown error after kill: \(text)")
    }

    /// The failure of an exec that was asked for with `--cgroup`, which not every runtime takes.
    package static func execFailure(_ failure: Failure, cgroup: String?) -> Failure {
        guard let cgroup, failure.message.mentions("cgroup") else { return failure }
        return Failure(failure.kind, "\(failure.message) (the runtime was asked for --cgroup \(cgroup))")
    }

    /// Whether a delete failed because there is nothing to delete. crun 1.8 only says that it found no directory.
    package static func isMissing(_ text: String) -> Bool {
        text.mentions("does not exist")
            || text.mentions("cannot open directory") && text.mentions(": No such file or directory")
    }
}
