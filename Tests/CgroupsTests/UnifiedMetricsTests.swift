import Linux
import Testing

@testable import Cgroups

struct UnifiedMetricsTests {
    private func metrics(_ files: [String: String], sizes: [String] = ["2MB", "1GB"]) throws -> UnifiedMetrics? {
        let scratch = try Scratch(files)
        return UnifiedMetrics(directory: scratch.path, hugePageSizes: sizes)
    }

    @Test func `every file is in its place`() throws {
        let metrics = try #require(try metrics(Recorded.unifiedFiles))
        #expect(metrics.pids == Metrics.Pids(current: 3, limit: .max))
        #expect(metrics.processor == [91573, 51573, 40000, 12, 4, 7001, 2, 99])
        #expect(metrics.memory == (101...131).map { UInt64($0) })
        #expect(metrics.memoryUse == [2_097_152, 67_108_864, 4096, .max, 3_145_728, 8192])
        #expect(metrics.memoryEvents == [1, 2, 3, 4, 5, 6])
        #expect(
            metrics.devices == [
                UnifiedMetrics.Device(major: 254, minor: 0, bytesRead: 8192, bytesWritten: 4096, reads: 2, writes: 1),
                UnifiedMetrics.Device(major: 8, minor: 16, bytesRead: 1, bytesWritten: 2, reads: 3, writes: 4),
            ])
        #expect(
            metrics.rdma
                == Metrics.RDMA(
                    current: [
                        Metrics.RDMADevice(name: "mlx4_0", handles: 2, objects: 2000),
                        Metrics.RDMADevice(name: "ocrdma1", handles: 3, objects: 0),
                    ],
                    limit: [
                        Metrics.RDMADevice(name: "mlx4_0", handles: 2, objects: 2000),
                        Metrics.RDMADevice(name: "ocrdma1", handles: 3, objects: .max),
                    ]))
        #expect(
            metrics.hugePages == [
                Metrics.HugePages(size: "2MB", usage: 4_194_304, max: .max, failures: 5),
                Metrics.HugePages(size: "1GB"),
            ])
    }

    @Test func `pressure is told of processors, memory and devices`() throws {
        let metrics = try #require(try metrics(Recorded.unifiedFiles))
        let zero = UnifiedMetrics.Stall()
        #expect(
            metrics.processorPressure
                == UnifiedMetrics.Pressure(
                    some: UnifiedMetrics.Stall(average10: 1.25, average60: 0.3, average300: 12.07, total: 84215),
                    full: zero))
        #expect(metrics.memoryPressure?.some == UnifiedMetrics.Stall(average60: 0.01, average300: 0.02, total: 7))
        #expect(metrics.memoryPressure?.full == UnifiedMetrics.Stall(average300: 99.99, total: 3))
        #expect(metrics.ioPressure?.some == UnifiedMetrics.Stall(average10: 3.5, total: 17))
        #expect(metrics.ioPressure?.full == UnifiedMetrics.Stall(average10: 3.25, total: 16))
    }

    @Test func `pressure of an older kernel has one line, or is not there`() throws {
        let old = try metrics(["cpu.pressure": "some avg10=0.00 avg60=0.00 avg300=0.00 total=5\n"])
        #expect(old?.processorPressure?.some?.total == 5)
        #expect(old?.processorPressure?.full == nil)
        #expect(try metrics(["pids.current": "1\n"])?.processorPressure == nil)
    }

    @Test func `what has no file is zero`() throws {
        let metrics = try #require(try metrics(["cgroup.procs": "", "cpu.stat": "usage_usec 5\n"], sizes: ["64KB"]))
        #expect(metrics.pids == Metrics.Pids())
        #expect(metrics.processor == [5, 0, 0, 0, 0, 0, 0, 0])
        #expect(metrics.memory == [UInt64](repeating: 0, count: 31))
        #expect(metrics.memoryUse == [0, 0, 0, 0, 0, 0])
        #expect(metrics.memoryEvents == nil)
        #expect(metrics.devices == [])
        #expect(metrics.rdma == Metrics.RDMA())
        #expect(metrics.hugePages == [Metrics.HugePages(size: "64KB")])
    }

    @Test func `a device's numbers are not given to one that has none`() throws {
        // As kernel 5.4 wrote it: a device without numbers does not end its line.
        let metrics = try metrics(["io.stat": "7:0 7:1 254:0 rbytes=1 wbytes=2 rios=3 wios=4\n"])
        #expect(
            metrics?.devices == [
                UnifiedMetrics.Device(major: 254, minor: 0, bytesRead: 1, bytesWritten: 2, reads: 3, writes: 4)
            ])
    }

    @Test func `a cgroup that is gone has none`() throws {
        #expect(UnifiedMetrics(directory: "/no/such/cgroup", hugePageSizes: ["2MB"]) == nil)
    }

    @Test func `nor has one that is removed while it is read, or has another in its place`() throws {
        let scratch = try Scratch()
        for isMadeAgain in [false, true] {
            let path = try scratch.add(directory: "\(scratch.path)/cgroup")
            var files = FileScanner()
            let isThere = files.enter(path)
            #expect(isThere)
            Files.removeDirectory(path)
            if isMadeAgain { try Files.makeDirectory(path, mode: 0o755) }
            let metrics = UnifiedMetrics(&files, hugePageSizes: ["2MB"])
            #expect(metrics == nil)
        }
    }
}
