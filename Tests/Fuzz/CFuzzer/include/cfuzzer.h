// libFuzzer's entry, for a program that has a `main` of its own.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// Feeds `one` with what the fuzzer makes up, as the arguments say. Returns the program's exit status.
int32_t cfuzzer_run(int32_t argc, char **argv, int32_t (*one)(const uint8_t *bytes, size_t count));
