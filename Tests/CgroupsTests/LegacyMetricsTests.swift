import Linux
import Testing

@testable import Cgroups

struct LegacyMetricsTests {
    private func metrics(_ files: [String: String], sizes: [String] = ["1GB", "2MB"]) throws -> LegacyMetrics? {
        let scratch = try Scratch(files.merging(["partitions": Recorded.partitions]) { first, _ in first })
        return LegacyMetrics(hugePageSizes: sizes, partitions: "\(scratch.path)/partitions") {
            "\(scratch.path)/\($0.rawValue)"
        }
    }

    private func without(_ names: String...) -> [String: String] {
        Recorded.legacyFiles.filter { file in !names.contains { file.key.hasPrefix($0) } }
    }

    @Test func `processor times are nanoseconds`() throws {
        let processor = try #require(try metrics(Recorded.legacyFiles)).processor
        #expect(processor.total == 15_825_630)
        #expect(processor.user == 40_000_000)
        #expect(processor.kernel == 10_000_000)
        #expect(processor.perProcessor == [3_131_220, 12_694_410])
        #expect(processor.throttling == [7, 3, 83_212_345])
    }

    @Test func `memory is in the order of containerd's message`() throws {
        let metrics = try #require(try metrics(Recorded.legacyFiles))
        let memory = try #require(metrics.memory)
        let own: [UInt64] = [
            4096, 49152, 2_097_152, 8192, 4097, 5, 372, 359, 637, 2, 45056, 4098, 6, 4099, 9,
        ]
        let total: [UInt64] = [
            14096, 149_152, 12_097_152, 18192, 14097, 15, 1372, 1359, 1637, 12, 145_056, 14098, 16, 14099, 19,
        ]
        #expect(memory.statistics == own + [67_108_864, 9_223_372_036_854_771_712] + total)
        #expect(memory.usage == LegacyMetrics.Charge(limit: 67_108_864, usage: 626_688, max: 1_986_560, failures: 11))
        #expect(
            memory.swap
                == LegacyMetrics.Charge(
                    limit: 9_223_372_036_854_771_712, usage: 626_689, max: 1_986_561, failures: 12))
        #expect(
            memory.kernel
                == LegacyMetrics.Charge(limit: 9_223_372_036_854_771_713, usage: 233_472, max: 585_728, failures: 13))
        #expect(
            memory.kernelTCP
                == LegacyMetrics.Charge(limit: 9_223_372_036_854_771_714, usage: 1, max: 2, failures: 14))
        #expect(metrics.oomControl == [1, 0, 4])
    }

    @Test func `no limit is 0`() throws {
        #expect(try metrics(Recorded.legacyFiles)?.pids == Metrics.Pids(current: 1, limit: 0))
        #expect(
            try metrics(["pids/pids.current": "4\n", "pids/pids.max": "100\n"])?.pids
                == Metrics.Pids(current: 4, limit: 100))
    }

    @Test(arguments: [
        (Controller.cpuacct, Controller.cpu), (.cpu, .memory), (.memory, .pids), (.pids, .rdma), (.rdma, .hugetlb),
        (.hugetlb, .blkio),
    ])
    func `what is removed while it is read has no numbers`(removed: Controller, next: Controller) throws {
        let scratch = try Scratch(["partitions": Recorded.partitions])
        for controller in Controller.allCases { try scratch.add(directory: "\(scratch.path)/\(controller.rawValue)") }
        let metrics = LegacyMetrics(hugePageSizes: [], partitions: "\(scratch.path)/partitions") { controller in
            if controller == next { Files.removeDirectory("\(scratch.path)/\(removed.rawValue)") }
            return "\(scratch.path)/\(controller.rawValue)"
        }
        #expect(metrics == nil)
    }

    @Test func `what has no controller is not there`() throws {
        let metrics = try #require(try metrics(["cpuacct/cpuacct.usage": "5\n"]))
        #expect(metrics.processor.total == 5)
        #expect(metrics.processor.throttling == [0, 0, 0])
        #expect(metrics.pids == nil)
        #expect(metrics.memory == nil)
        #expect(metrics.oomControl == nil)
        #expect(metrics.blockIO == nil)
        #expect(metrics.rdma == nil)
        #expect(metrics.hugePages == [])
    }

    @Test func `without swap accounting the rest of memory is still told`() throws {
        let memory = try #require(try metrics(without("memory/memory.memsw"))?.memory)
        #expect(memory.swap == LegacyMetrics.Charge())
        #expect(memory.kernel.usage == 233_472)
        #expect(memory.kernelTCP.failures == 14)
    }

    @Test func `huge pages and RDMA devices are told where their controllers are`() throws {
        let metrics = try metrics([
            "hugetlb/hugetlb.1GB.usage_in_bytes": "0\n", "hugetlb/hugetlb.1GB.max_usage_in_bytes": "1073741824\n",
            "hugetlb/hugetlb.1GB.failcnt": "0\n", "hugetlb/hugetlb.2MB.usage_in_bytes": "2097152\n",
            "hugetlb/hugetlb.2MB.max_usage_in_bytes": "4194304\n", "hugetlb/hugetlb.2MB.failcnt": "6\n",
            "rdma/rdma.current": "mlx5_0 hca_handle=1 hca_object=20\n",
            "rdma/rdma.max": "mlx5_0 hca_handle=max hca_object=30\n",
        ])
        #expect(
            metrics?.hugePages == [
                Metrics.HugePages(size: "1GB", max: 1_073_741_824),
                Metrics.HugePages(size: "2MB", usage: 2_097_152, max: 4_194_304, failures: 6),
            ])
        #expect(
            metrics?.rdma
                == Metrics.RDMA(
                    current: [Metrics.RDMADevice(name: "mlx5_0", handles: 1, objects: 20)],
                    limit: [Metrics.RDMADevice(name: "mlx5_0", handles: .max, objects: 30)]))
    }

    @Test func `cgroups that are gone have none`() throws {
        #expect(try metrics([:]) == nil)
    }
}
