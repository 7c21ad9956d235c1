package import Linux

/// What is mounted in our namespace.
package enum MountTable {
    /// Unmounts everything at and below `rootfs`, innermost first; true if something is still in
    /// use, which is worth another attempt after a while. With `detach` what is in use goes out of
    /// sight and ends with its last user. A path that does not exist has nothing mounted.
    ///
    /// A failure is that of the outermost mount; what fails below it makes it fail too. A file system of a
    /// process' own (fuse(4)) that we may not unmount is left to `fusermount`, which is not waited for: it is
    /// in use until then.
    package static func unmountAll(below rootfs: String, detach: Bool = false) throws(Failure) -> Bool {
        let root: String
        do throws(Failure) {
            root = try Paths.resolved(rootfs)
        } catch {
            guard error.errno == Errno.noEntry else { throw error }
            return false
        }
        let mounts = try MountInfo.current { point, _ in isBelow(String(decoding: MountInfo.unescaped(point), as: UTF8.self), root) }
        var last: Failure?
        for point in mountPoints(mounts) {
            last = unmount(point, detach: detach)
            if last?.errno == Errno.notPermitted, mounts.contains(where: { $0.mountPoint == point && isFUSE($0.type) }),
                startUnmounting(point, detach: detach)
            {
                last = Failure(.unknown, errno: Errno.busy, "unmount \(point): left to fusermount")
            }
        }
        guard let last else { return false }
        guard last.errno == Errno.busy else { throw last }
        return true
    }

    /// Longest first, so that what is mounted in something is before it; each once.
    static func mountPoints(_ mounts: [MountInfo]) -> [String] {
        var points: [String] = []
        for mount in mounts where !points.contains(mount.mountPoint) { points.append(mount.mountPoint) }
        return points.sorted { $0.utf8.count > $1.utf8.count }
    }

    static func isBelow(_ path: String, _ root: String) -> Bool {
        path == root || path.hasPrefix(root.hasSuffix("/") ? root : "\(root)/")
    }

    /// Takes away all that is mounted on top of each other at one place. A process in another mount namespace may move
    /// what the place is in, and leave a symlink there (rename(2)): then it is another place, to be looked for anew.
    private static func unmount(_ point: String, detach: Bool) -> Failure? {
        while true {
            do throws(Failure) {
                try FileSystem.unmountExactly(point, detach: false)
            } catch {
                switch error.errno {
                case Errno.invalid, Errno.noEntry: return nil
                case Errno.tooManyLinks: return Failure(.unknown, errno: Errno.busy, error.message)
                case Errno.busy where detach:
                    do throws(Failure) {
                        try FileSystem.unmountExactly(point, detach: true)
                    } catch {
                        return error
                    }
                default: return error
                }
            }
        }
    }

    static func isFUSE(_ type: String) -> Bool { type == "fuse" || type.hasPrefix("fuse.") }

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
