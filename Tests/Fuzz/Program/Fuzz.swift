import CFuzzer
import Linux

/// Fuzzes the target that FUZZ_TARGET names; the arguments are libFuzzer's.
@main
enum Fuzz {
    private static let target = FuzzTarget.all.first { $0.name == Process.environment("FUZZ_TARGET") }

    static func main() {
        guard target != nil else {
            fatalError("FUZZ_TARGET is none of \(FuzzTarget.all.map { $0.name }.joined(separator: " "))")
        }
        let status = unsafe cfuzzer_run(CommandLine.argc, CommandLine.unsafeArgv) { bytes, count in
            // SAFETY: libFuzzer's bytes are valid until we return; they are copied here.
            Fuzz.check(unsafe [UInt8](UnsafeBufferPointer(start: bytes, count: count)))
            return 0
        }
        Process.exit(status)
    }

    private static func check(_ bytes: [UInt8]) {
        do throws(FuzzTarget.Violation) {
            try target?.run(bytes)
        } catch {
            fatalError(error.words)
        }
    }
}
