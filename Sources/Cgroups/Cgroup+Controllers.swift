import Linux

extension Cgroup {
    /// Version 2: gives it all controllers that the root has, through each cgroup above it (C-6.23). What the kernel
    /// refuses stays as it is: a cgroup with processes gives none to those below, and a controller may be version 1's.
    package func enableControllers() {
        guard version == .unified else { return }
        Self.enableControllers(above: path, root: Hierarchy.mountPoint)
    }

    /// From `root` down, for none has a controller that the one above does not give.
    static func enableControllers(above path: String, root: String) {
        do throws(Failure) {
            let all = try Files.read("\(root)/cgroup.controllers")
            for directory in ancestors(of: path, root: root) {
                let file = "\(directory)/cgroup.subtree_control"
                // One by one, for one that is refused makes the kernel refuse all that are written with it.
                for controller in missing(from: try Files.read(file), of: all) {
                    do throws(Failure) { try Files.write("+\(controller)", toExisting: file) } catch {}  // as above
                }
            }
        } catch {}  // a cgroup that was removed meanwhile
    }

    /// The directories above `path`, `root` first; none if it is not below that.
    static func ancestors(of path: String, root: String) -> [String] {
        guard path.hasPrefix("\(root)/") else { return [] }
        var directory = path
        var directories: [String] = []
        while directory != root {
            directory = Paths.parent(of: directory)
            directories.append(directory)
        }
        return directories.reversed()
    }

    /// Of `all`, names with blanks between them, those that are not in `enabled`.
    static func missing(from enabled: [UInt8], of all: [UInt8]) -> [String] {
        let enabled = words(enabled)
        return words(all).filter { !enabled.contains($0) }
    }

    private static func words(_ text: [UInt8]) -> [String] {
        text.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") }.map { String(decoding: $0, as: UTF8.self) }
    }
}
