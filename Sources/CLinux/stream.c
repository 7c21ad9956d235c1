// What relays need of pipes, fifos and terminals, and the two things their tests make.
#define _GNU_SOURCE
#include "clinux.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(CLINUX_IN == POLLIN && CLINUX_OUT == POLLOUT && CLINUX_ERR == POLLERR && CLINUX_HUP == POLLHUP, "poll");

static int32_t result(long r) { return r < 0 ? -errno : (int32_t)r; }

int32_t clinux_poll(int32_t fd, uint32_t events) {
    struct pollfd entry = {.fd = fd, .events = (short)events};
    return poll(&entry, 1, 0) < 0 ? -errno : entry.revents;
}

int32_t clinux_copy_descriptor(int32_t fd) { return result(fcntl(fd, F_DUPFD_CLOEXEC, 3)); }
int32_t clinux_pipe_capacity(int32_t fd) { return result(fcntl(fd, F_GETPIPE_SZ)); }

int32_t clinux_set_pipe_capacity(int32_t fd, int32_t bytes) { return result(fcntl(fd, F_SETPIPE_SZ, bytes)); }

int32_t clinux_is_fifo_at(const char *path) {
    struct stat s;
    return stat(path, &s) < 0 ? -errno : S_ISFIFO(s.st_mode);
}

int32_t clinux_make_fifo(const char *path, uint32_t mode) { return result(mkfifo(path, mode)); }

int32_t clinux_open_terminal(int32_t *master) {
    int fd = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) return -errno;
    int unlocked = 0;
    int slave = ioctl(fd, TIOCSPTLCK, &unlocked) < 0 ? -1 : ioctl(fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    int error = errno;
    if (slave < 0) close(fd);
    else *master = fd;
    return slave < 0 ? -error : slave;
}

int32_t clinux_terminal_size(int32_t fd, uint16_t *rows, uint16_t *columns) {
    struct winsize size;
    if (ioctl(fd, TIOCGWINSZ, &size) < 0) return -errno;
    *rows = size.ws_row;
    *columns = size.ws_col;
    return 0;
}
