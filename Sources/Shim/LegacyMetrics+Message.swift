import Cgroups
import Protobuf

extension LegacyMetrics {
    /// `io.containerd.cgroups.v1.Metrics` (C-6.32). `CPUStat` and its two messages are always there, for
    /// clients that look into them without asking.
    func encoded() -> [UInt8] {
        var writer = MessageWriter()
        for pages in hugePages {
            writer.message(1) { writer in
                writer.numbers(from: 1, [pages.usage, pages.max, pages.failures])
                writer.text(4, pages.size)
            }
        }
        if let pids { writer.message(2) { $0.numbers(from: 1, [pids.current, pids.limit]) } }
        writer.message(3) { writer in
            writer.message(1) { writer in
                writer.numbers(from: 1, [processor.total, processor.kernel, processor.user])
                writer.list(4, processor.perProcessor)
            }
            writer.message(2) { $0.numbers(from: 1, processor.throttling) }
        }
        if let memory { writer.message(4, memory) }
        if let blockIO { writer.message(5, blockIO) }
        if let rdma { writer.message(6, rdma) }
        if let oomControl { writer.message(9) { $0.numbers(from: 1, oomControl) } }
        return writer.bytes
    }
}

extension MessageWriter {
    /// `MemoryStat`.
    fileprivate mutating func message(_ field: Int, _ memory: LegacyMetrics.Memory) {
        message(field) { writer in
            writer.numbers(from: 1, memory.statistics)
            writer.message(33, memory.usage)
            writer.message(34, memory.swap)
            writer.message(35, memory.kernel)
            writer.message(36, memory.kernelTCP)
        }
    }

    /// `MemoryEntry`.
    private mutating func message(_ field: Int, _ charge: LegacyMetrics.Charge) {
        message(field) { $0.numbers(from: 1, [charge.limit, charge.usage, charge.max, charge.failures]) }
    }

    /// `BlkIOStat`.
    fileprivate mutating func message(_ field: Int, _ blockIO: BlockIO) {
        message(field) { writer in
            for index in blockIO.lists.indices {
                for entry in blockIO.lists[index] { writer.message(index + 1, entry) }
            }
        }
    }

    /// `BlkIOEntry`.
    private mutating func message(_ field: Int, _ entry: BlockIO.Entry) {
        message(field) { writer in
            writer.text(1, entry.operation)
            writer.text(2, entry.device)
            writer.numbers(from: 3, [entry.major, entry.minor, entry.value])
        }
    }
}
