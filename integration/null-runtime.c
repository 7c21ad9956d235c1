// A runtime that does nothing but what a shim can see: runc's command line, pid files, a process that sleeps in place
// of the container's, or ends at once if its specification asks for `true`. So what is measured is the shim alone.
//
// Of the global flags only --root counts: the state of a container is the pid in ROOT/ID.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *root = "/run/null", *pid_file, *process, *bundle, *id, *last;

static int fail(const char *text) {
    fprintf(stderr, "%s: %s\n", text, strerror(errno));
    return 1;
}

static int write_number(const char *path, int number) {
    char other[4096], text[16];
    snprintf(other, sizeof other, "%s.new", path);
    int fd = open(other, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644), length = snprintf(text, sizeof text, "%d", number);
    if (fd < 0 || write(fd, text, length) != length || close(fd) < 0 || rename(other, path) < 0) return fail(path);
    return 0;
}

// Whether the process that `path` specifies is `true`.
static int is_short(const char *path) {
    char text[65536];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    text[length > 0 ? length : 0] = 0;
    close(fd);
    return strstr(text, "[\"true\"]") != NULL;
}

// The container's or exec's process; its pid is in the pid file once it is there.
static int beget(const char *specification) {
    int ends = is_short(specification), pid = fork();
    if (pid < 0) return fail("fork");
    if (pid > 0) return pid_file ? write_number(pid_file, pid) : 0;
    setsid();
    while (!ends) pause();
    _exit(0);
}

static const char *state(void) {
    static char path[4096];
    mkdir(root, 0755);
    snprintf(path, sizeof path, "%s/%s", root, id);
    return path;
}

static int pid_of_state(void) {
    char text[16] = "";
    int fd = open(state(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        fprintf(stderr, "container does not exist\n");
        exit(1);
    }
    if (read(fd, text, sizeof text - 1) < 0) exit(fail("read"));
    return atoi(text);
}

int main(int count, char **words) {
    const char *verb = NULL;
    for (int at = 1; at < count; at++) {
        const char *word = words[at], *value = at + 1 < count ? words[at + 1] : "";
        if (word[0] != '-') {
            if (!verb) verb = word; else if (!id) id = word;
            last = word;
            continue;
        }
        if (!strcmp(word, "--root")) root = value;
        if (!strcmp(word, "--pid-file")) pid_file = value;
        if (!strcmp(word, "--process") || !strcmp(word, "-p")) process = value;
        if (!strcmp(word, "--bundle")) bundle = value;
        static const char *const taking[] = {
            "--root", "--log", "--log-format", "--criu", "--pid-file", "--process", "-p", "--bundle", "--console-socket", "--format"};
        for (unsigned each = 0; each < sizeof taking / sizeof *taking; each++)
            if (!strcmp(word, taking[each])) {
                at++;
                break;
            }
    }
    if (!verb) return printf("runc version 0.0.0\n") < 0;
    if (!id) return 1;
    if (!strcmp(verb, "create")) {
        char path[4096], text[16] = "";
        snprintf(path, sizeof path, "%s/config.json", bundle ? bundle : ".");
        if (beget(path)) return 1;
        int fd = open(pid_file, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || read(fd, text, sizeof text - 1) < 0) return fail(pid_file);
        return write_number(state(), atoi(text));
    }
    if (!strcmp(verb, "exec")) return process ? beget(process) : 1;
    if (!strcmp(verb, "start")) return 0;
    if (!strcmp(verb, "kill")) return kill(pid_of_state(), atoi(last)) < 0 && errno != ESRCH ? fail("kill") : 0;
    if (!strcmp(verb, "ps")) return printf("[%d]\n", pid_of_state()) < 0;
    if (!strcmp(verb, "state")) return printf("{\"id\":\"%s\",\"pid\":%d,\"status\":\"running\"}\n", id, pid_of_state()) < 0;
    if (!strcmp(verb, "delete")) {
        int pid = pid_of_state();
        kill(pid, SIGKILL);
        return unlink(state()) < 0 ? fail("unlink") : 0;
    }
    fprintf(stderr, "%s: not a verb of this runtime\n", verb);
    return 1;
}
