#include <seccomp.h>
#include <stdlib.h>
