package import Linux
package import Reactor
import _Concurrency

/// What is mounted in our namespace.
@Loop
package enum MountTable {
    /// Unmounts everything at and below `rootfs`, innermost first; true if something is still in
    /// use, which is worth another attempt after a while. With `detach` what is in use goes out of
    /// sight and ends with its last user. A path that does not exist has nothing mounted.
    ///
    /// Suspends as long as that takes: the last unmount of an overlay writes to disk what the file system of its upper
    /// directory has not yet. Each is a child's; if there can be none, ours.
    ///
    /// A failure is that of the outermost mount; what fails below it makes it fail too. A file system of a
    /// process' own (fuse(4)) that we may not unmount is left to `fusermount`, which is not waited for: it is
    /// in use until then.
    package static func unmountAll(below rootfs: String, detach: Bool = false) async throws(Failure) -> Bool {
        let root: [UInt8]
        do throws(Failure) {
            root = Array(try Paths.resolved(rootfs).utf8)
        } catch {
            guard error.errno == Errno.noEntry else { throw error }
            return false
        }
        let mounts = try MountInfo.current { point, _ in isBelow(MountInfo.unescaped(point), root) }
        var last: Failure?
        for point in mountPoints(mounts) {
            last = await unmount(point, detach: detach)
            if last?.errno == Errno.notPermitted,
                mounts.contains(where: { $0.mountPointBytes == point && isFUSE($0.type) }),
                startUnmounting(text(point), detach: detach)
            {
                last = Failure(.unknown, errno: Errno.busy, "unmount \(text(point)): left to fusermount")
            }
        }
        guard let last else { return false }
        guard last.errno == Errno.busy else { throw last }
        return true
    }

    /// Longest first, so that what is mounted in something is before it; each once.
    nonisolated static func mountPoints(_ mounts: [MountInfo]) -> [[UInt8]] {
        var points: [[UInt8]] = []
        for mount in mounts where !points.contains(mount.mountPointBytes) { points.append(mount.mountPointBytes) }
        return points.sorted { $0.count > $1.count }
    }

    nonisolated static func isBelow(_ path: [UInt8], _ root: [UInt8]) -> Bool {
        let slash = UInt8(ascii: "/")
        return path.starts(with: root) && (path.count == root.count || root.last == slash || path[root.count] == slash)
    }

    /// Takes away all that is mounted on top of each other at one place. A process in another mount namespace may move
    /// what the place is in, and leave a symlink there (rename(2)): then it is another place, to be looked for anew.
    private static func unmount(_ point: [UInt8], detach: Bool) async -> Failure? {
        switch await unmountApart(point, detach: detach) ?? FileSystem.unmountAll(at: point, detach: detach) {
        case Errno.invalid, Errno.noEntry: nil
        case Errno.tooManyLinks: Failure(.unknown, errno: Errno.busy, "unmount \(text(point)): it has moved")
        case let errno: Failure(.unknown, errno: errno, "unmount \(text(point)): \(errorText(errno))")
        }
    }

    /// The errno that ended it; nil if there was no child, or if it was killed, whatever it had done by then.
    private static func unmountApart(_ point: [UInt8], detach: Bool) async -> Int32? {
        do throws(Failure) {
            return try await Child { FileSystem.unmountAll(at: point, detach: detach) }.errno()
        } catch {
            return nil
        }
    }

    private nonisolated static func text(_ point: [UInt8]) -> String { String(decoding: point, as: UTF8.self) }

    private static func isFUSE(_ type: String) -> Bool { type == "fuse" || type.hasPrefix("fuse.") }

    /// Whether a program was found and started that may do what we may not. It is an orphan, which is reaped as such.
    private static func startUnmounting(_ point: String, detach: Bool) -> Bool {
        for name in ["fusermount3", "fusermount"] {
            do throws(Failure) {
                let program = Program(
                    try Paths.executable(name), [detach ? "-uz" : "-u", point], workingDirectory: "/")
                let null = try FileDescriptor(opening: "/dev/null", .readWrite)
                _ = try Child(starting: program, descriptors: [null.raw, null.raw, null.raw])
                return true
            } catch {}  // the other may be there
        }
        return false
    }
}
