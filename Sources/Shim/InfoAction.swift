import JSON
package import Linux
import OCIRuntime
import Protobuf
package import Reactor
import _Concurrency

/// The `-info` action: what this shim and its runtime can do (contract C-1.60 … C-1.63).
@Loop
package enum InfoAction {
    private static let featuresType =
        "types.containerd.io/opencontainers/runtime-spec/1/features/Features"

    /// containerd asks each runtime when it starts; one that says nothing holds it up no longer than this.
    private static let runtimeLimit = Duration.seconds(10)

    /// Returns what is to be written to stdout.
    package static func run() async throws(Failure) -> [UInt8] {
        let input = try Files.readToEnd(FileDescriptor(owning: 0), named: "stdin", limit: 10 << 20)
        let given = try self.given(input)
        let runtime = try TaskOptions(given, host: .read()).runtime(namespace: "")
        guard Files.isExecutable(try runtime.path()) else {
            throw Failure(.notFound, "\(runtime.binary): no such executable")
        }
        let features = await features(of: runtime)
        return RuntimeInfo(
            name: Identity.runtimeName, version: Identity.version, revision: Identity.revision, options: given,
            features: features.map { AnyMessage(typeURL: featuresType, value: $0) }
        ).encoded()
    }

    /// The options that were asked with, of either type.
    private static func given(_ input: [UInt8]) throws(Failure) -> AnyMessage? {
        guard !input.isEmpty else { return nil }
        do throws(Failure) {
            return try AnyMessage(decoding: input)
        } catch {
            throw error.adding("stdin")
        }
    }

    /// The runtime's own JSON; nil from one that knows no features.
    private static func features(of runtime: Runtime) async -> [UInt8]? {
        do throws(Failure) {
            let invocation = try runtime.invoke(["features"], log: nil)
            guard case .succeeded(let output) = await invocation.outcome(within: runtimeLimit) else { return nil }
            return try JSONValue(parsing: output, subject: "features").isObject ? output : nil
        } catch {
            return nil
        }
    }
}
