import Linux

/// What a later shim's `delete` is to know of init (``LifeRecord``). What cannot be written is told, and changes nothing.
extension Container {
    func recordBirth() {
        do throws(Failure) {
            try LifeRecord(id, pid: initial.isReaped ? nil : initial.pid, cgroup: cgroup).write(in: bundle)
        } catch {
            publish(.unrecorded(id: id, reason: error.message))
        }
    }

    func recordEnd(_ exit: Exit) {
        do throws(Failure) {
            try LifeRecord.add(exit, of: id, in: bundle)
        } catch {
            publish(.unrecorded(id: id, reason: error.message))
        }
    }
}
