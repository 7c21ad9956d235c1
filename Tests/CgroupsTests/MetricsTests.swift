import Linux
import Testing

@testable import Cgroups

struct MetricsTests {
    @Test(arguments: [
        ("hugepages-64kB", "64KB"), ("hugepages-2048kB", "2MB"), ("hugepages-32768kB", "32MB"),
        ("hugepages-1048576kB", "1GB"), ("hugepages-16777216kB", "16GB"), ("hugepages-2048", nil),
        ("hugepages-xkB", nil), ("other", nil),
    ])
    func `a size of pages has the name that its files have`(directory: String, name: String?) {
        #expect(HugePageSizes.name(directory) == name)
    }

    @Test func `the sizes are those of the machine, none on one without`() throws {
        let scratch = try Scratch()
        for name in ["hugepages-2048kB", "hugepages-1048576kB", "else"] {
            try scratch.add(directory: "\(scratch.path)/\(name)")
        }
        #expect(HugePageSizes.names(directory: scratch.path) == ["1GB", "2MB"])
        #expect(HugePageSizes.names(directory: "/no/such/directory") == [])
    }

    @Test func `devices of RDMA without numbers are passed over`() throws {
        let scratch = try Scratch(["rdma.current": "mlx4_0 hca_handle=2 hca_object=5000000000\nmlx4_1\n\n"])
        var files = FileScanner()
        let isThere = files.enter(scratch.path)
        #expect(isThere)
        let devices = files.rdmaDevices(in: "rdma.current")
        #expect(devices == [Metrics.RDMADevice(name: "mlx4_0", handles: 2, objects: 0)])
        let none = files.rdmaDevices(in: "none")
        #expect(none == nil)
    }
}
