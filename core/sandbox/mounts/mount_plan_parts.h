/* SPDX-License-Identifier: Apache-2.0 */
/* Between mount_plan.c and the parts of making a plan.  Everything lives in the plan's arena. */
#ifndef SANDBOX_MOUNTS_MOUNT_PLAN_PARTS_H
#define SANDBOX_MOUNTS_MOUNT_PLAN_PARTS_H

#include "sandbox/mounts/mount_plan.h"
#include "sandbox/mounts/path.h"

struct listed {
    const char *path;                               /* normal form, as written */
    const char *where;                              /* document path; NULL: baseline */
    bool writable;
};

struct links {
    struct path_link *items;
    size_t n;
};

struct maker {
    const struct mount_plan_request *request;
    struct arena *arena;
    struct mount_plan *plan;
    struct links links;                             /* all that were met on the way */
    struct own_file *own;                           /* of the request, with resolved folders */
    size_t n_own;
    const char **writable;                          /* as written and resolved */
    size_t n_writable;
};

/* mount_list.c */
void plan_add_mount(struct maker *m, const struct planned_mount *mount);
void plan_add_links(struct maker *m, const struct path_walk *walk);
void plan_add_text(struct maker *m, const char ***items, size_t *n, const char *text);
/* What Landlock allows. */
void plan_grant(struct maker *m, const char *path, bool writable);
void plan_warn(struct maker *m, const char *text);
int plan_list(struct maker *m, const char *const *paths, size_t n, bool writable,
              struct error *err);
void plan_list_baseline(struct maker *m);

/* mount_own.c: the request's own files, in place of what the host has there. */
void plan_prepare_own(struct maker *m);
/* One of them, or NULL. */
const struct own_file *plan_own_file(const struct maker *m, const char *path);

/* mount_rebuilt.c: what is read-only in a writable folder, and whom to tell. */
bool plan_is_host_kind(enum mount_kind kind);
void plan_guard_read_only(struct maker *m);
void plan_tell_of_rebuilt(struct maker *m);

#endif
