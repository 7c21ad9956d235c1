// Spawning with CLONE_VM | CLONE_VFORK: the child borrows our memory, we stand still until it has
// called execve. So its side must be C that allocates nothing, a part of our stack is enough, and no
// descriptor of ours is ever open in a child for longer than this call.
#define _GNU_SOURCE
#include "clinux.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { most_descriptors = 16 };
extern char **environ;

// What we are given as a shim is not for our children: they have what was before, as these say it.
static int huge_pages_before = -1;  // as PR_GET_THP_DISABLE answered; -1: it is as it was
static char score_of_children[8];   // empty: ours
static bool only_sigpipe_is_ignored;

// An ignored signal stays ignored across execve; those that glibc keeps for itself too, which sigaction(3) refuses and
// make hands on as ignored.
struct disposition {
    void (*handler)(int);
    unsigned long flags;
    void *restorer;
    uint64_t mask;
};

static void set_default(int number) {
    struct disposition by_default = {0};
    syscall(SYS_rt_sigaction, number, &by_default, NULL, sizeof by_default.mask);
}

void clinux_ignore_broken_pipes(void) {
    for (int number = 1; number < NSIG; number++) {
        struct disposition now = {0};
        syscall(SYS_rt_sigaction, number, NULL, &now, sizeof now.mask);
        if (now.handler == SIG_IGN) set_default(number);
    }
    signal(SIGPIPE, SIG_IGN);
    only_sigpipe_is_ignored = true;
}

int32_t clinux_disable_huge_pages(void) {
    int before = prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0);
    if (before < 0 || prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) < 0) return -errno;
    huge_pages_before = before;
    return 0;
}

void clinux_set_score_of_children(int32_t score) {
    snprintf(score_of_children, sizeof score_of_children, "%d", score);
}

static void take_score(void) {
    if (!score_of_children[0]) return;
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0) return;
    // A score that is lower than ours may be refused; then it is ours.
    (void)!write(fd, score_of_children, strlen(score_of_children));
    close(fd);
}

struct birth {
    const struct clinux_program *program;
    int error;
};

// The child's 0, 1, 2, ... as listed, whatever order and overlap the list has: first every one out
// of the way, then each to its place.
static int place_descriptors(const struct clinux_program *program) {
    int moved[most_descriptors];
    for (int i = 0; i < program->descriptor_count; i++) {
        moved[i] = fcntl(program->descriptors[i], F_DUPFD, most_descriptors);
        if (moved[i] < 0) return -1;
    }
    for (int i = 0; i < program->descriptor_count; i++) {
        if (dup2(moved[i], i) < 0) return -1;
    }
    return (int)syscall(SYS_close_range, program->descriptor_count, ~0u, 0);
}

static int child_side(void *argument) {
    struct birth *birth = argument;
    const struct clinux_program *program = birth->program;
    take_score();
    if (only_sigpipe_is_ignored) {
        set_default(SIGPIPE);
    } else {
        for (int number = 1; number < NSIG; number++) set_default(number);
    }
    if (place_descriptors(program) == 0 && (!program->directory || chdir(program->directory) == 0)
        && (!program->own_group || setpgid(0, 0) == 0)) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        execve(program->path, (char *const *)program->argv, program->environment ? (char *const *)program->environment : environ);
    }
    birth->error = errno;
    _exit(127);
}

int32_t clinux_spawn(const struct clinux_program *program, int32_t *pidfd) {
    char stack[32 * 1024] __attribute__((aligned(16)));
    if (program->descriptor_count > most_descriptors) return -E2BIG;
    struct birth birth = {.program = program};
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    // execve makes the new memory with the flag of the old one, which until then is ours (CLONE_VM).
    if (huge_pages_before >= 0) prctl(PR_SET_THP_DISABLE, huge_pages_before & 1, huge_pages_before & ~1, 0, 0);
    int pid = clone(child_side, stack + sizeof stack, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &birth, pidfd);
    int error = errno;
    if (huge_pages_before >= 0) prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (pid < 0) return -error;
    if (birth.error == 0) return pid;
    waitid(P_PIDFD, (id_t)*pidfd, &(siginfo_t){0}, WEXITED);
    close(*pidfd);
    return -birth.error;
}

int32_t clinux_pidfd_open(int32_t pid) {
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    return fd < 0 ? -errno : fd;
}

int32_t clinux_pidfd_kill(int32_t pidfd, int32_t signal) {
    return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

int32_t clinux_kill_group(int32_t leader) { return kill(-leader, SIGKILL) < 0 ? -errno : 0; }

// A child that has made us its tracer (PTRACE_TRACEME), and stops now at a signal, goes on without one: the kernel tells us of
// such stops unasked, as it does of deaths. False if `info` is a death.
static bool lets_go(const siginfo_t *info) {
    if (info->si_code != CLD_TRAPPED) return false;
    int number = info->si_status & 0x7f;
    siginfo_t why;
    // For its tracer alone is what execve sends, and not what an int3 raises.
    if (number == SIGTRAP && ptrace(PTRACE_GETSIGINFO, info->si_pid, 0, &why) == 0 && why.si_code <= 0) number = 0;
    ptrace(PTRACE_DETACH, info->si_pid, 0, number);
    return true;
}

static int32_t reap(idtype_t kind, int32_t number) {
    siginfo_t info = {0};
    if (waitid(kind, (id_t)number, &info, WEXITED | WNOHANG) < 0) return -errno;
    if (info.si_pid == 0 || lets_go(&info)) return -EAGAIN;
    return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

static int32_t is_child(idtype_t kind, int32_t number) {
    siginfo_t info = {0};
    return waitid(kind, (id_t)number, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ? -errno : 1;
}

int32_t clinux_reap(int32_t pidfd) { return reap(P_PIDFD, pidfd); }
int32_t clinux_is_child(int32_t pidfd) { return is_child(P_PIDFD, pidfd); }
int32_t clinux_reap_pid(int32_t pid) { return reap(P_PID, pid); }
int32_t clinux_is_child_pid(int32_t pid) { return is_child(P_PID, pid); }
int32_t clinux_kill_child(int32_t pid) { return clinux_is_child_pid(pid) != 1 || kill(pid, SIGKILL) < 0 ? -ESRCH : 0; }

int32_t clinux_next_dead_child(void) {
    // Bounded, for one that is let go may stop again. Then there is another SIGCHLD.
    for (int round = 0; round < 64; round++) {
        siginfo_t info = {0};
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0) return errno == ECHILD ? 0 : -errno;
        if (!lets_go(&info)) return info.si_pid;
    }
    return 0;
}
