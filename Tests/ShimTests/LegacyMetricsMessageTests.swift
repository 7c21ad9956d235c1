import Protobuf
import Testing

@testable import Cgroups
@testable import Shim

struct LegacyMetricsMessageTests {
    /// As the Go shim sent it for an idle container with a memory limit.
    @Test func `a container's metrics are the bytes that the Go shim sends`() {
        var metrics = LegacyMetrics()
        metrics.pids = Metrics.Pids(current: 1)
        metrics.processor = LegacyMetrics.Processor(
            total: 15_825_630, kernel: 10_000_000, perProcessor: [3_131_220, 12_694_410])
        var memory = LegacyMetrics.Memory()
        let own: [UInt64] = [4096, 49152, 0, 0, 4096, 0, 372, 359, 637, 0, 45056, 4096, 0, 4096, 0]
        memory.statistics = own + [67_108_864, 9_223_372_036_854_771_712] + own
        memory.usage = LegacyMetrics.Charge(limit: 67_108_864, usage: 626_688, max: 1_986_560)
        memory.swap = LegacyMetrics.Charge(limit: 9_223_372_036_854_771_712, usage: 626_688, max: 1_986_560)
        memory.kernel = LegacyMetrics.Charge(limit: 9_223_372_036_854_771_712, usage: 233_472, max: 585_728)
        memory.kernelTCP = LegacyMetrics.Charge(limit: 9_223_372_036_854_771_712)
        metrics.memory = memory
        metrics.blockIO = BlockIO()
        metrics.oomControl = [0, 0, 0]
        let recorded =
            "120208011a180a1408def5c5071080ade2042208d48ebf018ae786061200229b0108802010808003288020"
            + "38f40240e70248fd045880e002608020708020800180808020880180e0ffffffffffff7f9001802098018080"
            + "03b0018020c001f402c801e702d001fd04e00180e002e8018020f80180208a020d08808080201080a0261880"
            + "a0799202120880e0ffffffffffff7f1080a0261880a0799a02120880e0ffffffffffff7f1080a00e1880e023"
            + "a2020a0880e0ffffffffffff7f2a004a00"
        #expect(metrics.encoded().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() == recorded)
    }

    @Test func `every field has containerd's number`() {
        var metrics = LegacyMetrics()
        metrics.hugePages = [Metrics.HugePages(size: "2MB", usage: 1, max: 2, failures: 3)]
        metrics.pids = Metrics.Pids(current: 4, limit: 5)
        metrics.processor = LegacyMetrics.Processor(
            total: 6, kernel: 7, user: 8, perProcessor: [9, 0], throttling: [10, 11, 12])
        metrics.blockIO = BlockIO(
            lists: (1...8).map {
                [BlockIO.Entry(operation: "Read", device: "/dev/vda", major: 254, minor: $0, value: 13)]
            })
        metrics.rdma = Metrics.RDMA(
            current: [Metrics.RDMADevice(name: "mlx5_0", handles: 14, objects: 15)],
            limit: [Metrics.RDMADevice(name: "mlx5_0", handles: .max)])
        metrics.oomControl = [1, 0, 2]
        let blockIO = (1...8).map { list in
            bytes(
                UInt8(list),
                text(1, "Read") + text(2, "/dev/vda") + number(3, 254) + number(4, UInt64(list)) + number(5, 13))
        }
        let rdma =
            bytes(1, text(1, "mlx5_0") + number(2, 14) + number(3, 15))
            + bytes(2, text(1, "mlx5_0") + number(2, UInt64(UInt32.max)))
        #expect(
            metrics.encoded() == bytes(1, number(1, 1) + number(2, 2) + number(3, 3) + text(4, "2MB"))
                + bytes(2, number(1, 4) + number(2, 5))
                + bytes(
                    3,
                    bytes(1, number(1, 6) + number(2, 7) + number(3, 8) + bytes(4, [9, 0]))
                        + bytes(2, number(1, 10) + number(2, 11) + number(3, 12)))
                + bytes(5, blockIO.flatMap { $0 }) + bytes(6, rdma) + bytes(9, number(1, 1) + number(3, 2)))
    }

    @Test func `processors are there without a number, other controllers are not`() {
        #expect(LegacyMetrics().encoded() == bytes(3, bytes(1, []) + bytes(2, [])))
    }

    @Test func `the message's type is that of version 1`() {
        #expect(Metrics.legacy(LegacyMetrics()).message.typeURL == "io.containerd.cgroups.v1.Metrics")
    }
}
