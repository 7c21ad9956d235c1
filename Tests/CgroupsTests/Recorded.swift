import Linux

/// Texts as kernels wrote them.
enum Recorded {
    /// Of a Firecracker machine with both versions.
    static let hybridMounts = mounts(
        """
        23 1 254:0 / / rw,relatime - ext4 /dev/root rw
        31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
        32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
        33 31 0:30 / /sys/fs/cgroup/cpuacct rw,relatime - cgroup cgroup rw,cpuacct
        35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
        36 31 0:33 / /sys/fs/cgroup/devices rw,relatime - cgroup cgroup rw,devices
        39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids
        40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
        41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
        """)
    static let hybridShim = Array(
        """
        9:name=systemd:/
        8:pids:/
        7:blkio:/
        6:freezer:/
        5:devices:/
        4:memory:/process_api/7cccca67050ad54e32df90732e01e473
        3:cpuset:/
        2:cpuacct:/
        1:cpu:/
        0::/

        """.utf8)
    static let hybridContainer = Array(
        """
        9:name=systemd:/default/web
        8:pids:/default/web
        5:devices:/default/web
        4:memory:/default/web
        1:cpu:/default/web
        0::/default/web

        """.utf8)
    /// Of a container of Docker's on a machine with version 1: its own cgroups seem to be the roots.
    static let nestedMounts = mounts(
        """
        676 675 0:29 /docker/5f1c /sys/fs/cgroup/cpu,cpuacct ro,nosuid master:11 - cgroup cgroup rw,cpu,cpuacct
        677 675 0:33 /docker/5f1c /sys/fs/cgroup/devices ro,nosuid master:15 - cgroup cgroup rw,devices
        """)
    static let unifiedContainer = Array("0::/system.slice/web:1.scope\n".utf8)
    static let unifiedShim = Array("0::/system.slice/containerd.service\n".utf8)

    private static func mounts(_ text: String) -> [MountInfo] { MountInfo.parse(Array(text.utf8)) { _, _ in true } }
}
