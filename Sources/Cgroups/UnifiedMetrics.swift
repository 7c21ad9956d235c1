/// What a cgroup of version 2 says of itself (C-6.30). A number without a file is 0, a limit of `max`
/// is `UInt64.max`.
package struct UnifiedMetrics: Equatable {
    /// `cpu.stat`, in the order of ``processor``.
    static let processorNames: StaticString =
        "usage_usec user_usec system_usec nr_periods nr_throttled throttled_usec nr_bursts burst_usec"
    /// `memory.stat`, in the order of ``memory``.
    static let memoryNames: StaticString = """
        anon file kernel_stack slab sock shmem file_mapped file_dirty file_writeback anon_thp inactive_anon \
        active_anon inactive_file active_file unevictable slab_reclaimable slab_unreclaimable pgfault pgmajfault \
        workingset_refault workingset_activate workingset_nodereclaim pgrefill pgscan pgsteal pgactivate \
        pgdeactivate pglazyfree pglazyfreed thp_fault_alloc thp_collapse_alloc
        """
    /// `memory.events`, in the order of ``memoryEvents``.
    static let eventNames: StaticString = "low high max oom oom_kill oom_group_kill"

    package var pids = Metrics.Pids()
    /// Microseconds and counts: usage, user, system, periods, throttled, throttled time, bursts, their time.
    package var processor = [UInt64](repeating: 0, count: 8)
    package var processorPressure: Pressure?
    /// The 31 of `memory.stat` that containerd's message begins with, in its order.
    package var memory = [UInt64](repeating: 0, count: 31)
    /// Bytes: current, max, swap.current, swap.max, peak, swap.peak.
    package var memoryUse: [UInt64] = []
    package var memoryPressure: Pressure?
    /// low, high, max, oom, oom_kill, oom_group_kill.
    package var memoryEvents: [UInt64]?
    package var rdma = Metrics.RDMA()
    package var devices: [Device] = []
    package var ioPressure: Pressure?
    package var hugePages: [Metrics.HugePages] = []

    /// How long something was waited for (PSI).
    package struct Pressure: Equatable {
        package var some: Stall?
        package var full: Stall?
    }

    package struct Stall: Equatable {
        /// Per cent of the last 10 seconds.
        package var average10 = 0.0
        /// Per cent of the last minute.
        package var average60 = 0.0
        /// Per cent of the last 5 minutes.
        package var average300 = 0.0
        /// Microseconds.
        package var total: UInt64 = 0
    }

    /// What was read from and written to a block device.
    package struct Device: Equatable {
        package var major: UInt64
        package var minor: UInt64
        package var bytesRead: UInt64 = 0
        package var bytesWritten: UInt64 = 0
        package var reads: UInt64 = 0
        package var writes: UInt64 = 0
    }
}

extension UnifiedMetrics {
    /// Reads the files of a cgroup; nil if it is no more.
    init?(directory: String, hugePageSizes: [String]) {
        var files = FileScanner()
        guard files.enter(directory) else { return nil }
        self.init(&files, hugePageSizes: hugePageSizes)
    }

    /// Reads the files of the directory that was entered; nil if it is no more.
    init?(_ files: inout FileScanner, hugePageSizes: [String]) {
        readNumbers(&files)
        if files.open("cpu.stat") { files.fill(&processor, named: Self.processorNames) }
        processorPressure = files.pressure(in: "cpu.pressure")
        if files.open("memory.stat") { files.fill(&memory, named: Self.memoryNames) }
        memoryPressure = files.pressure(in: "memory.pressure")
        if files.open("memory.events") {
            var events = [UInt64](repeating: 0, count: 6)
            files.fill(&events, named: Self.eventNames)
            memoryEvents = events
        }
        devices = files.devices(in: "io.stat")
        ioPressure = files.pressure(in: "io.pressure")
        rdma.current = files.rdmaDevices(in: "rdma.current") ?? []
        rdma.limit = files.rdmaDevices(in: "rdma.max") ?? []
        for size in hugePageSizes {
            hugePages.append(files.hugePages(size, named: "hugetlb.\(size)"))
        }
        files.leave()
        guard !files.hasLost else { return nil }
    }

    private mutating func readNumbers(_ files: inout FileScanner) {
        pids.current = files.number("pids.current")
        pids.limit = files.number("pids.max")
        memoryUse = [
            files.number("memory.current"), files.number("memory.max"), files.number("memory.swap.current"),
            files.number("memory.swap.max"), files.number("memory.peak"), files.number("memory.swap.peak"),
        ]
    }
}

extension FileScanner {
    fileprivate mutating func number(_ name: String) -> UInt64 { number(in: name, max: .max) ?? 0 }

    /// A pressure file; nil where the kernel keeps none, which may show only when it is read.
    fileprivate mutating func pressure(in name: String) -> UnifiedMetrics.Pressure? {
        guard open(name) else { return nil }
        var pressure = UnifiedMetrics.Pressure()
        while nextLine() {
            guard let kind = word() else { continue }
            if self.is(kind, "some") { pressure.some = stall() }
            if self.is(kind, "full") { pressure.full = stall() }
        }
        return pressure
    }

    /// The rest of a line: `avg10=0.00 avg60=0.00 avg300=0.00 total=0`.
    private mutating func stall() -> UnifiedMetrics.Stall {
        var stall = UnifiedMetrics.Stall()
        while let key = word() {
            if self.is(key, "avg10") { stall.average10 = fraction() ?? 0 }
            if self.is(key, "avg60") { stall.average60 = fraction() ?? 0 }
            if self.is(key, "avg300") { stall.average300 = fraction() ?? 0 }
            if self.is(key, "total") { stall.total = number() ?? 0 }
        }
        return stall
    }

    /// `io.stat`: `8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0`. Some kernels name devices that have no
    /// numbers, and do not end their line: what is before the first key is the device.
    fileprivate mutating func devices(in name: String) -> [UnifiedMetrics.Device] {
        guard open(name) else { return [] }
        var devices: [UnifiedMetrics.Device] = []
        while nextLine() {
            var device = UnifiedMetrics.Device(major: 0, minor: 0)
            var key = word()
            while let part = key, let value = number(part) {
                device.major = device.minor
                device.minor = value
                key = word()
            }
            guard key != nil else { continue }
            while let name = key {
                if self.is(name, "rbytes") { device.bytesRead = number() ?? 0 }
                if self.is(name, "wbytes") { device.bytesWritten = number() ?? 0 }
                if self.is(name, "rios") { device.reads = number() ?? 0 }
                if self.is(name, "wios") { device.writes = number() ?? 0 }
                key = word()
            }
            devices.append(device)
        }
        return devices
    }

    /// The files `<name>.current`, `.max` and `.events`.
    fileprivate mutating func hugePages(_ size: String, named name: String) -> Metrics.HugePages {
        var pages = Metrics.HugePages(size: size)
        guard let current = number(in: "\(name).current", max: .max) else { return pages }
        pages.usage = current
        pages.max = number("\(name).max")
        var events: [UInt64] = [0]
        if open("\(name).events") { fill(&events, named: "max") }
        pages.failures = events[0]
        return pages
    }
}
