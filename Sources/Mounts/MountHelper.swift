import Linux
import Reactor
import _Concurrency

/// The program that mounts a file system of a process' own (C-6.8). What it starts serves the file
/// system until that is unmounted.
struct MountHelper {
    private static let limit = Duration.seconds(60)

    private let program: String
    private let type: String

    /// nil for a type that the kernel mounts.
    init?(_ type: String) {
        let prefixes = [("fuse.", "mount.fuse"), ("fuse3.", "mount.fuse3")]
        guard let (prefix, program) = prefixes.first(where: { type.hasPrefix($0.0) }) else { return nil }
        self.program = program
        self.type = String(type.dropFirst(prefix.utf8.count))
    }

    /// Suspends until the file system is mounted. Its options are the program's to understand.
    @Loop
    func mount(_ mount: Mount, at place: Place) async throws(Failure) {
        try MountOptions.refuseInternal(mount.options)
        let target = try place.open()
        // It has another "self". A rootfs has a name that nobody can swap.
        let path = place.target.isEmpty ? place.rootfs : "/proc/\(Process.id)/fd/\(target.raw)"
        let arguments = [mount.source, path] + mount.options.flatMap { ["-o", $0] } + ["-t", type]
        let failed = "mount source: \"\(mount.source)\", target: \"\(place.name)\", fstype: \(mount.type)"
        do throws(Failure) {
            let program = Program(
                try Paths.executable(self.program), arguments, workingDirectory: "/", leadsProcessGroup: true)
            let invocation = try Invocation.start(program, named: self.program)
            switch await invocation.outcome(within: Self.limit) {
            case .succeeded: break
            case .failed(let text): throw Failure(.unknown, text)
            case .timedOut(let text): throw Failure(.deadlineExceeded, text)
            }
        } catch {
            throw error.adding(failed)
        }
        _ = consume target
    }
}
