import Cgroups
import Containers
import Linux
import Protobuf
import TTRPC

extension TaskService {
    /// Stats: answered at once, from the kernel's files alone. A container keeps its numbers after its
    /// exit as long as its cgroup is there; then there is nothing to tell, and zeros would be read as
    /// counters that began anew.
    func stats(_ call: Call) throws(Failure) {
        let message = try decoded { () throws(Failure) in try TaskRequest(decoding: call.payload) }
        guard let metrics = try container(message.id).cgroup?.metrics() else {
            throw Failure(.notFound, "cgroup does not exist")
        }
        server.answer(call.stream, StatsResponse(stats: metrics.message).encoded())
    }
}

extension Metrics {
    /// containerd's message of it.
    var message: AnyMessage {
        switch self {
        case .unified(let metrics):
            AnyMessage(typeURL: "io.containerd.cgroups.v2.Metrics", value: metrics.encoded())
        case .legacy(let metrics):
            AnyMessage(typeURL: "io.containerd.cgroups.v1.Metrics", value: metrics.encoded())
        }
    }
}

extension MessageWriter {
    /// `RdmaStat`, which is the same in both versions.
    mutating func message(_ field: Int, _ rdma: Metrics.RDMA) {
        message(field) { writer in
            for device in rdma.current { writer.message(1, device) }
            for device in rdma.limit { writer.message(2, device) }
        }
    }

    private mutating func message(_ field: Int, _ device: Metrics.RDMADevice) {
        message(field) { writer in
            writer.text(1, device.name)
            writer.number(2, UInt64(device.handles))
            writer.number(3, UInt64(device.objects))
        }
    }
}
