package import Linux
package import Reactor
import _Concurrency

/// The mounts of a container's rootfs, undone when this is dropped unless it was kept.
public struct RootfsMount: ~Copyable {
    private let rootfs: String
    private var isKept: Bool

    /// Mounts in order, the first at `rootfs`, which must exist; after a failure nothing is mounted.
    /// No mounts at all are mounted and undone by nobody. Suspends only while a program mounts.
    @Loop
    package init(mounting mounts: [Mount], at rootfs: String) async throws(Failure) {
        self.rootfs = rootfs
        isKept = mounts.isEmpty
        do throws(Failure) {
            for mount in mounts { try await mount.mount(inside: rootfs) }
        } catch {
            throw error.adding("failed to mount rootfs component")
        }
    }

    deinit {
        guard !isKept else { return }
        do throws(Failure) {
            _ = try MountTable.unmountAll(below: rootfs, detach: true)
        } catch {}  // containerd looks for what is left when it deletes the bundle
    }

    /// The mounts are somebody else's to undo from now on.
    package consuming func keep() { isKept = true }
}
