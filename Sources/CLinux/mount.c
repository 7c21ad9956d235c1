#define _GNU_SOURCE
#include "clinux.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

int32_t clinux_mount(const char *source, const char *target, const char *type, uint64_t flags, const char *data) {
    return mount(source, target, type, flags, data) < 0 ? -errno : 0;
}

int32_t clinux_unmount(const char *target, int32_t detach) {
    return umount2(target, detach ? MNT_DETACH : 0) < 0 ? -errno : 0;
}

int32_t clinux_page_size(void) { return (int32_t)sysconf(_SC_PAGESIZE); }

int32_t clinux_open_in_root(const char *root, const char *path) {
    int directory = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) return -errno;
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
    int fd = (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
    int error = errno;
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
