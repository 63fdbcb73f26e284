/* SPDX-License-Identifier: Apache-2.0 */
/* Guards: paths that are not mounted with the folder that contains them.
 *
 * The gateway's own files are never seen or never written; secrets and the sockets of services that
 * run programs for others are seen only where the policy lists them by themselves.  A file that
 * other mounts of the same file system show under other names has a guard for each name.
 *
 * Ownership: guards live in the arena they were made in.  One thread. */
#ifndef SANDBOX_MOUNTS_MOUNT_GUARD_H
#define SANDBOX_MOUNTS_MOUNT_GUARD_H

#include <stdbool.h>
#include <stddef.h>

#include "sandbox/wire/wire.h"

struct arena;
struct error;
struct sandbox_spec;

struct mount_guard {
    enum guard_kind kind;
    bool pattern;
    const char *path;                               /* normal form, resolved where it exists */
    uint64_t device, inode;                         /* 0: does not exist, or is a pattern */
};

struct mount_guards {
    struct mount_guard *items;
    size_t n;
};

/* Those of a spec, with the secrets every sandbox is kept from.  -1: a file has names that nobody
 * told us. */
int mount_guards_make(const struct sandbox_spec *spec, struct arena *arena,
                      struct mount_guards *out, struct error *err);
struct mount_guard *mount_guards_append(struct mount_guards *guards, struct arena *arena);
/* Whether path is, or lies below, something of that kind. */
bool mount_guards_cover(const struct mount_guards *guards, enum guard_kind kind, const char *path);
/* A guard of that kind strictly below path, or NULL. */
const struct mount_guard *mount_guards_below(const struct mount_guards *guards,
                                             enum guard_kind kind, const char *path);
/* -1 when one of the gateway's own files is not where it was any more: a folder that was shown
 * meanwhile may hold it. */
int mount_guards_unmoved(const struct mount_guards *guards, struct error *err);

/* What a path without links names, or -1 with errno: ELOOP for one with links. */
int mount_identify(const char *path, uint64_t *device, uint64_t *inode);

#endif
