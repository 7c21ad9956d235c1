#include "crevision.h"

#ifndef SWIFTRUNC_REVISION
#define SWIFTRUNC_REVISION "unknown"
#endif

const char *crevision(void) { return SWIFTRUNC_REVISION; }
