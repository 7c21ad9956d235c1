#define _GNU_SOURCE
#include "clinux.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/loop.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

int32_t clinux_mount(const char *source, const char *target, const char *type, uint64_t flags, const char *data) {
    return mount(source, target, type, flags, data) < 0 ? -errno : 0;
}

int32_t clinux_unmount(const char *target, int32_t detach) {
    return umount2(target, detach ? MNT_DETACH : 0) < 0 ? -errno : 0;
}

// Opens (O_PATH) the directory that the entry `point` is in.
static int open_parent(const char *point) {
    char parent[PATH_MAX];
    int length = (int)(strrchr(point, '/') - point);
    if (length >= (int)sizeof parent) return -ENAMETOOLONG;
    snprintf(parent, sizeof parent, "%.*s", length > 0 ? length : 1, point);
    struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS};
    int fd = (int)syscall(SYS_openat2, AT_FDCWD, parent, &how, sizeof how);
    return fd < 0 ? -errno : fd;
}

int32_t clinux_unmount_all_at(const uint8_t *point, int32_t detach) {
    int directory = open_parent((const char *)point);
    if (directory < 0) return -directory;
    char path[32 + NAME_MAX];
    int error = snprintf(path, sizeof path, "/proc/self/fd/%d%s", directory, strrchr((const char *)point, '/')) < (int)sizeof path
        ? 0 : ENAMETOOLONG;
    while (error == 0) {
        if (umount2(path, UMOUNT_NOFOLLOW) == 0) continue;
        error = errno;
        if (error == EBUSY && detach) error = umount2(path, UMOUNT_NOFOLLOW | MNT_DETACH) < 0 ? errno : 0;
    }
    close(directory);
    return error;
}

int32_t clinux_begin_apart(int32_t kept, int32_t *pidfd) {
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    struct clone_args birth = {.flags = CLONE_PIDFD, .pidfd = (uintptr_t)pidfd, .exit_signal = SIGCHLD};
    long pid = syscall(SYS_clone3, &birth, sizeof birth);
    int error = errno;
    if (pid != 0) {
        sigprocmask(SIG_SETMASK, &before, NULL);
        return pid < 0 ? -error : (int)pid;
    }
    if (kept > 0) syscall(SYS_close_range, 0, kept - 1, 0);
    syscall(SYS_close_range, kept + 1, ~0u, 0);
    prctl(PR_SET_NAME, "mount", 0, 0, 0);
    return 0;
}

int32_t clinux_page_size(void) { return (int32_t)sysconf(_SC_PAGESIZE); }

int32_t clinux_open_in_root(const char *root, const char *path) {
    int directory = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) return -errno;
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
    enum { attempts = 100 };
    int fd = -1, error = EAGAIN;
    // Of a path with `..` in it the kernel asks for another attempt if anything was renamed or mounted meanwhile.
    for (int i = 0; i < attempts && fd < 0 && error == EAGAIN; i++) {
        fd = (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
        error = errno;
    }
    close(directory);
    return fd < 0 ? -error : fd;
}

_Static_assert(CLINUX_MS_RDONLY == MS_RDONLY && CLINUX_MS_NOSUID == MS_NOSUID && CLINUX_MS_NODEV == MS_NODEV, "mount");
_Static_assert(CLINUX_MS_NOEXEC == MS_NOEXEC && CLINUX_MS_SYNCHRONOUS == MS_SYNCHRONOUS, "mount");
_Static_assert(CLINUX_MS_REMOUNT == MS_REMOUNT && CLINUX_MS_MANDLOCK == MS_MANDLOCK, "mount");
_Static_assert(CLINUX_MS_DIRSYNC == MS_DIRSYNC && CLINUX_MS_NOATIME == MS_NOATIME, "mount");
_Static_assert(CLINUX_MS_NODIRATIME == MS_NODIRATIME && CLINUX_MS_BIND == MS_BIND && CLINUX_MS_REC == MS_REC, "mount");
_Static_assert(CLINUX_MS_UNBINDABLE == MS_UNBINDABLE && CLINUX_MS_PRIVATE == MS_PRIVATE, "mount");
_Static_assert(CLINUX_MS_SLAVE == MS_SLAVE && CLINUX_MS_SHARED == MS_SHARED, "mount");
_Static_assert(CLINUX_MS_RELATIME == MS_RELATIME && CLINUX_MS_STRICTATIME == MS_STRICTATIME, "mount");

int64_t clinux_mount_flags(const char *path) {
    // ST_RELATIME is the one that has another number as a mount flag.
    enum { same = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME, st_relatime = 4096 };
    struct statfs s;
    if (statfs(path, &s) < 0) return -errno;
    return (s.f_flags & same) | (s.f_flags & st_relatime ? MS_RELATIME : 0);
}

int32_t clinux_fs_open(const char *type) {
    int fd = fsopen(type, FSOPEN_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int32_t clinux_fs_set(int32_t fs, const char *key, const char *value) {
    return fsconfig(fs, value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, key, value, 0) < 0 ? -errno : 0;
}

// What mount(2) makes of a flag for the mount itself; those for the file system are options of its own here.
static unsigned attributes(uint64_t flags) {
    return (flags & MS_RDONLY ? MOUNT_ATTR_RDONLY : 0) | (flags & MS_NOSUID ? MOUNT_ATTR_NOSUID : 0)
        | (flags & MS_NODEV ? MOUNT_ATTR_NODEV : 0) | (flags & MS_NOEXEC ? MOUNT_ATTR_NOEXEC : 0)
        | (flags & MS_NODIRATIME ? MOUNT_ATTR_NODIRATIME : 0)
        | (flags & MS_STRICTATIME ? MOUNT_ATTR_STRICTATIME : flags & MS_NOATIME ? MOUNT_ATTR_NOATIME : 0);
}

int32_t clinux_fs_make(int32_t fs, uint64_t flags) {
    if (flags & MS_RDONLY && fsconfig(fs, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0) return -errno;
    if (flags & MS_SYNCHRONOUS && fsconfig(fs, FSCONFIG_SET_FLAG, "sync", NULL, 0) < 0) return -errno;
    if (flags & MS_DIRSYNC && fsconfig(fs, FSCONFIG_SET_FLAG, "dirsync", NULL, 0) < 0) return -errno;
    if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) return -errno;
    int fd = fsmount(fs, FSMOUNT_CLOEXEC, attributes(flags));
    return fd < 0 ? -errno : fd;
}

int32_t clinux_clone_tree(int32_t place, int32_t recursive) {
    int fd = open_tree(
        place, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? AT_RECURSIVE : 0));
    return fd < 0 ? -errno : fd;
}

int32_t clinux_map_tree(int32_t tree, int32_t user_namespace, int32_t read_only) {
    struct mount_attr attr = {
        .attr_set = MOUNT_ATTR_IDMAP | (read_only ? MOUNT_ATTR_RDONLY : 0),
        .propagation = MS_PRIVATE,
        .userns_fd = (uint64_t)user_namespace,
    };
    return mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof attr) < 0 ? -errno : 0;
}

int32_t clinux_attach_tree(int32_t tree, int32_t place) {
    return move_mount(tree, "", place, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0 ? -errno : 0;
}

static int write_map(long pid, const char *name, const char *text) {
    char path[48];
    snprintf(path, sizeof path, "/proc/%ld/%s", pid, name);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return -errno;
    // A map is taken whole, by one write.
    int error = write(fd, text, strlen(text)) < 0 ? -errno : 0;
    close(fd);
    return error;
}

int32_t clinux_user_namespace(const char *uid_map, const char *gid_map) {
    int pidfd = -1;
    struct clone_args birth = {
        .flags = CLONE_NEWUSER | CLONE_PIDFD, .pidfd = (uintptr_t)&pidfd, .exit_signal = SIGCHLD};
    long pid = syscall(SYS_clone3, &birth, sizeof birth);
    if (pid < 0) return -errno;
    if (pid == 0) {
        // A namespace needs somebody in it while its maps are written; should we die meanwhile, so does it.
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        for (;;) pause();
    }
    char path[48];
    snprintf(path, sizeof path, "/proc/%ld/ns/user", pid);
    int result = write_map(pid, "uid_map", uid_map);
    if (result == 0) result = write_map(pid, "gid_map", gid_map);
    if (result == 0) {
        result = open(path, O_RDONLY | O_CLOEXEC);
        if (result < 0) result = -errno;
    }
    syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
    waitid(P_PIDFD, (id_t)pidfd, &(siginfo_t){0}, WEXITED);
    close(pidfd);
    return result;
}

// One device, which somebody else may take between its number and its use: then -EBUSY.
static int take_loop(int control, int file, int access, struct loop_config *config, int32_t *number) {
    char path[32];
    *number = ioctl(control, LOOP_CTL_GET_FREE);
    if (*number < 0) return -errno;
    snprintf(path, sizeof path, "/dev/loop%d", *number);
    int device = open(path, access | O_CLOEXEC);
    if (device < 0) return -errno;
    config->fd = (uint32_t)file;
    if (ioctl(device, LOOP_CONFIGURE, config) == 0) return device;
    int error = errno;
    close(device);
    return -error;
}

int32_t clinux_loop(const char *path, int32_t read_only, int32_t direct, int32_t *number) {
    enum { attempts = 100 };
    int access = read_only ? O_RDONLY : O_RDWR;
    struct loop_config config = {
        .info.lo_flags =
            LO_FLAGS_AUTOCLEAR | (read_only ? LO_FLAGS_READ_ONLY : 0) | (direct ? LO_FLAGS_DIRECT_IO : 0)};
    strncpy((char *)config.info.lo_file_name, path, LO_NAME_SIZE - 1);
    int file = open(path, access | O_CLOEXEC);
    if (file < 0) return -errno;
    int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    int result = control < 0 ? -errno : -EBUSY;
    for (int i = 0; i < attempts && result == -EBUSY; i++) result = take_loop(control, file, access, &config, number);
    if (control >= 0) close(control);
    close(file);
    return result;
}
