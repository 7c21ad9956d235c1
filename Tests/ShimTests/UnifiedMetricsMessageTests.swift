import Protobuf
import Testing

@testable import Cgroups
@testable import Shim

struct UnifiedMetricsMessageTests {
    /// A number's bytes for fields above 15 too.
    private func wide(_ field: UInt64, _ value: UInt64) -> [UInt8] {
        var writer = MessageWriter()
        writer.number(Int(field), value)
        return writer.bytes
    }

    @Test func `every field has containerd's number`() {
        var metrics = UnifiedMetrics()
        let pressure = UnifiedMetrics.Pressure(
            some: UnifiedMetrics.Stall(average10: 1.25, average60: 1.25, average300: 1.25, total: 9),
            full: UnifiedMetrics.Stall())
        metrics.pids = Metrics.Pids(current: 1, limit: .max)
        metrics.processor = [1, 2, 3, 4, 5, 6, 8, 9]
        metrics.processorPressure = pressure
        metrics.memory = (1...31).map { UInt64($0) }
        metrics.memoryUse = [32, 33, 34, 35, 36, 37]
        metrics.memoryPressure = pressure
        metrics.memoryEvents = [1, 2, 3, 4, 5, 6]
        metrics.rdma.limit = [Metrics.RDMADevice(name: "mlx5_0", handles: 7, objects: .max)]
        metrics.devices = [
            UnifiedMetrics.Device(major: 1, minor: 2, bytesRead: 3, bytesWritten: 4, reads: 5, writes: 6)
        ]
        metrics.ioPressure = pressure
        metrics.hugePages = [
            Metrics.HugePages(size: "2MB", usage: 1, max: 2, failures: 4), Metrics.HugePages(size: "1GB"),
        ]

        let quarter: [UInt8] = [0, 0, 0, 0, 0, 0, 0xf4, 0x3f]
        let stall = bytes(1, [0x09] + quarter + [0x11] + quarter + [0x19] + quarter + number(4, 9)) + bytes(2, [])
        let processor =
            (1...6).flatMap { number(UInt8($0), $0) } + bytes(7, stall) + number(8, 8) + number(9, 9)
        let memory = (1...37).flatMap { wide($0, $0) } + [0xb2, 0x02, UInt8(stall.count)] + stall
        let device = (1...6).flatMap { number(UInt8($0), $0) }
        let rdma = text(1, "mlx5_0") + number(2, 7) + number(3, UInt64(UInt32.max))
        #expect(
            metrics.encoded() == bytes(1, number(1, 1) + number(2, .max)) + bytes(2, processor) + bytes(4, memory)
                + bytes(5, bytes(2, rdma)) + bytes(6, bytes(1, device) + bytes(2, stall))
                + bytes(7, number(1, 1) + number(2, 2) + text(3, "2MB") + number(4, 4)) + bytes(7, text(3, "1GB"))
                + bytes(8, (1...6).flatMap { number(UInt8($0), $0) }))
    }

    @Test func `five messages are there without a number`() {
        #expect(UnifiedMetrics().encoded() == bytes(1, []) + bytes(2, []) + bytes(4, []) + bytes(5, []) + bytes(6, []))
    }

    @Test func `events that are all zero are there`() {
        var metrics = UnifiedMetrics()
        metrics.memoryEvents = [0, 0, 0, 0, 0, 0]
        #expect(metrics.encoded().suffix(2) == bytes(8, []))
    }

    @Test func `the message's type is that of version 2`() {
        #expect(Metrics.unified(UnifiedMetrics()).message.typeURL == "io.containerd.cgroups.v2.Metrics")
    }
}
