/// What the cgroups of version 1 say of a container (C-6.32). A number without a file is 0, and so is a
/// limit of `max`. What has no controller is nil.
package struct LegacyMetrics: Equatable {
    /// `cpu.stat`, in the order of ``Processor/throttling``.
    static let throttlingNames: StaticString = "nr_periods nr_throttled throttled_time"
    /// `memory.stat`, in the order of ``Memory/statistics``.
    static let memoryNames: StaticString = """
        cache rss rss_huge mapped_file dirty writeback pgpgin pgpgout pgfault pgmajfault inactive_anon active_anon \
        inactive_file active_file unevictable hierarchical_memory_limit hierarchical_memsw_limit total_cache \
        total_rss total_rss_huge total_mapped_file total_dirty total_writeback total_pgpgin total_pgpgout \
        total_pgfault total_pgmajfault total_inactive_anon total_active_anon total_inactive_file total_active_file \
        total_unevictable
        """
    /// `memory.oom_control`, in the order of ``oomControl``.
    static let oomNames: StaticString = "oom_kill_disable under_oom oom_kill"

    package var hugePages: [Metrics.HugePages] = []
    package var pids: Metrics.Pids?
    package var processor = Processor()
    package var memory: Memory?
    package var blockIO: BlockIO?
    package var rdma: Metrics.RDMA?
    /// oom_kill_disable, under_oom, oom_kill.
    package var oomControl: [UInt64]?

    /// Times in nanoseconds.
    package struct Processor: Equatable {
        package var total: UInt64 = 0
        package var kernel: UInt64 = 0
        package var user: UInt64 = 0
        package var perProcessor: [UInt64] = []
        /// Periods, throttled periods, throttled time.
        package var throttling: [UInt64] = [0, 0, 0]
    }

    package struct Memory: Equatable {
        /// The 32 of `memory.stat` that containerd's message begins with, in its order.
        package var statistics = [UInt64](repeating: 0, count: 32)
        package var usage = Charge()
        package var swap = Charge()
        package var kernel = Charge()
        package var kernelTCP = Charge()
    }

    /// Bytes of one kind of memory.
    package struct Charge: Equatable {
        package var limit: UInt64 = 0
        package var usage: UInt64 = 0
        package var max: UInt64 = 0
        package var failures: UInt64 = 0
    }
}

extension LegacyMetrics {
    /// Reads the files of a container's cgroups; nil if they are no more. `directory` says where one is;
    /// `partitions` is `/proc/partitions`.
    init?(hugePageSizes: [String], partitions: String, directory: (Controller) -> String) {
        var files = FileScanner()
        if files.enter(directory(.cpuacct)) { readAccounting(&files) }
        if files.enter(directory(.cpu)), files.open("cpu.stat") {
            files.fill(&processor.throttling, named: Self.throttlingNames)
        }
        if files.enter(directory(.memory)) { readMemory(&files) }
        if files.enter(directory(.pids)), let current = files.number(in: "pids.current", max: 0) {
            pids = Metrics.Pids(current: current, limit: files.number("pids.max"))
        }
        if files.enter(directory(.rdma)), let current = files.rdmaDevices(in: "rdma.current") {
            rdma = Metrics.RDMA(current: current, limit: files.rdmaDevices(in: "rdma.max") ?? [])
        }
        if files.enter(directory(.hugetlb)) {
            hugePages = hugePageSizes.compactMap { files.hugePages($0, named: "hugetlb.\($0)") }
        }
        if files.enter(directory(.blkio)) { blockIO = BlockIO(&files, partitions: partitions) }
        files.leave()
        guard files.hasEntered, !files.hasLost else { return nil }
    }

    private mutating func readAccounting(_ files: inout FileScanner) {
        if files.open("cpuacct.stat") {
            var ticks: [UInt64] = [0, 0]
            files.fill(&ticks, named: "user system")
            // Of USER_HZ, which is 100 for every program.
            processor.user = ticks[0] &* 10_000_000
            processor.kernel = ticks[1] &* 10_000_000
        }
        processor.total = files.number("cpuacct.usage")
        if files.open("cpuacct.usage_percpu") {
            while let time = files.number() { processor.perProcessor.append(time) }
        }
    }

    private mutating func readMemory(_ files: inout FileScanner) {
        guard files.open("memory.stat") else { return }
        var memory = Memory()
        files.fill(&memory.statistics, named: Self.memoryNames)
        memory.usage = files.charge(named: "memory")
        memory.swap = files.charge(named: "memory.memsw")
        memory.kernel = files.charge(named: "memory.kmem")
        memory.kernelTCP = files.charge(named: "memory.kmem.tcp")
        self.memory = memory
        guard files.open("memory.oom_control") else { return }
        var control: [UInt64] = [0, 0, 0]
        files.fill(&control, named: Self.oomNames)
        oomControl = control
    }
}

extension FileScanner {
    fileprivate mutating func number(_ name: String) -> UInt64 { number(in: name, max: 0) ?? 0 }

    /// The files `<name>.usage_in_bytes` and so on.
    fileprivate mutating func charge(named name: String) -> LegacyMetrics.Charge {
        // A kernel that does not count swap has none of its four.
        guard let usage = number(in: "\(name).usage_in_bytes", max: 0) else { return LegacyMetrics.Charge() }
        return LegacyMetrics.Charge(
            limit: number("\(name).limit_in_bytes"), usage: usage, max: number("\(name).max_usage_in_bytes"),
            failures: number("\(name).failcnt"))
    }

    /// The files `<name>.usage_in_bytes` and so on.
    fileprivate mutating func hugePages(_ size: String, named name: String) -> Metrics.HugePages? {
        guard let usage = number(in: "\(name).usage_in_bytes", max: 0) else { return nil }
        return Metrics.HugePages(
            size: size, usage: usage, max: number("\(name).max_usage_in_bytes"), failures: number("\(name).failcnt"))
    }
}
