#define _GNU_SOURCE
#include "clinux.h"
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <unistd.h>

#ifndef PR_SCHED_CORE
#define PR_SCHED_CORE 62
#endif

// glibc hands main's arguments to constructors too, dynamic or static; embedded Swift has no CommandLine.
static int argument_count;
static char **arguments;
__attribute__((constructor)) static void keep_arguments(int argc, char **argv) {
    argument_count = argc;
    arguments = argv;
}

const char *clinux_argument(int32_t index) { return index < argument_count ? arguments[index] : NULL; }
const char *clinux_environment(const char *name) { return getenv(name); }
void clinux_unset_environment(const char *name) { unsetenv(name); }
void clinux_set_environment(const char *name, const char *value) { setenv(name, value, 1); }
int32_t clinux_pid(void) { return getpid(); }
int32_t clinux_parent_pid(void) { return getppid(); }
int32_t clinux_is_superuser(void) { return geteuid() == 0; }

int32_t clinux_change_directory(const char *path) { return chdir(path) < 0 ? -errno : 0; }
void clinux_set_name(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }
int32_t clinux_has_no_new_privileges(void) { return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1; }
int32_t clinux_become_subreaper(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 ? -errno : 0; }

int32_t clinux_create_sched_core(void) {
    enum { create = 1, process_group = 2 };
    return prctl(PR_SCHED_CORE, create, 0, process_group, 0) < 0 ? -errno : 0;
}

void clinux_random(void *bytes, size_t count) {
    if (getrandom(bytes, count, 0) != (ssize_t)count) abort();  // up to 256 bytes it cannot fall short
}

void clinux_restrain_heap(void) {
    // Mappings of its own for large blocks can be in the way of the heap (without ASLR, or with an unlimited stack), which
    // is then continued elsewhere, a megabyte at a time, where its end is never given back.
    mallopt(M_MMAP_THRESHOLD, 4 * 1024 * 1024);
    mallopt(M_TRIM_THRESHOLD, 32 * 1024);
    mallopt(M_TOP_PAD, 0);
}

void clinux_trim_heap(void) { malloc_trim(0); }

void clinux_drop_stack(void) {
    enum { most = 256 * 1024, own_frame = 512 };
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t end = ((uintptr_t)__builtin_frame_address(0) - own_frame) & ~(page - 1);
    madvise((void *)(end - most), most, MADV_DONTNEED);  // of what is not mapped there is nothing to drop
}

extern const char __executable_start[], etext[];  // the linker's

void clinux_drop_code(void) {
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t start = (uintptr_t)__executable_start & ~(page - 1), end = (uintptr_t)etext & ~(page - 1);
    madvise((void *)start, end - start, MADV_DONTNEED);
}
