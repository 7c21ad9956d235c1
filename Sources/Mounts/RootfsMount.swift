package import Linux
package import Reactor
import _Concurrency

/// The mounts of a container's rootfs. Who has one says in the end whether they are kept or undone, which takes its time;
/// of one that is dropped all the same nobody waits for the undoing.
public struct RootfsMount: ~Copyable {
    private let rootfs: String
    private var isDone: Bool

    /// Mounts in order, the first at `rootfs`, which must exist; after a failure nothing is mounted.
    /// No mounts at all are mounted and undone by nobody. Suspends as long as that takes.
    @Loop
    package init(mounting mounts: [Mount], at rootfs: String) async throws(Failure) {
        self.rootfs = rootfs
        isDone = mounts.isEmpty
        do throws(Failure) {
            for mount in mounts { try await mount.mount(inside: rootfs) }
        } catch {
            isDone = true
            await Self.unmount(rootfs)
            throw error.adding("failed to mount rootfs component")
        }
    }

    deinit {
        guard !isDone else { return }
        let rootfs = rootfs
        Loop.start { await Self.unmount(rootfs) }
    }

    /// The mounts are somebody else's to undo from now on.
    package consuming func keep() { isDone = true }

    /// Suspends until nothing is mounted there.
    @Loop
    package consuming func undo() async {
        let wasDone = isDone
        isDone = true
        if !wasDone { await Self.unmount(rootfs) }
    }

    @Loop
    private static func unmount(_ rootfs: String) async {
        do throws(Failure) {
            _ = try await MountTable.unmountAll(below: rootfs, detach: true)
        } catch {}  // containerd looks for what is left when it deletes the bundle
    }
}
