import Cgroups
import Linux

/// What may be left of a container whose shim has died: its init, and whoever is in its cgroup. Neither is known by a
/// number or a name alone, for these may be somebody else's by now.
package struct Remains {
    private let process: ProcessIdentity?
    private let cgroup: LifeRecord.Place?

    package init(_ record: LifeRecord) {
        process = record.process
        cgroup = record.cgroup
    }

    /// Without a record, as in the Go shim's bundles: who has the pid of the runtime's file now, if its cgroup mentions the
    /// container `id`; that cgroup too, if it is named after the container.
    package init(of id: String, pid: Int32?) {
        let found = pid.flatMap { ProcessIdentity(of: $0) }
        guard let found, Self.isInCgroup(found, of: id) else {
            (process, cgroup) = (nil, nil)
            return
        }
        process = found
        guard let place = Cgroup.of(pid: found.pid), Self.isNamed(place.path, after: id),
            let identity = place.identity, found.isAlive
        else {
            cgroup = nil
            return
        }
        cgroup = LifeRecord.Place(path: place.path, identity: identity.text)
    }

    private static func isInCgroup(_ process: ProcessIdentity, of id: String) -> Bool {
        do throws(Failure) {
            return try Files.text("/proc/\(process.pid)/cgroup").mentions(id) && process.isAlive
        } catch {
            return false
        }
    }

    /// Whether a cgroup's path ends as the drivers name it: `/x/<id>`, or `/x/prefix-<id>.scope`, crun's with one below.
    static func isNamed(_ path: String, after id: String) -> Bool {
        var name = Paths.lastComponent(of: path)
        if name == "container" { name = Paths.lastComponent(of: Paths.parent(of: path)) }
        return name == id || name == "\(id).scope" || name.hasSuffix("-\(id).scope")
    }

    /// Whether init runs or, of one that is not known, whether anybody is in the cgroup.
    package var isAlive: Bool { process?.isAlive ?? !others.isEmpty }

    /// Whether anything runs.
    package var isLeft: Bool { process?.isAlive == true || !others.isEmpty }

    private var others: [Int32] { cgroup?.current?.processes() ?? [] }

    /// Kills all of it, and removes the cgroup. False if it is not gone at `deadline`, a moment of ``Monotonic``. For
    /// programs without a loop.
    package func end(by deadline: Int64) -> Bool {
        while true {
            if isLeft { kill() } else { cgroup?.current?.remove() }
            if !isLeft, cgroup?.current == nil { return true }
            guard Monotonic.now() < deadline else { return false }
            Process.sleep(milliseconds: 10)
        }
    }

    private func kill() {
        do throws(Failure) { try process?.kill() } catch {}  // it has ended
        cgroup?.current?.kill()
    }
}
