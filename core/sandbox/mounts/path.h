/* SPDX-License-Identifier: Apache-2.0 */
/* Absolute paths: normal form, containment, and resolution that tells of every link on the way.
 * Results live in the given arena.  Any thread. */
#ifndef SANDBOX_MOUNTS_PATH_H
#define SANDBOX_MOUNTS_PATH_H

#include <stdbool.h>
#include <stddef.h>

struct arena;

struct path_link {
    const char *path, *text;                        /* where the link is, what it says */
};

struct path_walk {
    const char *real;                               /* without any link */
    struct path_link *links;                        /* in the order they were followed */
    size_t n_links;
    bool directory, device;                         /* what is at the end */
};

enum { PATH_LINKS_MAX = 40 };

/* Without "//", "." and a trailing "/"; ".." goes up. */
const char *sandbox_path_normal(struct arena *arena, const char *path);
/* path is folder itself or lies in it; both in normal form. */
bool sandbox_path_within(const char *path, const char *folder);
/* Follows path on this host.  0, or an errno such as ENOENT, EACCES, ELOOP. */
int sandbox_path_walk(struct arena *arena, const char *path, struct path_walk *out);

#endif
