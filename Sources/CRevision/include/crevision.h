// The commit that was built, from SWIFTRUNC_REVISION in the environment of the build. A target of its
// own, so that a new commit compiles one line anew and not the whole tree.
#pragma once

const char *_Nonnull crevision(void);
