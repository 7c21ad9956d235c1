#define _GNU_SOURCE
#include "clinux.h"
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ALL_SIGNALS (~0ULL)
#define SIGNAL_BIT(number) (1ULL << ((number) - 1))

static bool waits(const struct clinux_refusal *r) {
    uint64_t id = r->notification;
    return ioctl(r->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

// Since when the thread with this number runs, in clock ticks after boot; -1 if there is none.
static long long begin_of(pid_t thread) {
    char path[32], text[4096];
    snprintf(path, sizeof path, "/proc/%d/stat", thread);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t count = file < 0 ? -1 : read(file, text, sizeof text - 1);
    if (file >= 0) close(file);
    text[count < 0 ? 0 : count] = 0;
    // Behind the name, in which anything may be, it is the 20th word (proc(5)).
    char *word = strrchr(text, ')');
    for (int i = 0; word && i < 20; i++) word = strchr(word + 1, ' ');
    return word ? strtoll(word, NULL, 10) : -1;
}

static long long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_BOOTTIME, &time);
    return (long long)time.tv_sec * sysconf(_SC_CLK_TCK) + time.tv_nsec / (1000000000 / sysconf(_SC_CLK_TCK));
}

// Whether it is the thread that has asked. One that waits is; of one that does not, the number is another's only if that one
// has begun since, for numbers come back after all others only.
static bool is_asker(const struct clinux_refusal *r, long long when) {
    if (waits(r)) return true;
    long long begin = begin_of(r->thread);
    return begin >= 0 && begin <= when;
}

#ifdef __x86_64__

#define RESTART_IF_NO_HANDLER (-512L)  // the kernel's ERESTARTSYS: what a wait that a tracer breaks leaves
#define RESTART (-513L)                // ERESTARTNOINTR
#define X32_BIT (1 << 30)
#define MASK_SIZE sizeof(uint64_t)

// afs_syscall, of the kind that the thread called.
static long stage(const struct clinux_refusal *r) {
    return r->audit == AUDIT_ARCH_I386 ? 137 : 183 | (r->call & X32_BIT);
}

static void set_first_argument(const struct clinux_refusal *r, struct user_regs_struct *registers, uint64_t value) {
    if (r->audit == AUDIT_ARCH_I386) registers->rbx = value;
    else registers->rdi = value;
}

static uint64_t first_argument(const struct clinux_refusal *r, const struct user_regs_struct *registers) {
    return r->audit == AUDIT_ARCH_I386 ? registers->rbx : registers->rdi;
}

// The next stop of the thread; false if it has ended.
static bool stops(pid_t thread, int *status) {
    while (waitpid(thread, status, __WALL) < 0)
        if (errno != EINTR) return false;
    return WIFSTOPPED(*status);
}

// Stops it: one that is to be trapped where it waits, one that is to be killed wherever it is, for a signal may have ended its
// call without an answer, with EINTR. `number` is the signal that it would get now, or none. False if it has ended or, of one
// that is to be trapped, does not wait any more.
static bool stop(const struct clinux_refusal *r, struct user_regs_struct *registers, int *number) {
    int status;
    if (ptrace(PTRACE_INTERRUPT, r->thread, 0, 0) < 0) return false;
    while (stops(r->thread, &status)) {
        *number = status >> 16 == PTRACE_EVENT_STOP ? 0 : WSTOPSIG(status);
        if (ptrace(PTRACE_GETREGS, r->thread, 0, registers) < 0) return false;
        if (!r->traps) return true;
        if ((int)registers->orig_rax == r->call && (long)registers->rax == RESTART_IF_NO_HANDLER && *number != SIGSYS)
            return true;
        if (*number == 0 || ptrace(PTRACE_CONT, r->thread, 0, *number) < 0) return false;
    }
    return false;
}

// It dies in the call, or by our hand: another thread may have written other instructions there.
static void see_end(const struct clinux_refusal *r, int number) {
    int status;
    while (ptrace(PTRACE_SINGLESTEP, r->thread, 0, number) == 0 && stops(r->thread, &status)) {
        number = WSTOPSIG(status);
        if (status >> 16 == PTRACE_EVENT_EXIT) return;
        if (status >> 16 == PTRACE_EVENT_STOP) number = 0;
        else if (number == SIGSYS) {
            ptrace(PTRACE_DETACH, r->thread, 0, SIGSYS);
            return;
        } else if (number != SIGSTOP) {
            syscall(SYS_tkill, r->thread, SIGKILL);
            return;
        }
    }
}

// The handler sees the call that was made, and all registers as they were.
static void correct_trap(const struct clinux_refusal *r, int number, uint64_t argument, uint64_t *mask) {
    int status;
    siginfo_t info;
    struct user_regs_struct registers;
    // Of a signal that was blocked the kernel has made one that kills, and would keep it if it were blocked again.
    *mask &= ~SIGNAL_BIT(SIGSYS);
    // All other signals are blocked: what stops it before is a stop of its whole process.
    do {
        if (ptrace(PTRACE_CONT, r->thread, 0, number) < 0 || !stops(r->thread, &status)) return;
        number = 0;
    } while (WSTOPSIG(status) != SIGSYS);
    if (ptrace(PTRACE_GETSIGINFO, r->thread, 0, &info) < 0
        || ptrace(PTRACE_GETREGS, r->thread, 0, &registers) < 0)
        return;
    info.si_syscall = r->call;
    registers.rax = registers.orig_rax = (unsigned)r->call;
    set_first_argument(r, &registers, argument);
    ptrace(PTRACE_SETSIGINFO, r->thread, 0, &info);
    ptrace(PTRACE_SETREGS, r->thread, 0, &registers);
    ptrace(PTRACE_SETSIGMASK, r->thread, MASK_SIZE, mask);
    ptrace(PTRACE_DETACH, r->thread, 0, SIGSYS);
}

// False if it may not be traced. Whatever else fails, the thread goes on when we end, and makes its call again.
static bool restage(const struct clinux_refusal *r, long long when) {
    if (ptrace(PTRACE_SEIZE, r->thread, 0, PTRACE_O_TRACEEXIT) < 0) return errno == ESRCH;
    struct user_regs_struct registers;
    uint64_t before;
    int number;
    if (!(r->traps ? waits(r) : is_asker(r, when)) || !stop(r, &registers, &number)) return true;
    if (ptrace(PTRACE_GETSIGMASK, r->thread, MASK_SIZE, &before) < 0) return true;
    // No handler runs before the call is made, and the kernel puts a signal back that was about to come; one that is blocked
    // stays so, for then the kernel kills.
    uint64_t mask = r->traps ? ALL_SIGNALS & ~(SIGNAL_BIT(SIGSYS) & ~before) : ALL_SIGNALS;
    uint64_t argument = first_argument(r, &registers);
    registers.orig_rax = (unsigned long)stage(r);
    registers.rax = (unsigned long)RESTART;
    registers.rip = r->address;
    set_first_argument(r, &registers, r->mark);
    if (ptrace(PTRACE_SETSIGMASK, r->thread, MASK_SIZE, &mask) < 0) return true;
    if (ptrace(PTRACE_SETREGS, r->thread, 0, &registers) < 0) {
        ptrace(PTRACE_SETSIGMASK, r->thread, MASK_SIZE, &before);
        return true;
    }
    if (r->traps) correct_trap(r, number, argument, &before);
    else see_end(r, number);
    return true;
}

#else

static bool restage(const struct clinux_refusal *r, long long when) { return false; }

#endif

// A mask of /proc/pid/status, in hexadecimal digits; all signals if it cannot be read. `name` begins with the end of the line
// before, for a thread may have such a name.
static uint64_t signals(const char *status, const char *name) {
    const char *line = strstr(status, name);
    return line ? strtoull(line + strlen(name), NULL, 16) : ALL_SIGNALS;
}

// Which signal ends or interrupts the thread as the kernel's SIGSYS would: that one if its process catches it or leaves it
// to the kernel, SIGKILL if it does not want it; `caught` says which of the two first.
static int signal_of_trap(pid_t thread, bool *caught) {
    char path[32], status[4096];
    snprintf(path, sizeof path, "/proc/%d/status", thread);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t count = file < 0 ? 0 : read(file, status, sizeof status - 1);
    if (file >= 0) close(file);
    status[count < 0 ? 0 : count] = 0;
    if ((signals(status, "\nSigBlk:") | signals(status, "\nSigIgn:")) & SIGNAL_BIT(SIGSYS)) return SIGKILL;
    *caught = signals(status, "\nSigCgt:") & SIGNAL_BIT(SIGSYS);
    return SIGSYS;
}

// As near as one comes without tracing. A handler's program gets its answer first, for the signal breaks the wait, and the
// call would be made again; others get none, for they must not go on.
static void refuse_from_outside(const struct clinux_refusal *r, long long when) {
    bool caught = false;
    int number = r->traps ? signal_of_trap(r->thread, &caught) : SIGKILL;
    if (!(r->traps ? waits(r) : is_asker(r, when))) return;
    struct seccomp_notif_resp answer = {.id = r->notification, .error = -ENOSYS};
    if (caught && ioctl(r->listener, SECCOMP_IOCTL_NOTIF_SEND, &answer) < 0) return;
    syscall(SYS_tkill, r->thread, number);
}

void clinux_refuse_from_outside(const struct clinux_refusal *refusal) {
    if (waits(refusal)) refuse_from_outside(refusal, now());
}

int32_t clinux_refuse(const struct clinux_refusal *refusal) {
    long long when = now();
    pid_t child = fork();
    if (child > 0) return child;
    if (child < 0) {
        refuse_from_outside(refusal, when);
        return 0;
    }
    // Of our descriptors it has the listener: somebody may wait for the end of what another was.
    if (refusal->listener > 0) syscall(SYS_close_range, 0, refusal->listener - 1, 0);
    syscall(SYS_close_range, refusal->listener + 1, ~0u, 0);
    // A thread that does not stop is let go.
    signal(SIGALRM, SIG_DFL);
    alarm(5);
    if (!restage(refusal, when)) refuse_from_outside(refusal, when);
    _exit(0);
}
