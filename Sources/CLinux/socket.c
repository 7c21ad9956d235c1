#define _GNU_SOURCE
#include "clinux.h"
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int open_socket(const char *path, struct sockaddr_un *address) {
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address->sun_path) return -ENAMETOOLONG;
    strcpy(address->sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return fd < 0 ? -errno : fd;
}

int32_t clinux_listen(const char *path) {
    struct sockaddr_un address;
    int fd = open_socket(path, &address);
    if (fd < 0) return fd;
    if (bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 4096) == 0) return fd;
    int error = errno;
    close(fd);
    return -error;
}

int32_t clinux_connect(const char *path) {
    struct sockaddr_un address;
    int fd = open_socket(path, &address);
    if (fd < 0) return fd;
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
    int error = errno;
    close(fd);
    return -error;
}

int32_t clinux_accept(int32_t fd) {
    int peer;
    do peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    while (peer < 0 && errno == EINTR);
    return peer < 0 ? -errno : peer;
}

int32_t clinux_socket_path(int32_t fd, char *path) {
    struct sockaddr_un address = {0};
    socklen_t size = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &size) < 0) return -errno;
    if (address.sun_family != AF_UNIX) return -EINVAL;
    memcpy(path, address.sun_path, sizeof address.sun_path);
    path[sizeof address.sun_path] = 0;
    return 0;
}

int32_t clinux_peer_is_us(int32_t fd) {
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) return -errno;
    return peer.uid == geteuid() && peer.gid == getegid();
}

int32_t clinux_receive_descriptor(int32_t fd) {
    char payload[4096];
    union {
        char bytes[CMSG_SPACE(sizeof(int) * 4)];
        struct cmsghdr alignment;
    } control;
    struct iovec vector = {.iov_base = payload, .iov_len = sizeof payload};
    struct msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t n;
    do n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n < 0) return -errno;
    int received[4], count = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
        count = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(received, CMSG_DATA(c), sizeof(int) * (size_t)count);
    }
    if (count == 1 && !(message.msg_flags & MSG_CTRUNC)) return received[0];
    for (int i = 0; i < count; i++) close(received[i]);
    return -EPROTO;
}
