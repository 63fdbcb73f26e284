/* SPDX-License-Identifier: Apache-2.0 */
/* What a sandbox sees of the host's files.
 *
 * Only what the policy's filesystem section lists is there at all, and what every program needs
 * (the baseline).  A view is a plan made from the policy and a look at the host: which mounts and
 * links make the view, and which paths Landlock then grants.  Symbolic links are resolved here, on
 * the host, before anything of an earlier run of the sandbox could matter; both walls then speak of
 * the same real paths.
 *
 * Ownership: a view lives in the arena it was made in.  One thread. */
#ifndef SANDBOX_VIEW_H
#define SANDBOX_VIEW_H

#include <sluice/policy.h>

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct error;

#define SANDBOX_WORKDIR "/sandbox"

enum view_kind {
    VIEW_READ_ONLY,                                 /* source of the host, read only */
    VIEW_READ_WRITE,
    VIEW_DEVICE,                                    /* a device node of the host */
    VIEW_LINK,                                      /* symbolic link; source is its text */
    VIEW_PRIVATE,                                   /* an empty folder of the sandbox's own */
    VIEW_MASK_FILE,                                 /* something that nobody may see, covered */
    VIEW_MASK_FOLDER,
};

struct view_entry {
    enum view_kind kind;
    const char *source, *target;
};

struct view {
    struct view_entry *entries;                     /* parents before what lies below them */
    size_t n_entries;
    const char **read_only, **read_write;           /* for Landlock: resolved, as seen inside */
    size_t n_read_only, n_read_write;
    bool strict;                                    /* hard_requirement */
    bool workdir_writable;
};

struct view_request {
    const struct sluice_policy *policy;
    const char *const *hidden;                      /* never shown, whatever the policy lists */
    size_t n_hidden;
    void (*warn)(void *ctx, const char *text);      /* a listed path that is left out */
    void *ctx;
};

/* Fails when the policy is strict and a listed path cannot be used; the error names it. */
int sandbox_view_make(const struct view_request *request, struct arena *arena, struct view *out,
                      struct error *err);
/* Whether the view shows the host's file of this path. */
bool sandbox_view_shows(const struct view *view, const char *path);

#endif
