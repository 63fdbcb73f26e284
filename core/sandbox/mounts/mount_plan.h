/* SPDX-License-Identifier: Apache-2.0 */
/* Which files of the host a sandbox sees.
 *
 * Only what the policy's filesystem section lists is there at all, and what every program needs
 * (the baseline).  A plan names the mounts and links that make the sandbox's file tree, the paths
 * that Landlock then grants, and the guards: what a listed folder must not lend.  Symbolic links
 * are resolved here.  Each source is opened once and recorded by device and inode; init mounts
 * nothing else under its name (init/mounts.c).
 *
 * Ownership: a plan lives in the arena it was made in.  One thread. */
#ifndef SANDBOX_MOUNTS_MOUNT_PLAN_H
#define SANDBOX_MOUNTS_MOUNT_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "sandbox/mounts/mount_guard.h"
#include "sandbox/wire/wire.h"
#include <sluice/policy.h>

struct arena;
struct error;

#define SANDBOX_WORKDIR "/sandbox"

struct planned_mount {
    enum mount_kind kind;
    const char *source, *target;
    uint64_t device, inode;
};

/* What a sandbox has of its own in place of the host's: a file, or a link. */
struct own_file {
    const char *path;
    const char *link;                               /* its text; NULL: a file */
    const void *bytes;
    size_t size;
    bool owner_only;                                /* mode 0600, not 0444 */
    bool program;                                   /* mode 0555 */
};

struct mount_plan {
    struct planned_mount *mounts;                   /* parents before what lies below them */
    size_t n_mounts;
    struct mount_guards guards;
    struct own_file *files;                         /* without the links, which are mounts */
    size_t n_files;
    const char **read_only, **read_write;           /* for Landlock: resolved, as seen inside */
    size_t n_read_only, n_read_write;
    bool strict;                                    /* hard_requirement */
    bool workdir_writable;
};

struct mount_plan_request {
    const struct sluice_policy *policy;
    const struct mount_guards *guards;              /* the gateway's own files and the secrets */
    struct planned_mount workdir;                   /* source, device and inode */
    const struct own_file *own;                     /* in folders of /etc, or in the root */
    size_t n_own;
    void (*warn)(void *ctx, const char *text); /* a listed path that is not shown as it reads */
    void *ctx;
};

/* Fails when the policy is strict and a listed path cannot be used; the error names it. */
int mount_plan_make(const struct mount_plan_request *request, struct arena *arena,
                    struct mount_plan *out, struct error *err);
/* Whether a listed path is the sandbox's own, whatever the host has there. */
bool mount_plan_is_own(const char *path);
/* Whether the plan shows the host's file of this path. */
bool mount_plan_shows(const struct mount_plan *plan, const char *path);

#endif
