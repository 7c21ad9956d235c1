import Linux
import Reactor
import Shim
import _Concurrency

/// Chooses the action and gives each the process it runs in; nothing is decided here.
@main
enum Main {
    static func main() async {
        let words = Process.arguments
        let program = words.first ?? Identity.runtimeName
        do throws(Arguments.Problem) {
            await run(try Arguments(parsing: Array(words.dropFirst())), program)
        } catch {
            switch error {
            case .helpWanted: finish(0, error: Arguments.usage(program))
            case .wrong(let text): finish(2, error: "\(text)\n\(Arguments.usage(program))")
            }
        }
    }

    @Loop
    private static func run(_ arguments: Arguments, _ program: String) async {
        // systemd's, and for containerd alone (C-5.4).
        Process.forgetEnvironment("NOTIFY_SOCKET")
        do throws(Failure) {
            if arguments.version { finish(0, output: Array(Identity.versionText(program).utf8)) }
            if arguments.info { finish(0, output: try await InfoAction.run()) }
            try arguments.checkNames()
            switch arguments.action {
            case .start: finish(0, output: try StartAction.run(arguments))
            case .delete: finish(0, output: try await DeleteAction.run(arguments))
            case .serve: try await ShimServer.run(arguments)
            }
        } catch {
            finish(1, error: "\(Identity.runtimeName): \(error.message)")
        }
    }

    /// Writes what there is to say, and ends the process.
    private nonisolated static func finish(_ code: Int32, output: [UInt8] = [], error: String = "") -> Never {
        do throws(Failure) {
            try Files.writeAll(output, to: FileDescriptor(owning: 1), named: "stdout")
            try Files.writeAll(Array(error.utf8), to: FileDescriptor(owning: 2), named: "stderr")
        } catch {
            Process.exit(1)  // nobody left to tell
        }
        Process.exit(code)
    }
}
