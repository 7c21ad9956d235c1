// writer SECONDS: writes 4 KiB to stdout without a pause, and into /tmp/latency how long a write(2) took: median, 99th
// percentile and longest, in microseconds, and how many there were.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { LONGEST = 1 << 22 };  // in a histogram of microseconds
static uint64_t histogram[LONGEST + 1];
static char block[4096];

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint64_t percentile(uint64_t count, uint64_t hundredths) {
    uint64_t seen = 0, value = 0;
    while (value < LONGEST && (seen += histogram[value]) * 100 < count * hundredths) value++;
    return value;
}

int main(int argc, char **argv) {
    uint64_t end = now() + strtoull(argc > 1 ? argv[1] : "1", NULL, 10) * 1000000000, count = 0, longest = 0, begin;
    while ((begin = now()) < end) {
        if (write(1, block, sizeof block) < 0) return 1;
        uint64_t took = (now() - begin) / 1000;
        histogram[took < LONGEST ? took : LONGEST]++;
        if (took > longest) longest = took;
        count++;
    }
    FILE *file = fopen("/tmp/latency", "w");
    if (!file) return 1;
    fprintf(file, "%lu %lu %lu %lu\n", percentile(count, 50), percentile(count, 99), longest, count);
    return fclose(file) != 0;
}
