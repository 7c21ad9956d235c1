// What a benchmark does that Python would be too slow for; bench.py prepares it.
//
//   load calls SOCKET PARALLEL   chains of ttrpc calls, PARALLEL chains at a time, each one's calls one after the other;
//                                for each call a line `CHAIN NANOSECONDS STATUS`, and at the end `all NANOSECONDS`.
//                                stdin: the bodies of requests, each after its length (32 bits, native); 0 ends a chain
//   load spawn OUTPUT            runs each line's words (between tabs), their stdout appended to OUTPUT; for each a line
//                                `NANOSECONDS STATUS`. `wait` waits for what the commands have left
//   load events SOCKET           an event service that takes all; for each event a line `NANOSECONDS TOPIC`, the time
//                                being CLOCK_MONOTONIC's
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { header = 10, most = 4 << 20 };

static void die(const char *what) {
    perror(what);
    exit(1);
}

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static struct sockaddr_un address(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    return address;
}

static void send_frame(int fd, uint32_t stream, uint8_t type, const void *body, uint32_t length) {
    uint8_t head[header] = {0};
    uint32_t big[2] = {htonl(length), htonl(stream)};
    memcpy(head, big, 8);
    head[8] = type;
    struct { const void *at; size_t size; } parts[] = {{head, header}, {body, length}};
    for (int part = 0; part < 2; part++)
        for (size_t done = 0; done < parts[part].size;) {
            ssize_t count = send(fd, (const char *)parts[part].at + done, parts[part].size - done, MSG_NOSIGNAL);
            // The next read finds that the other is gone.
            if (count < 0 && (errno == EPIPE || errno == ECONNRESET)) return;
            if (count < 0) die("send");
            done += count;
        }
}

// Bytes of one peer, and its next whole frame.
struct input {
    int fd;
    uint8_t *bytes;
    size_t count, used;
};

// 0 at the end of the stream.
static int receive(struct input *input) {
    if (!input->bytes) input->bytes = malloc(most);
    memmove(input->bytes, input->bytes + input->used, input->count -= input->used);
    input->used = 0;
    ssize_t count = read(input->fd, input->bytes + input->count, most - input->count);
    if (count > 0) input->count += count;
    return count > 0;
}

static uint8_t *next_frame(struct input *input, uint32_t *stream, uint32_t *length) {
    uint32_t big[2];
    if (input->count - input->used < header) return NULL;
    memcpy(big, input->bytes + input->used, 8);
    *length = ntohl(big[0]);
    *stream = ntohl(big[1]);
    if (input->count - input->used < header + *length) return NULL;
    uint8_t *body = input->bytes + input->used + header;
    input->used += header + *length;
    return body;
}

// The code of a response's status: field 1 of it, in field 1 of the message.
static int status(const uint8_t *body, uint32_t length) {
    return length > 3 && body[0] == 0x0a && body[1] > 0 && body[2] == 0x08 ? body[3] : 0;
}

struct call { uint8_t *body; uint32_t length; int ends_chain; };

static int calls(const char *path, size_t parallel) {
    struct call *all = NULL;
    size_t count = 0, room = 0;
    for (uint32_t length; fread(&length, sizeof length, 1, stdin) == 1;) {
        if (length == 0) {
            if (count) all[count - 1].ends_chain = 1;
            continue;
        }
        if (count == room) all = realloc(all, (room = room * 2 + 64) * sizeof *all);
        all[count] = (struct call){malloc(length), length, 0};
        if (fread(all[count++].body, length, 1, stdin) != 1) die("stdin");
    }
    struct sockaddr_un to = address(path);
    struct input input = {.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (connect(input.fd, (struct sockaddr *)&to, sizeof to) < 0) die(path);

    // Streams are numbered in the order of their calls: that is wanted by ttrpc.
    uint64_t *sent = calloc(count, sizeof *sent), *took = calloc(count, sizeof *took), begin = now();
    size_t *of_stream = calloc(count, sizeof *of_stream);
    int *codes = calloc(count, sizeof *codes);
    size_t next = 0, flying = 0, done = 0, streams = 0;
    while (done < count) {
        while (flying < parallel && next < count) {
            of_stream[streams] = next;
            sent[next] = now();
            send_frame(input.fd, streams++ * 2 + 1, 1, all[next].body, all[next].length);
            flying++;
            while (!all[next++].ends_chain && next < count) {}
        }
        uint32_t stream, length;
        uint8_t *body;
        while (!(body = next_frame(&input, &stream, &length)))
            if (!receive(&input)) return fprintf(stderr, "%s: connection lost\n", path), 1;
        size_t at = of_stream[stream / 2];
        took[at] = now() - sent[at];
        codes[at] = status(body, length);
        if (codes[at]) fprintf(stderr, "%s: %.*s\n", path, body[1] > 2 ? body[1] - 2 : 0, (char *)body + 4);
        done++;
        if (all[at].ends_chain || at + 1 == count) {
            flying--;
        } else {
            of_stream[streams] = at + 1;
            sent[at + 1] = now();
            send_frame(input.fd, streams++ * 2 + 1, 1, all[at + 1].body, all[at + 1].length);
        }
    }
    uint64_t total = now() - begin;
    for (size_t at = 0, chain = 0; at < count; chain += all[at++].ends_chain)
        printf("%zu %llu %d\n", chain, (unsigned long long)took[at], codes[at]);
    printf("all %llu\n", (unsigned long long)total);
    return 0;
}

static int spawn(const char *output) {
    extern char **environ;
    char *line = NULL;
    size_t size = 0;
    posix_spawn_file_actions_t actions;
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0600);
    for (ssize_t length; (length = getline(&line, &size, stdin)) > 0;) {
        char *words[64], *rest = line;
        int count = 0, status = 0, pid;
        line[length - 1] = 0;
        while (count < 63 && (words[count] = strsep(&rest, "\t"))) count++;
        words[count] = NULL;
        if (!strcmp(words[0], "wait")) {
            while (waitpid(-1, &status, 0) > 0) {}
            puts("0 0");
            continue;
        }
        uint64_t begin = now();
        if ((errno = posix_spawnp(&pid, words[0], &actions, NULL, words, environ))) die(words[0]);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
        printf("%llu %d\n", (unsigned long long)(now() - begin), WEXITSTATUS(status));
    }
    return 0;
}

static int events(const char *path) {
    enum { peers = 512 };
    static struct pollfd polled[peers];
    static struct input inputs[peers];
    struct sockaddr_un at = address(path);
    int count = 1;
    polled[0] = (struct pollfd){.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), .events = POLLIN};
    if (bind(polled[0].fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(polled[0].fd, peers) < 0) die(path);
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (;;) {
        if (poll(polled, count, -1) < 0) die("poll");
        for (int each = count - 1; each > 0; each--) {
            if (!polled[each].revents) continue;
            struct input *input = &inputs[each];
            if (!receive(input)) {
                close(input->fd);
                free(input->bytes);
                inputs[each] = inputs[--count];
                polled[each] = polled[count];
                continue;
            }
            uint32_t stream, length;
            for (uint8_t *body; (body = next_frame(input, &stream, &length));) {
                uint64_t time = now();
                send_frame(input->fd, stream, 2, "", 0);
                uint8_t *topic = memmem(body, length, "/tasks/", 7), *end = topic ? topic + 7 : body;
                while (topic && end < body + length && (*end == '-' || (*end >= 'a' && *end <= 'z'))) end++;
                printf("%llu %.*s\n", (unsigned long long)time, topic ? (int)(end - topic - 7) : 1, topic ? (char *)topic + 7 : "?");
            }
        }
        if (polled[0].revents && count < peers) {
            int fd = accept4(polled[0].fd, NULL, NULL, SOCK_CLOEXEC);
            if (fd < 0) continue;
            inputs[count] = (struct input){.fd = fd};
            polled[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
        }
    }
}

int main(int count, char **words) {
    if (count == 4 && !strcmp(words[1], "calls")) return calls(words[2], strtoul(words[3], NULL, 10));
    if (count == 3 && !strcmp(words[1], "spawn")) return spawn(words[2]);
    if (count == 3 && !strcmp(words[1], "events")) return events(words[2]);
    fprintf(stderr, "load: calls SOCKET PARALLEL | spawn OUTPUT | events SOCKET\n");
    return 2;
}
