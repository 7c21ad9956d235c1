import Linux

/// What a cgroup says of itself, now (C-6.30, C-6.32).
package enum Metrics: Equatable {
    case unified(UnifiedMetrics)
    case legacy(LegacyMetrics)

    /// How many processes and threads there are.
    package struct Pids: Equatable {
        package var current: UInt64 = 0
        package var limit: UInt64 = 0
    }

    /// Pages of one size.
    package struct HugePages: Equatable {
        /// As the files are named: `2MB`.
        package let size: String
        package var usage: UInt64 = 0
        /// Version 1: the most that there was. Version 2: the limit.
        package var max: UInt64 = 0
        package var failures: UInt64 = 0
    }

    /// What is used of one RDMA device, or may be.
    package struct RDMADevice: Equatable {
        package let name: String
        package var handles: UInt32 = 0
        package var objects: UInt32 = 0
    }

    package struct RDMA: Equatable {
        package var current: [RDMADevice] = []
        package var limit: [RDMADevice] = []
    }
}

extension FileScanner {
    /// The lines of `rdma.current` or `rdma.max`: `mlx4_0 hca_handle=2 hca_object=max`. nil if there
    /// is no such file.
    mutating func rdmaDevices(in name: String) -> [Metrics.RDMADevice]? {
        guard open(name) else { return nil }
        var devices: [Metrics.RDMADevice] = []
        while nextLine() {
            guard let name = word() else { continue }
            var device = Metrics.RDMADevice(name: text(name))
            var hasValue = false
            while let key = word() {
                let value = number(max: UInt64(UInt32.max)).flatMap { UInt32(exactly: $0) } ?? 0
                if self.is(key, "hca_handle") { device.handles = value }
                if self.is(key, "hca_object") { device.objects = value }
                hasValue = true
            }
            if hasValue { devices.append(device) }
        }
        return devices
    }
}

/// The sizes of huge pages that this machine has.
enum HugePageSizes {
    /// In the words that cgroups use for them. They do not change while the machine runs.
    static let here = names(directory: "/sys/kernel/mm/hugepages")

    /// The sizes named by `directory`, which has a `hugepages-2048kB` for each.
    static func names(directory: String) -> [String] {
        do throws(Failure) {
            return try Files.directories(in: directory).sorted().compactMap(name)
        } catch {
            return []  // a kernel without them
        }
    }

    /// `hugepages-2048kB` is `2MB`.
    static func name(_ directory: String) -> String? {
        guard directory.hasPrefix("hugepages-"), directory.hasSuffix("kB"),
            let size = UInt64(directory.dropFirst("hugepages-".count).dropLast(2))
        else { return nil }
        if size >= 1 << 20 { return "\(size >> 20)GB" }
        if size >= 1 << 10 { return "\(size >> 10)MB" }
        return "\(size)KB"
    }
}
