import Containers
import Linux
import Protobuf
import Reactor
import TTRPC
import _Concurrency

extension TaskService {
    /// Somebody who asked for a deletion.
    struct Deleter {
        let stream: Server.Stream
        /// When nine tenths of its time are over: where the runtime took so long, the answer does so too.
        let deadline: Int64?

        init(_ call: Call) {
            stream = call.stream
            deadline = call.timeout.map { Monotonic.now() + $0.nanoseconds / 10 * 9 }
        }
    }

    func delete(_ call: Call) throws(Failure) {
        let message = try decoded { () throws(Failure) in try ProcessRequest(decoding: call.payload) }
        if message.execID.isEmpty, creating[message.id] != nil { return hold(call, untilCreated: message.id) }
        if message.execID.isEmpty, let container = unheard.removeAndShrink(message.id) {
            return server.answer(call.stream, Self.deletion(of: container.initial))
        }
        let container = try container(message.id)
        let process = try container.process(message.execID)
        let key = Key(id: message.id, exec: message.execID)
        guard deletions[key] == nil else {
            deletions[key]?.append(Deleter(call))  // they get the same answer
            return
        }
        deletions[key] = [Deleter(call)]
        Loop.start { _ = await self.delete(process, key, of: container) }
    }

    /// Deletes what is in ``deletions``, and answers who asked for it; false if it failed.
    func delete(_ process: TaskProcess, _ key: Key, of container: Container) async -> Bool {
        defer { endIfAsked() }
        do throws(Failure) {
            if key.exec.isEmpty { try await container.delete() } else { try await container.delete(exec: key.exec) }
            let deleters = deletions.removeValue(forKey: key) ?? []
            if key.exec.isEmpty {
                if isEmpty { lastDeleter = deleters.first?.stream.connection }
                if !deleters.isEmpty, !deleters.contains(where: hears) { unheard[key.id] = container }
            }
            let response = Self.deletion(of: process)
            for deleter in deleters { server.answer(deleter.stream, response) }
            return true
        } catch {
            let deleters = deletions.removeValue(forKey: key) ?? []
            // Whoever hears of it says later whether we are to end.
            if key.exec.isEmpty, !deleters.isEmpty { isToEnd = false }
            for deleter in deleters { server.answer(deleter.stream, error) }
            if deleters.isEmpty { log(.warning, "delete", "id=\(key.id) error=\(Log.quoted(error.message))") }
            return false
        }
    }

    private func hears(_ deleter: Deleter) -> Bool {
        server.hasPeer(deleter.stream.connection) && deleter.deadline.map { Monotonic.now() < $0 } ?? true
    }

    private static func deletion(of process: TaskProcess) -> [UInt8] {
        let exit = process.state.exit
        return DeleteResponse(
            pid: UInt32(process.pid), exitStatus: exit?.status ?? 0, exitedAt: exit?.time ?? .never
        ).encoded()
    }
}
