import Cgroups
import Protobuf

extension UnifiedMetrics {
    /// `io.containerd.cgroups.v2.Metrics` (C-6.30). Its first five messages are always there, for clients
    /// that look into them without asking.
    func encoded() -> [UInt8] {
        var writer = MessageWriter()
        writer.message(1) { $0.numbers(from: 1, [pids.current, pids.limit]) }
        writer.message(2) { writer in
            writer.numbers(from: 1, Array(processor[..<6]))
            writer.message(7, processorPressure)
            writer.numbers(from: 8, Array(processor[6...]))
        }
        writer.message(4) { writer in
            writer.numbers(from: 1, memory)
            writer.numbers(from: 32, memoryUse)
            writer.message(38, memoryPressure)
        }
        writer.message(5, rdma)
        writer.message(6) { writer in
            for device in devices { writer.message(1, device) }
            writer.message(2, ioPressure)
        }
        for pages in hugePages {
            writer.message(7) { writer in
                writer.numbers(from: 1, [pages.usage, pages.max])
                writer.text(3, pages.size)
                writer.number(4, pages.failures)
            }
        }
        if let memoryEvents { writer.message(8) { $0.numbers(from: 1, memoryEvents) } }
        return writer.bytes
    }
}

extension MessageWriter {
    /// `PSIStats`; nil leaves it out, here and below.
    fileprivate mutating func message(_ field: Int, _ pressure: UnifiedMetrics.Pressure?) {
        guard let pressure else { return }
        message(field) { writer in
            writer.message(1, pressure.some)
            writer.message(2, pressure.full)
        }
    }

    /// `PSIData`.
    private mutating func message(_ field: Int, _ stall: UnifiedMetrics.Stall?) {
        guard let stall else { return }
        message(field) { writer in
            writer.double(1, stall.average10)
            writer.double(2, stall.average60)
            writer.double(3, stall.average300)
            writer.number(4, stall.total)
        }
    }

    /// `IOEntry`.
    fileprivate mutating func message(_ field: Int, _ device: UnifiedMetrics.Device) {
        message(field) { writer in
            writer.numbers(
                from: 1,
                [
                    device.major, device.minor, device.bytesRead, device.bytesWritten, device.reads, device.writes,
                ])
        }
    }
}
