#define _GNU_SOURCE
#include "clinux.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

_Static_assert(CLINUX_IN == EPOLLIN && CLINUX_OUT == EPOLLOUT && CLINUX_ERR == EPOLLERR, "what Swift compares with");
_Static_assert(CLINUX_HUP == EPOLLHUP && CLINUX_PRIORITY == EPOLLPRI, "what Swift compares with");

_Static_assert(SIGCHLD == 17 && SIGINT == 2 && SIGTERM == 15 && SIGUSR1 == 10, "what Swift compares with");

int64_t clinux_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t clinux_wall_clock(int32_t *nanoseconds) {
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    *nanoseconds = (int32_t)t.tv_nsec;
    return t.tv_sec;
}

int32_t clinux_epoll_create(void) {
    int fd = epoll_create1(EPOLL_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static int32_t control(int32_t epoll, int operation, int32_t fd, uint32_t events, uint64_t token) {
    uint32_t flags = events & ~(uint32_t)CLINUX_EDGE;
    if (events & CLINUX_EDGE) flags |= EPOLLET;
    struct epoll_event event = {.events = flags, .data.u64 = token};
    return epoll_ctl(epoll, operation, fd, &event) < 0 ? -errno : 0;
}

int32_t clinux_epoll_add(int32_t epoll, int32_t fd, uint32_t events, uint64_t token) {
    return control(epoll, EPOLL_CTL_ADD, fd, events, token);
}

int32_t clinux_epoll_change(int32_t epoll, int32_t fd, uint32_t events, uint64_t token) {
    return control(epoll, EPOLL_CTL_MOD, fd, events, token);
}

int32_t clinux_epoll_remove(int32_t epoll, int32_t fd) {
    return epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL) < 0 ? -errno : 0;
}

int32_t clinux_epoll_wait(int32_t epoll, uint64_t *tokens, uint32_t *events, int32_t capacity, int32_t milliseconds) {
    struct epoll_event reports[64];
    int n = epoll_wait(epoll, reports, capacity < 64 ? capacity : 64, milliseconds);
    if (n < 0) return errno == EINTR ? 0 : -errno;
    for (int i = 0; i < n; i++) {
        tokens[i] = reports[i].data.u64;
        events[i] = reports[i].events;
    }
    return n;
}

int32_t clinux_event_counter(void) {
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

int32_t clinux_signals(void) {
    clinux_ignore_broken_pipes();
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGUSR1);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0) return -errno;
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

uint64_t clinux_take_signals(int32_t signals) {
    struct signalfd_siginfo infos[4];  // these signals do not queue: there are no more
    ssize_t n = read(signals, infos, sizeof infos);
    uint64_t taken = 0;
    for (ssize_t i = 0; i < n / (ssize_t)sizeof *infos; i++) taken |= 1ull << infos[i].ssi_signo;
    return taken;
}

void clinux_sleep(int32_t milliseconds) {
    struct timespec t = {.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000L};
    nanosleep(&t, NULL);
}

_Noreturn void clinux_exit(int32_t code) { _exit(code); }
