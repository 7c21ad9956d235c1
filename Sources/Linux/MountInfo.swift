/// One line of `/proc/self/mountinfo` (proc(5)): something that is mounted in our namespace.
package struct MountInfo: Equatable {
    /// The directory of the file system that is seen at ``mountPoint``.
    package let root: String
    package var mountPoint: String { String(decoding: mountPointBytes, as: UTF8.self) }
    /// As it is: whoever makes a directory names it as he likes.
    package let mountPointBytes: [UInt8]
    package let type: String
    /// For cgroup v1 the controllers, among others.
    package let superOptions: String

    package init(root: String, mountPoint: [UInt8], type: String, superOptions: String) {
        self.root = root
        mountPointBytes = mountPoint
        self.type = type
        self.superOptions = superOptions
    }

    /// The mounts of a recorded text for which `wanted` says so, given mount point and type as they
    /// stand there. A line that has too few fields is passed over.
    package static func parse(
        _ text: [UInt8], where wanted: (_ mountPoint: ArraySlice<UInt8>, _ type: ArraySlice<UInt8>) -> Bool
    ) -> [MountInfo] {
        var found: [MountInfo] = []
        for line in text.split(separator: UInt8(ascii: "\n")) {
            // 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
            let fields = line.split(separator: UInt8(ascii: " "))
            guard fields.count > 6, let dash = fields[6...].firstIndex(of: [UInt8(ascii: "-")]) else { continue }
            guard dash + 2 < fields.count else { continue }
            guard wanted(fields[4], fields[dash + 1]) else { continue }
            // The last field, by whatever number: an empty source leaves no field of its own.
            found.append(
                MountInfo(
                    root: decoded(fields[3]), mountPoint: unescaped(fields[4]), type: decoded(fields[dash + 1]),
                    superOptions: decoded(fields[fields.count - 1])))
        }
        return found
    }

    /// What is mounted now.
    package static func current(
        where wanted: (_ mountPoint: ArraySlice<UInt8>, _ type: ArraySlice<UInt8>) -> Bool
    ) throws(Failure) -> [MountInfo] {
        parse(try Files.read("/proc/self/mountinfo", limit: 256 << 20), where: wanted)
    }

    /// A field with its `\040` and the like as the bytes they stand for.
    package static func unescaped(_ field: ArraySlice<UInt8>) -> [UInt8] {
        guard field.contains(UInt8(ascii: "\\")) else { return Array(field) }
        var bytes: [UInt8] = []
        var rest = field
        while let byte = rest.popFirst() {
            let digits = rest.prefix(3)
            if byte == UInt8(ascii: "\\"), digits.count == 3, digits.allSatisfy({ (0x30...0x37).contains($0) }) {
                bytes.append(UInt8(truncatingIfNeeded: digits.reduce(0) { $0 * 8 + Int($1 - 0x30) }))
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return bytes
    }

    private static func decoded(_ field: ArraySlice<UInt8>) -> String {
        String(decoding: unescaped(field), as: UTF8.self)
    }
}
