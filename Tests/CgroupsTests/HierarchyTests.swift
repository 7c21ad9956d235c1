import Linux
import Testing

@testable import Cgroups

struct HierarchyTests {
    @Test func `version 1 names controllers, version 2 none`() {
        let lines = Hierarchy.memberships(Array("12:cpu,cpuacct:/a\n3:name=systemd:/b\n0::/c:d\n".utf8))
        #expect(
            lines == [
                Hierarchy.Membership(controllers: ["cpu", "cpuacct"], path: "/a"),
                Hierarchy.Membership(controllers: ["name=systemd"], path: "/b"),
                Hierarchy.Membership(controllers: [], path: "/c:d"),
            ])
    }

    @Test func `what is no such line is passed over`() {
        #expect(Hierarchy.memberships(Array("\nnonsense\n1:x\n".utf8)) == [])
    }

    @Test(arguments: [
        ("devices", "/sys/fs/cgroup/devices/default/web"), ("name=systemd", "/sys/fs/cgroup/systemd/default/web"),
        ("cpu", "/sys/fs/cgroup/cpu/default/web"), ("freezer", nil), ("systemd", nil), ("unified", nil),
    ])
    func `a controller has its own directory`(controller: String, directory: String?) {
        #expect(
            Hierarchy.directory(of: "/default/web", controller: controller, mounts: Recorded.hybridMounts) == directory)
    }

    @Test(arguments: [
        ("/docker/5f1c/web", "/sys/fs/cgroup/cpu,cpuacct/web"), ("/docker/5f1c", "/sys/fs/cgroup/cpu,cpuacct"),
        ("/docker/5f1cc", nil), ("/other", nil),
    ])
    func `what is mounted may be a part of the hierarchy`(path: String, directory: String?) {
        #expect(Hierarchy.directory(of: path, controller: "cpuacct", mounts: Recorded.nestedMounts) == directory)
    }

    @Test func `this machine's mode is what is mounted`() throws {
        let text = try Files.text("/proc/self/mountinfo")
        switch Hierarchy.mode() {
        case .unified: #expect(text.contains(" /sys/fs/cgroup rw") && text.contains(" - cgroup2 "))
        case .hybrid: #expect(text.contains(" /sys/fs/cgroup/unified ") && text.contains(" - cgroup cgroup "))
        case .legacy: #expect(!text.contains(" - cgroup2 "))
        case .unavailable: #expect(!text.contains(" - cgroup cgroup "))
        }
    }
}
