import Linux
import Testing

@testable import Cgroups

struct BlockIOTests {
    private func blockIO(_ files: [String: String]) throws -> BlockIO? {
        let scratch = try Scratch(files.merging(["partitions": Recorded.partitions]) { first, _ in first })
        var scanner = FileScanner()
        guard scanner.enter("\(scratch.path)/blkio") else { return nil }
        return BlockIO(&scanner, partitions: "\(scratch.path)/partitions")
    }

    private func entry(
        _ operation: String, _ device: String, _ major: UInt64, _ minor: UInt64, _ value: UInt64
    ) -> BlockIO.Entry {
        BlockIO.Entry(operation: operation, device: device, major: major, minor: minor, value: value)
    }

    @Test func `without CFQ the throttle's lists are told, without the total of all`() throws {
        let lists = try #require(try blockIO(Recorded.legacyFiles)).lists
        #expect(
            lists == [
                [
                    entry("Read", "/dev/vda", 254, 0, 4096), entry("Write", "/dev/vda", 254, 0, 1_048_576),
                    entry("Sync", "/dev/vda", 254, 0, 1_048_576), entry("Async", "/dev/vda", 254, 0, 4096),
                    entry("Discard", "/dev/vda", 254, 0, 0), entry("Total", "/dev/vda", 254, 0, 1_052_672),
                    entry("Write", "", 259, 1, 512),
                ],
                [entry("Read", "/dev/vda", 254, 0, 1), entry("Write", "/dev/vda", 254, 0, 3)],
            ])
    }

    @Test func `each list of CFQ has its place`() throws {
        let lists = try #require(
            try blockIO([
                "blkio/blkio.io_service_bytes_recursive": "254:1 Read 1\nTotal 1\n",
                "blkio/blkio.io_serviced_recursive": "254:1 Read 2\nTotal 2\n",
                "blkio/blkio.io_queued_recursive": "254:1 Read 3\nTotal 3\n",
                "blkio/blkio.io_service_time_recursive": "254:1 Read 4\nTotal 4\n",
                "blkio/blkio.io_wait_time_recursive": "254:1 Read 5\nTotal 5\n",
                "blkio/blkio.io_merged_recursive": "254:1 Read 6\nTotal 6\n",
                "blkio/blkio.time_recursive": "254:1 7\n", "blkio/blkio.sectors_recursive": "254:1 8\n",
                "blkio/blkio.throttle.io_serviced": "254:1 Read 9\nTotal 9\n",
            ])
        ).lists
        let device = "/dev/vda1"
        #expect(
            lists == (1...6).map { [entry("Read", device, 254, 1, $0)] } + [
                [entry("", device, 254, 1, 7)], [entry("", device, 254, 1, 8)],
            ])
    }

    @Test func `where CFQ has counted nothing the throttle's lists are told`() throws {
        let lists = try #require(
            try blockIO([
                "blkio/blkio.io_serviced_recursive": "Total 0\n",
                "blkio/blkio.throttle.io_serviced": "254:0 Read 9\nTotal 9\n",
            ])
        ).lists
        #expect(lists == [[], [entry("Read", "/dev/vda", 254, 0, 9)]])
    }

    @Test func `a container that did nothing has empty lists`() throws {
        #expect(try blockIO(["blkio/blkio.throttle.io_serviced": "Total 0\n"])?.lists == [[], []])
    }
}
