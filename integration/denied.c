// Makes calls that a seccomp profile may deny, and says what it got: the same words under the same profile, whoever carries it
// out. Each case is a process of its own.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

// Calls: made with these numbers, for a library may choose another.
static long errno_call(void) { return syscall(SYS_mkdir, "/tmp/denied", 0700); }
static long kill_process_call(void) { return syscall(SYS_rmdir, "/tmp/denied"); }
static long kill_thread_call(void) { return syscall(SYS_chmod, "/tmp/denied", 0700); }

static void say(const char *what, long result) { printf("%s: %ld %s\n", what, result, result < 0 ? strerrorname_np(errno) : ""); }

static void nothing(int number) {}

static void on_trap(int number, siginfo_t *info, void *context) {
    ucontext_t *c = context;
    greg_t *r = c->uc_mcontext.gregs;
    printf("trap: signal %d code %d errno %d call %d arch %x at %d rax %lld rdi %lld rsi %lld masked %d %d\n", number,
           info->si_code, info->si_errno, info->si_syscall, info->si_arch, info->si_call_addr == (void *)r[REG_RIP],
           (long long)r[REG_RAX], (long long)r[REG_RDI], info->si_arch == 0xc000003e ? (long long)r[REG_RSI] : 0, sigismember(&c->uc_sigmask, SIGSYS),
           sigismember(&c->uc_sigmask, SIGUSR1));
    r[REG_RAX] = 4242;
}

static volatile int signals;

static void nothing_more(int number, siginfo_t *info, void *context) { signals++; }

static void handle(int number, void (*handler)(int, siginfo_t *, void *)) {
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    sigaction(number, &action, NULL);
}

static void block(int number) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

// In assembler, to see that every register is as it was.
static long raw(long number, long a, long b) {
    long result;
    register long r10 __asm__("r10") = 10, r8 __asm__("r8") = 8, r9 __asm__("r9") = 9;
    __asm__ volatile("syscall" : "=a"(result), "+D"(a), "+S"(b), "+r"(r10), "+r"(r8), "+r"(r9) : "a"(number), "d"(3L) : "rcx", "r11", "memory");
    printf("registers %ld %ld %ld %ld %ld\n", a, b, r10, r8, r9);
    return result;
}

static long compat(long number, long a) {
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(0L) : "r8", "r9", "r10", "r11", "memory");
    return (int)result;
}

static void *other_thread(void *unused) {
    kill_thread_call();
    printf("the thread lives\n");
    return NULL;
}

static volatile bool over;

static void *bystander(void *unused) {
    while (!over) sched_yield();
    return NULL;
}

static unsigned char *page;
static volatile bool calling;

// Writes two instructions that do nothing where the other one is about to call, or does.
static void *overwrite(void *unused) {
    while (!calling) {}
    struct timespec moment = {.tv_nsec = 20000};
    nanosleep(&moment, NULL);
    memset(page, 0x90, 2);
    return NULL;
}

// Calls from a page that another thread may write to: syscall; ret.
static void overwritten(void) {
    pthread_t thread;
    long number = SYS_rmdir;
    page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(page, "\x0f\x05\xc3", 3);
    pthread_create(&thread, NULL, overwrite, NULL);
    calling = true;
    __asm__ volatile("sub $128, %%rsp; call *%%rbx; add $128, %%rsp" : "+a"(number) : "b"(page), "D"("/tmp/denied") : "rcx", "r11", "memory");
    printf("the caller lives\n");
}

static void run(const char *name) {
    if (!strcmp(name, "errno")) say("mkdir", errno_call());
    if (!strcmp(name, "default")) say("sethostname", syscall(SYS_sethostname, "x", 1));
    if (!strcmp(name, "arguments")) {
        say("personality 8", personality(8));
        say("personality 9", personality(9));
        say("socket vsock", syscall(SYS_socket, 40, SOCK_STREAM, 0));
        say("socket unix", syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0));
        say("unshare", syscall(SYS_unshare, CLONE_NEWUTS));
        say("clone", syscall(SYS_clone, CLONE_NEWUTS | SIGCHLD, 0, 0, 0, 0));
    }
    if (!strcmp(name, "compat")) {
        say("compat mkdir", compat(39, 0));
        say("compat rmdir", compat(40, 0));
    }
    if (!strcmp(name, "compat-socket")) {
        // socketcall: socket and bind, of which the arguments are not in registers.
        say("compat socket", compat(102, 1));
        say("compat bind", compat(102, 2));
    }
    if (!strcmp(name, "compat-trap")) {
        handle(SIGSYS, on_trap);
        say("compat chown", compat(212, 77));
    }
    if (!strcmp(name, "x32")) say("x32 mkdir", syscall(SYS_mkdir | 1 << 30, "/tmp/denied", 0700));
    if (!strcmp(name, "kill")) say("rmdir", kill_process_call());
    if (!strcmp(name, "kill-handled")) {
        handle(SIGSYS, on_trap);
        signal(SIGTERM, nothing);
        say("rmdir", kill_process_call());
    }
    if (!strcmp(name, "kill-ignored")) {
        signal(SIGSYS, SIG_IGN);
        block(SIGSYS);
        say("rmdir", kill_process_call());
    }
    if (!strcmp(name, "kill-overwritten")) overwritten();
    if (!strcmp(name, "kill-threads")) {
        pthread_t thread;
        pthread_create(&thread, NULL, bystander, NULL);
        say("rmdir", kill_process_call());
    }
    if (!strcmp(name, "kill-thread")) {
        pthread_t thread;
        pthread_create(&thread, NULL, other_thread, NULL);
        // A thread that was killed is joined like one that has ended.
        pthread_join(thread, NULL);
        printf("the process lives\n");
    }
    if (!strcmp(name, "kill-only-thread")) say("chmod", kill_thread_call());
    if (!strcmp(name, "trap")) {
        handle(SIGSYS, on_trap);
        block(SIGUSR1);
        say("chown", raw(SYS_chown, 7, 6));
        say("chown again", raw(SYS_chown, 5, 4));
    }
    if (!strcmp(name, "trap-late")) {
        handle(SIGSYS, nothing_more);
        syscall(SYS_chown, 7, 6);
        // It may come after the answer.
        while (signals == 0) sched_yield();
        printf("trapped late\n");
    }
    if (!strcmp(name, "trap-default")) say("chown", raw(SYS_chown, 7, 6));
    if (!strcmp(name, "trap-blocked")) {
        handle(SIGSYS, on_trap);
        block(SIGSYS);
        say("chown", raw(SYS_chown, 7, 6));
    }
    if (!strcmp(name, "trap-ignored")) {
        signal(SIGSYS, SIG_IGN);
        say("chown", raw(SYS_chown, 7, 6));
    }
}

// many N: so many denied calls in a row; how many nanoseconds all took.
static void many(long count) {
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (long i = 0; i < count; i++)
        if (errno_call() != -1) exit(1);
    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("%ld\n", (end.tv_sec - begin.tv_sec) * 1000000000 + end.tv_nsec - begin.tv_nsec);
}

// interrupted N: so many processes make a call that kills, each with a signal at another moment that its handler ends the call
// with. How many were killed.
static void interrupted(int count) {
    int killed = 0;
    for (int i = 0; i < count; i++) {
        pid_t child = fork();
        if (child == 0) {
            struct itimerval moment = {.it_value = {.tv_usec = 100 + i * 37 % 2000}};
            handle(SIGALRM, nothing_more);
            setitimer(ITIMER_REAL, &moment, NULL);
            kill_process_call();
            struct timespec while_it_is_killed = {.tv_nsec = 300000000};
            nanosleep(&while_it_is_killed, NULL);
            _exit(0);
        }
        int status;
        waitpid(child, &status, 0);
        killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
    }
    printf("%d killed\n", killed);
}

// trace-me PROGRAM WORD...: makes our parent our tracer three times, and is stopped for it by a signal, by an int3, and by
// becoming the program.
static int trace_me(char **words) {
    handle(SIGUSR1, nothing_more);
    handle(SIGTRAP, nothing_more);
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGUSR1);
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    __asm__ volatile("int3");
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    printf("%d signals\n", signals);
    execvp(words[0], words);
    return 1;
}

int main(int count, char **words) {
    setvbuf(stdout, NULL, _IONBF, 0);
    if (count > 2 && !strcmp(words[1], "trace-me")) return trace_me(words + 2);
    if (count == 3 && !strcmp(words[1], "many")) {
        many(atol(words[2]));
        return 0;
    }
    if (count == 3 && !strcmp(words[1], "interrupted")) {
        interrupted(atoi(words[2]));
        return 0;
    }
    // traced CASE...: likewise, and each has us as its tracer.
    bool traced = count > 1 && !strcmp(words[1], "traced");
    for (int i = 1 + traced; i < count; i++) {
        pid_t child = fork();
        if (child == 0) {
            if (traced) ptrace(PTRACE_TRACEME, 0, 0, 0);
            run(words[i]);
            _exit(0);
        }
        int status;
        while (waitpid(child, &status, 0) == child && WIFSTOPPED(status)) ptrace(PTRACE_CONT, child, 0, WSTOPSIG(status));
        if (WIFSIGNALED(status)) printf("%s: killed by %d\n", words[i], WTERMSIG(status));
        else printf("%s: exit %d\n", words[i], WEXITSTATUS(status));
    }
    return 0;
}
