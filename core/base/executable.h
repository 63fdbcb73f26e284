/* SPDX-License-Identifier: Apache-2.0 */
/* What a path names below a root folder, which may be the root of another mount namespace.
 *
 * Links are resolved as a process with that root would resolve them, except the links of /proc that
 * lead to open files and other namespaces: those name nothing.  Plain values, any thread. */
#ifndef BASE_EXECUTABLE_H
#define BASE_EXECUTABLE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

enum executable_kind {
    EXECUTABLE_FILE, /* a regular file that somebody may execute */
    EXECUTABLE_SCRIPT,                                 /* one that begins with "#!" */
    EXECUTABLE_NONE,                                   /* names nothing */
    EXECUTABLE_OTHER, /* cannot be executed, or cannot be looked up */
};

struct executable {
    enum executable_kind kind;
    char path[PATH_MAX];                            /* without links; "" unless FILE or SCRIPT */
    char note[PATH_MAX + 256];                      /* what there is to say about it; "": nothing */
};

/* The path that an executable started by this path has in /proc/PID/exe: 0, or -1 and errno.
 * cached: fails with EAGAIN rather than wait for a file system. */
int executable_resolve(int root, const char *path, bool cached, char out[PATH_MAX]);
/* Reads the file's first line, so not for the loop's thread. */
void executable_describe(int root, const char *path, struct executable *out);

#endif
