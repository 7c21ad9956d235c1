import Linux

/// What version 1 counts of a container's block devices.
package struct BlockIO: Equatable {
    /// One line of a file.
    package struct Entry: Equatable {
        /// `Read`, `Write` and the like; empty where the kernel does not tell them apart.
        package let operation: String
        /// `/dev/vda`; empty for one that `/proc/partitions` does not name.
        package var device: String
        package let major: UInt64
        package let minor: UInt64
        package let value: UInt64
    }

    /// The lists of containerd's message, in its order: bytes, operations, queued, service time, wait
    /// time, merged, time, sectors.
    package var lists: [[Entry]] = []
}

extension BlockIO {
    private struct Partition {
        let major: UInt64
        let minor: UInt64
        let name: String
    }

    /// Reads the files of the directory that was entered, which is left then for that of `partitions`.
    init(_ files: inout FileScanner, partitions: String) {
        // Those of the scheduler CFQ, which are files without a line for devices that use another.
        let serviced = Self.list(&files, "blkio.io_serviced_recursive")
        if let serviced {
            lists.append(Self.list(&files, "blkio.io_service_bytes_recursive") ?? [])
            lists.append(serviced)
            lists.append(Self.list(&files, "blkio.io_queued_recursive") ?? [])
            lists.append(Self.list(&files, "blkio.io_service_time_recursive") ?? [])
            lists.append(Self.list(&files, "blkio.io_wait_time_recursive") ?? [])
            lists.append(Self.list(&files, "blkio.io_merged_recursive") ?? [])
            lists.append(Self.list(&files, "blkio.time_recursive") ?? [])
            lists.append(Self.list(&files, "blkio.sectors_recursive") ?? [])
        }
        if lists.allSatisfy({ $0.isEmpty }) {
            lists = [
                Self.list(&files, "blkio.throttle.io_service_bytes") ?? [],
                Self.list(&files, "blkio.throttle.io_serviced") ?? [],
            ]
        }
        if !lists.allSatisfy({ $0.isEmpty }) { nameDevices(Self.partitions(&files, partitions)) }
    }

    private mutating func nameDevices(_ partitions: [Partition]) {
        for list in lists.indices {
            for index in lists[list].indices {
                let entry = lists[list][index]
                let partition = partitions.first { $0.major == entry.major && $0.minor == entry.minor }
                if let partition { lists[list][index].device = "/dev/\(partition.name)" }
            }
        }
    }

    /// Lines `8:0 Read 4096` or `8:0 4096`, without that of the total. nil if there is no such file.
    private static func list(_ files: inout FileScanner, _ name: String) -> [Entry]? {
        guard files.open(name) else { return nil }
        var entries: [Entry] = []
        while files.nextLine() {
            guard let major = files.number(), let minor = files.number(), let word = files.word() else { continue }
            let last = files.word()
            guard let value = files.number(last ?? word) else { continue }
            let operation = last == nil ? "" : files.text(word)
            entries.append(Entry(operation: operation, device: "", major: major, minor: minor, value: value))
        }
        return entries
    }

    /// Lines `254 0 268435456 vda`, below a headline.
    private static func partitions(_ files: inout FileScanner, _ path: String) -> [Partition] {
        guard files.enter(Paths.parent(of: path)), files.open(Paths.lastComponent(of: path)) else { return [] }
        var known: [Partition] = []
        while files.nextLine() {
            guard let major = files.number(), let minor = files.number(), files.number() != nil, let name = files.word()
            else { continue }
            known.append(Partition(major: major, minor: minor, name: files.text(name)))
        }
        return known
    }
}
