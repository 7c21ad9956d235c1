// What Swift cannot call itself: system calls (embedded Swift has no Glibc module), spawn, the
// executor. Fixed-width types only and no system header, so that Swift sees these names and nothing
// else. Unless it says otherwise, a function returns >= 0 or -errno, and retries EINTR by itself.
#pragma once
#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

// Constants of the kernel's that Swift compares with or passes on; the .c files assert them.
enum {
    CLINUX_EPERM = 1, CLINUX_ENOENT = 2, CLINUX_ESRCH = 3, CLINUX_EINTR = 4, CLINUX_E2BIG = 7, CLINUX_EAGAIN = 11, CLINUX_EACCES = 13, CLINUX_EBUSY = 16,
    CLINUX_EEXIST = 17, CLINUX_ENODEV = 19, CLINUX_EINVAL = 22, CLINUX_EPIPE = 32, CLINUX_ELOOP = 40,
    CLINUX_EOPNOTSUPP = 95, CLINUX_ECONNABORTED = 103, CLINUX_ECONNREFUSED = 111,
};
enum {
    CLINUX_O_WRONLY = 1, CLINUX_O_RDWR = 2, CLINUX_O_CREAT = 0100,
    CLINUX_O_TRUNC = 01000, CLINUX_O_APPEND = 02000, CLINUX_O_NONBLOCK = 04000, CLINUX_O_DIRECTORY = 0200000, CLINUX_O_PATH = 010000000,
};
enum {
    CLINUX_IN = 1, CLINUX_PRIORITY = 2, CLINUX_OUT = 4, CLINUX_ERR = 8, CLINUX_HUP = 16, CLINUX_EDGE = 1 << 30,
};

// event.c
int64_t clinux_now(void);  // CLOCK_MONOTONIC, nanoseconds
/// The wall clock: seconds since the epoch and nanoseconds.
int64_t clinux_wall_clock(int32_t *nanoseconds);
int32_t clinux_epoll_create(void);
/// Level-triggered unless `events` says CLINUX_EDGE. `token` comes back with every event.
int32_t clinux_epoll_add(int32_t epoll, int32_t fd, uint32_t events, uint64_t token);
int32_t clinux_epoll_change(int32_t epoll, int32_t fd, uint32_t events, uint64_t token);
int32_t clinux_epoll_remove(int32_t epoll, int32_t fd);
int32_t clinux_event_counter(void);  // eventfd(2), non-blocking
/// Fills `tokens` and `events` with up to `capacity` (at most 64) reports; 0 on timeout or EINTR.
int32_t clinux_epoll_wait(int32_t epoll, uint64_t *tokens, uint32_t *events, int32_t capacity, int32_t milliseconds);
/// Blocks SIGCHLD, SIGTERM, SIGINT and SIGUSR1, and clinux_ignore_broken_pipes; returns a signalfd for the four.
int32_t clinux_signals(void);
/// The signals that wait at `signals`, each as the bit of its number; they wait no more.
uint64_t clinux_take_signals(int32_t signals);
void clinux_sleep(int32_t milliseconds);  // before the loop only
_Noreturn void clinux_exit(int32_t code);

// file.c
int32_t clinux_close(int32_t fd);
int64_t clinux_read(int32_t fd, void *bytes, size_t count);
int64_t clinux_write(int32_t fd, const void *bytes, size_t count);
int64_t clinux_read_at(int32_t fd, void *bytes, size_t count, int64_t offset);  // pread(2)
int64_t clinux_write_at(int32_t fd, const void *bytes, size_t count, int64_t offset);  // pwrite(2)
/// splice(2), non-blocking, moving pages.
int64_t clinux_splice(int32_t from, int32_t to, size_t count);
int32_t clinux_open(const char *path, int32_t flags, uint32_t mode);  // always O_CLOEXEC
int32_t clinux_open_at(int32_t directory, const char *path, int32_t flags);  // likewise
/// A new file in `directory` that has no name, for reading and writing.
int32_t clinux_open_temporary(const char *directory);
int32_t clinux_pipe(int32_t *ends);                                   // [read, write], O_CLOEXEC
int32_t clinux_set_nonblocking(int32_t fd);
int32_t clinux_pipe_unread(int32_t fd);  // FIONREAD
int32_t clinux_is_terminal(int32_t fd);
int32_t clinux_resize_terminal(int32_t fd, uint16_t rows, uint16_t columns);
int32_t clinux_change_owner(int32_t fd, uint32_t uid, uint32_t gid);
int32_t clinux_lock(int32_t fd);  // flock, exclusive, never waits
int32_t clinux_duplicate(int32_t fd, int32_t target);
int32_t clinux_close_from(int32_t first);
int32_t clinux_make_directory(const char *path, uint32_t mode);
int32_t clinux_remove_directory(const char *path);
int32_t clinux_unlink(const char *path);
/// Removes a directory and all below it, on this file system; symlinks are not followed.
int32_t clinux_remove_tree(const char *path);
/// An empty file in memory, without a name.
int32_t clinux_memory_file(const char *name);
int32_t clinux_rename(const char *from, const char *to);
/// readlink(2): fills `buffer` (at least 4096 bytes), ended by NUL.
int32_t clinux_read_link(const char *path, char *buffer);
/// Removes the oldest files of `directory` whose names end in `suffix` until `keep` are left, but at most eight.
int32_t clinux_remove_oldest(const char *directory, const char *suffix, int32_t keep);
int32_t clinux_change_mode(const char *path, uint32_t mode);
int32_t clinux_current_directory(char *buffer, size_t size);
int32_t clinux_access_executable(const char *path);
/// Device and inode of what `path` names now, or of what `fd` is open on.
int32_t clinux_identity(const char *path, uint64_t *device, uint64_t *inode);
int32_t clinux_identity_of(int32_t fd, uint64_t *device, uint64_t *inode);
int32_t clinux_is_directory(const char *path);
int64_t clinux_file_size(const char *path);
int32_t clinux_seek(int32_t fd, int64_t offset);
/// realpath(3): fills `buffer` (at least 4096 bytes).
int32_t clinux_resolve(const char *path, char *buffer);
/// Magic number of the file system at `path` (statfs(2)).
int64_t clinux_file_system(const char *path);
/// The names of the directories in it, one after the other, each ended by NUL; returns the bytes used, -E2BIG when `size` is too small.
int32_t clinux_list_directories(const char *path, char *buffer, int32_t size);
const char *clinux_strerror(int32_t code);

// process.c
const char *_Nullable clinux_argument(int32_t index);
const char *_Nullable clinux_environment(const char *name);
void clinux_unset_environment(const char *name);
void clinux_set_environment(const char *name, const char *value);
int32_t clinux_pid(void);
int32_t clinux_parent_pid(void);
int32_t clinux_change_directory(const char *path);
int32_t clinux_has_no_new_privileges(void);
int32_t clinux_become_subreaper(void);
void clinux_set_name(const char *name);  // its first 15 bytes
int32_t clinux_create_sched_core(void);  // PR_SCHED_CORE_CREATE for the process group
int32_t clinux_is_superuser(void);
void clinux_random(void *bytes, size_t count);
/// Keeps the heap small and in one piece: no mappings of its own but for the largest blocks, early trim.
void clinux_restrain_heap(void);
void clinux_trim_heap(void);
/// Gives back the pages below the stack's present end.
void clinux_drop_stack(void);
/// Unmaps the pages of our own code and constants; they come back from the page cache when used.
void clinux_drop_code(void);

// socket.c
int32_t clinux_listen(const char *path);
int32_t clinux_connect(const char *path);  // non-blocking; a full backlog is -EAGAIN
int32_t clinux_accept(int32_t fd);
/// The path that a listening socket was bound to; fills `path` (at least 109 bytes).
int32_t clinux_socket_path(int32_t fd, char *path);
/// 1 if the peer runs with our effective uid and gid (SO_PEERCRED), else 0.
int32_t clinux_peer_is_us(int32_t fd);
/// One descriptor sent with SCM_RIGHTS over a unix socket; -EPROTO if there was none or more.
int32_t clinux_receive_descriptor(int32_t fd);

// spawn.c
struct clinux_program {
    const char *path;
    const char *_Nullable const *_Nonnull argv;  // ended by NULL
    const char *_Nullable const *_Nullable environment;  // ended by NULL; NULL: ours
    const int32_t *descriptors;                  // the child's 0, 1, 2, ...; nothing else stays open
    int32_t descriptor_count;                    // at most 16
    const char *_Nullable directory;             // the child's working directory; NULL: ours
    int32_t own_group;                           // 1: leads a process group of its own
};
/// Starts `program` with default signal handlers and an empty mask; fills `pidfd`; returns the pid.
/// When execve fails the child is reaped again, and the errno is the child's.
int32_t clinux_spawn(const struct clinux_program *program, int32_t *pidfd);
/// No transparent huge pages for us; later children have them as we had.
int32_t clinux_disable_huge_pages(void);
/// SIGPIPE is ignored from now on, and no other signal, whatever we were given; later children have none ignored.
void clinux_ignore_broken_pipes(void);
/// Later children get this oom_score_adj, if they may, instead of ours.
void clinux_set_score_of_children(int32_t score);
int32_t clinux_pidfd_open(int32_t pid);
int32_t clinux_pidfd_kill(int32_t pidfd, int32_t signal);
/// Kills (SIGKILL) the process group that `leader` leads; `leader` must be a child not reaped yet.
int32_t clinux_kill_group(int32_t leader);
/// Reaps; returns the exit code, or 128+n if signal n ended it; -EAGAIN while it runs, -ECHILD if
/// it is no child of ours.
int32_t clinux_reap(int32_t pidfd);
/// 1 while the process behind `pidfd` is our child (dead or alive), else -ECHILD.
int32_t clinux_is_child(int32_t pidfd);
/// The same for a child by its number, which stays its own until it is reaped.
int32_t clinux_reap_pid(int32_t pid);
int32_t clinux_is_child_pid(int32_t pid);
/// SIGKILL to a child of ours; -ESRCH if `pid` is none.
int32_t clinux_kill_child(int32_t pid);
/// The pid of a dead child nobody has reaped yet, 0 if there is none. Reaps nothing. Children that stop for us as their
/// tracer go on.
int32_t clinux_next_dead_child(void);

// refuse.c
struct clinux_refusal {
    int32_t listener;      // of the filter, where the thread waits for an answer to `notification`
    int32_t thread;
    uint64_t notification;
    uint64_t address;      // behind the instruction by which it called
    uint32_t audit;        // AUDIT_ARCH_* of the call
    int32_t call;
    uint64_t mark;         // the first argument by which the filter kills or traps
    int32_t traps;
};
/// Lets the kernel end the thread's call as `mark` says. Returns the child of ours that does it; 0 if it is done.
int32_t clinux_refuse(const struct clinux_refusal *refusal);
/// Likewise, if it waits still, by a signal of ours.
void clinux_refuse_from_outside(const struct clinux_refusal *refusal);

// mount.c
int32_t clinux_mount(
    const char *_Nullable source, const char *target, const char *_Nullable type, uint64_t flags,
    const char *_Nullable data);
int32_t clinux_unmount(const char *target, int32_t detach);
/// umount2(2) of all that is mounted on top of each other at `point`, an absolute path ended by NUL in which no symlink is
/// followed, until it fails: returns with which errno. EINVAL: nothing is mounted there; ELOOP: a symlink is in it.
int32_t clinux_unmount_all_at(const uint8_t *point, int32_t detach);
/// A child with memory of its own, for calls that may take as long as a disk does: 0 in there; here it fills `pidfd`, and
/// returns the pid. It has none of our descriptors but `kept` (-1: none), of which a client would wait for the end, and no
/// signal ends it but SIGKILL.
int32_t clinux_begin_apart(int32_t kept, int32_t *pidfd);
int32_t clinux_page_size(void);
/// Opens (O_PATH) `path` as if `root` were the root directory: no symlink leads outside.
int32_t clinux_open_in_root(const char *root, const char *path);
/// The flags of the mount at `path` that a remount in a user namespace may not clear.
int64_t clinux_mount_flags(const char *path);
int32_t clinux_fs_open(const char *type);  // fsopen(2)
/// fsconfig(2): an option of at most 255 bytes; NULL: it has no value.
int32_t clinux_fs_set(int32_t fs, const char *key, const char *_Nullable value);
/// fsconfig(2) and fsmount(2): makes the file system, and a mount of it that is nowhere yet; `flags` are MS_*.
int32_t clinux_fs_make(int32_t fs, uint64_t flags);
/// open_tree(2): a copy of what is mounted at `place`, or of a directory in it, that is nowhere yet.
int32_t clinux_clone_tree(int32_t place, int32_t recursive);
/// mount_setattr(2) of a copy: owners as `user_namespace` maps them, private, and read-only if asked.
int32_t clinux_map_tree(int32_t tree, int32_t user_namespace, int32_t read_only);
int32_t clinux_attach_tree(int32_t tree, int32_t place);  // move_mount(2), on top of what is there
/// A user namespace with nobody in it and these maps, lines of `INSIDE OUTSIDE COUNT` (user_namespaces(7)).
int32_t clinux_user_namespace(const char *uid_map, const char *gid_map);
/// A block device over the file at `path`, which is free again once nobody has it open or mounted; fills its `number`.
int32_t clinux_loop(const char *path, int32_t read_only, int32_t direct, int32_t *number);
enum {
    CLINUX_MS_RDONLY = 1, CLINUX_MS_NOSUID = 2, CLINUX_MS_NODEV = 4, CLINUX_MS_NOEXEC = 8, CLINUX_MS_SYNCHRONOUS = 16,
    CLINUX_MS_REMOUNT = 32, CLINUX_MS_MANDLOCK = 64, CLINUX_MS_DIRSYNC = 128, CLINUX_MS_NOATIME = 1024,
    CLINUX_MS_NODIRATIME = 2048, CLINUX_MS_BIND = 4096, CLINUX_MS_REC = 16384, CLINUX_MS_UNBINDABLE = 1 << 17,
    CLINUX_MS_PRIVATE = 1 << 18, CLINUX_MS_SLAVE = 1 << 19, CLINUX_MS_SHARED = 1 << 20, CLINUX_MS_RELATIME = 1 << 21,
    CLINUX_MS_STRICTATIME = 1 << 24,
};

// stream.c
/// Which of `events`, and of CLINUX_ERR and CLINUX_HUP, hold now. Never waits.
int32_t clinux_poll(int32_t fd, uint32_t events);
int32_t clinux_copy_descriptor(int32_t fd);  // another number for the same open file
int32_t clinux_pipe_capacity(int32_t fd);
int32_t clinux_set_pipe_capacity(int32_t fd, int32_t bytes);
int32_t clinux_is_fifo_at(const char *path);
int32_t clinux_make_fifo(const char *path, uint32_t mode);
/// A new terminal: fills `master`, returns the other side.
int32_t clinux_open_terminal(int32_t *master);
int32_t clinux_terminal_size(int32_t fd, uint16_t *rows, uint16_t *columns);

// executor.c
/// Every Swift job runs on the main thread; `turn` is called when none is left, to wait for more.
void clinux_executor_when_idle(void (*turn)(void));
void clinux_executor_enqueue(void *job);  // ordinary builds: what the Swift executor forwards
int32_t clinux_executor_has_work(void);   // 1 if a job is queued
void clinux_executor_drain(void) __attribute__((noreturn));

#pragma clang assume_nonnull end
