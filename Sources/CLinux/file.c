#define _GNU_SOURCE
#include "clinux.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <termios.h>
#include <unistd.h>

_Static_assert(CLINUX_EPERM == EPERM && CLINUX_ENOENT == ENOENT && CLINUX_ESRCH == ESRCH, "errno");
_Static_assert(CLINUX_EINTR == EINTR && CLINUX_E2BIG == E2BIG, "errno");
_Static_assert(CLINUX_EAGAIN == EAGAIN && CLINUX_EACCES == EACCES && CLINUX_EBUSY == EBUSY, "errno");
_Static_assert(CLINUX_EEXIST == EEXIST && CLINUX_EINVAL == EINVAL && CLINUX_EPIPE == EPIPE, "errno");
_Static_assert(CLINUX_ENODEV == ENODEV && CLINUX_ELOOP == ELOOP && CLINUX_EOPNOTSUPP == EOPNOTSUPP, "errno");
_Static_assert(CLINUX_ECONNABORTED == ECONNABORTED && CLINUX_ECONNREFUSED == ECONNREFUSED, "errno");
_Static_assert(CLINUX_O_RDWR == O_RDWR && CLINUX_O_CREAT == O_CREAT, "flags");
_Static_assert(CLINUX_O_TRUNC == O_TRUNC && CLINUX_O_APPEND == O_APPEND && CLINUX_O_NONBLOCK == O_NONBLOCK, "flags");
_Static_assert(CLINUX_O_DIRECTORY == O_DIRECTORY && CLINUX_O_PATH == O_PATH, "flags");

static int32_t result(long r) { return r < 0 ? -errno : (int32_t)r; }

#define RETRIED(type, call) ({ type r_; do r_ = (call); while (r_ < 0 && errno == EINTR); r_; })

int32_t clinux_close(int32_t fd) { return result(close(fd)); }

int64_t clinux_read(int32_t fd, void *bytes, size_t count) {
    ssize_t n = RETRIED(ssize_t, read(fd, bytes, count));
    return n < 0 ? -errno : n;
}

int64_t clinux_write(int32_t fd, const void *bytes, size_t count) {
    ssize_t n = RETRIED(ssize_t, write(fd, bytes, count));
    return n < 0 ? -errno : n;
}

int64_t clinux_read_at(int32_t fd, void *bytes, size_t count, int64_t offset) {
    ssize_t n = RETRIED(ssize_t, pread(fd, bytes, count, offset));
    return n < 0 ? -errno : n;
}

int64_t clinux_write_at(int32_t fd, const void *bytes, size_t count, int64_t offset) {
    ssize_t n = RETRIED(ssize_t, pwrite(fd, bytes, count, offset));
    return n < 0 ? -errno : n;
}

int64_t clinux_splice(int32_t from, int32_t to, size_t count) {
    ssize_t n = RETRIED(ssize_t, splice(from, NULL, to, NULL, count, SPLICE_F_MOVE | SPLICE_F_NONBLOCK));
    return n < 0 ? -errno : n;
}

int32_t clinux_open(const char *path, int32_t flags, uint32_t mode) {
    return result(RETRIED(int, open(path, flags | O_CLOEXEC, mode)));
}

int32_t clinux_open_temporary(const char *directory) {
    int fd = RETRIED(int, open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR)) return result(fd);
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/.swiftrunc-XXXXXX", directory) >= (int)sizeof path) return -ENAMETOOLONG;
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0) unlink(path);
    return result(fd);
}

int32_t clinux_open_at(int32_t directory, const char *path, int32_t flags) {
    return result(RETRIED(int, openat(directory, path, flags | O_CLOEXEC)));
}

int32_t clinux_pipe(int32_t *ends) { return result(pipe2(ends, O_CLOEXEC)); }

int32_t clinux_set_nonblocking(int32_t fd) {
    int flags = fcntl(fd, F_GETFL);
    return flags < 0 ? -errno : result(fcntl(fd, F_SETFL, flags | O_NONBLOCK));
}

int32_t clinux_pipe_unread(int32_t fd) {
    int n = 0;
    return ioctl(fd, FIONREAD, &n) < 0 ? -errno : n;
}

int32_t clinux_is_terminal(int32_t fd) {
    struct termios t;
    return result(tcgetattr(fd, &t));
}

int32_t clinux_resize_terminal(int32_t fd, uint16_t rows, uint16_t columns) {
    struct winsize size = {.ws_row = rows, .ws_col = columns};
    return result(ioctl(fd, TIOCSWINSZ, &size));
}

int32_t clinux_change_owner(int32_t fd, uint32_t uid, uint32_t gid) { return result(fchown(fd, uid, gid)); }
int32_t clinux_lock(int32_t fd) { return result(RETRIED(int, flock(fd, LOCK_EX | LOCK_NB))); }
int32_t clinux_duplicate(int32_t fd, int32_t target) { return result(dup3(fd, target, O_CLOEXEC)); }
int32_t clinux_close_from(int32_t first) { return result(syscall(SYS_close_range, first, ~0u, 0)); }
int32_t clinux_make_directory(const char *path, uint32_t mode) { return result(mkdir(path, mode)); }
int32_t clinux_remove_directory(const char *path) { return result(rmdir(path)); }
int32_t clinux_unlink(const char *path) { return result(unlink(path)); }

static int remove_entry(const char *path, const struct stat *s, int kind, struct FTW *place) {
    (void)s, (void)kind, (void)place;
    return remove(path);
}

int32_t clinux_remove_tree(const char *path) {
    return result(nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT));
}

int32_t clinux_memory_file(const char *name) { return result(memfd_create(name, MFD_CLOEXEC)); }
int32_t clinux_rename(const char *from, const char *to) { return result(rename(from, to)); }
int32_t clinux_change_mode(const char *path, uint32_t mode) { return result(chmod(path, mode)); }
int32_t clinux_current_directory(char *buffer, size_t size) { return getcwd(buffer, size) ? 0 : -errno; }
int32_t clinux_access_executable(const char *path) { return result(access(path, X_OK)); }

static int32_t identity(int failed, const struct stat *s, uint64_t *device, uint64_t *inode) {
    if (failed) return -errno;
    *device = s->st_dev;
    *inode = s->st_ino;
    return 0;
}

int32_t clinux_identity(const char *path, uint64_t *device, uint64_t *inode) {
    struct stat s;
    return identity(stat(path, &s) < 0, &s, device, inode);
}

int32_t clinux_identity_of(int32_t fd, uint64_t *device, uint64_t *inode) {
    struct stat s;
    return identity(fstat(fd, &s) < 0, &s, device, inode);
}

int32_t clinux_is_directory(const char *path) {
    struct stat s;
    return stat(path, &s) < 0 ? -errno : S_ISDIR(s.st_mode);
}

int64_t clinux_file_size(const char *path) {
    struct stat s;
    return stat(path, &s) < 0 ? -errno : s.st_size;
}

int32_t clinux_seek(int32_t fd, int64_t offset) { return lseek(fd, offset, SEEK_SET) < 0 ? -errno : 0; }

int32_t clinux_resolve(const char *path, char *buffer) { return realpath(path, buffer) ? 0 : -errno; }

int64_t clinux_file_system(const char *path) {
    struct statfs s;
    return RETRIED(int, statfs(path, &s)) < 0 ? -errno : (int64_t)s.f_type;
}

int32_t clinux_list_directories(const char *path, char *buffer, int32_t size) {
    DIR *directory = opendir(path);
    if (!directory) return -errno;
    int32_t used = 0;
    for (struct dirent *entry; (entry = readdir(directory));) {
        if (entry->d_type != DT_DIR || strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        int32_t length = (int32_t)strlen(entry->d_name) + 1;
        if (length > size - used) {
            used = -E2BIG;
            break;
        }
        memcpy(buffer + used, entry->d_name, length);
        used += length;
    }
    closedir(directory);
    return used;
}

int32_t clinux_read_link(const char *path, char *buffer) {
    ssize_t n = readlink(path, buffer, 4095);
    if (n < 0) return -errno;
    buffer[n] = 0;
    return 0;
}

// The oldest of the files, into `oldest` (at least NAME_MAX + 1 bytes); returns how many there are.
static int32_t find_oldest(DIR *directory, const char *suffix, char *oldest) {
    int32_t count = 0;
    size_t end = strlen(suffix);
    struct timespec least = {0};
    rewinddir(directory);
    for (struct dirent *entry; (entry = readdir(directory));) {
        size_t length = strlen(entry->d_name);
        struct stat s;
        if (length < end || strcmp(entry->d_name + length - end, suffix) != 0) continue;
        if (fstatat(dirfd(directory), entry->d_name, &s, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(s.st_mode)) continue;
        bool is_older = s.st_mtim.tv_sec != least.tv_sec ? s.st_mtim.tv_sec < least.tv_sec : s.st_mtim.tv_nsec < least.tv_nsec;
        if (count++ > 0 && !is_older) continue;
        least = s.st_mtim;
        strcpy(oldest, entry->d_name);
    }
    return count;
}

int32_t clinux_remove_oldest(const char *path, const char *suffix, int32_t keep) {
    char oldest[NAME_MAX + 1];
    DIR *directory = opendir(path);
    if (!directory) return -errno;
    // Each takes a look at all of them; what is left now goes with the next calls.
    for (int round = 0; round < 8 && find_oldest(directory, suffix, oldest) > keep; round++)
        if (unlinkat(dirfd(directory), oldest, 0) < 0) break;
    closedir(directory);
    return 0;
}

// Not strerror: it brings gettext and its catalogues along.
const char *clinux_strerror(int32_t code) {
    const char *text = strerrordesc_np(code);
    return text ? text : "unknown error";
}
