import Cgroups
import Linux
import Reactor

/// Kills for lack of memory, told in their place: after the start, and before the exit that they explain
/// (C-3.73). What is killed may be init, an exec, or a child of either, whose end nobody else tells (P-64).
extension Container {
    /// Before the container runs, or at once after its restore. Where memory is not counted there is nothing
    /// to watch, and that is no reason to fail (P-66).
    func watchMemory() {
        guard let cgroup else { return publish(.memoryUnwatched(id: id, reason: "its cgroup is not known")) }
        do throws(Failure) {
            memoryWatch = try OOMWatch.begin(cgroup, countsEarlier: !request.checkpoint.isEmpty) { self.noteKill() }
            memoryWatch?.look()
        } catch {
            publish(.memoryUnwatched(id: id, reason: error.message))
        }
    }

    /// Its exit is the last that is told of a container.
    func stopWatchingMemory() {
        memoryWatch?.cancel()
        memoryWatch = nil
    }

    private func noteKill() {
        hasUntoldKill = true
        if initial.state.status != .created { tellKill() }
    }

    /// Tells what could not be told before: the container was still being started.
    func tellKill() {
        guard hasUntoldKill else { return }
        hasUntoldKill = false
        publish(.outOfMemory(id: id))
    }
}
