#include "cfuzzer.h"

// FuzzerInterface.h of compiler-rt.
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*one)(const uint8_t *bytes, size_t count));

int32_t cfuzzer_run(int32_t argc, char **argv, int32_t (*one)(const uint8_t *bytes, size_t count)) {
    return LLVMFuzzerRunDriver(&argc, &argv, one);
}
