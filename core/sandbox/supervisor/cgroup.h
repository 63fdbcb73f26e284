/* SPDX-License-Identifier: Apache-2.0 */
/* Control groups of sandboxes: memory, processor time and tasks of everything in one.
 *
 * A group is made below the gateway's own: one folder per controller with cgroup v1, one folder with
 * v2, where a service manager has delegated it.  Blocks; any thread. */
#ifndef SANDBOX_SUPERVISOR_CGROUP_H
#define SANDBOX_SUPERVISOR_CGROUP_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct error;

enum cgroup_kind { CGROUP_NONE, CGROUP_V1, CGROUP_V2 };

enum cgroup_controller { CGROUP_MEMORY, CGROUP_CPU, CGROUP_PIDS, CGROUP_CONTROLLERS };

struct cgroup_home {
    enum cgroup_kind kind;
    char parent[CGROUP_CONTROLLERS][PATH_MAX];      /* "": this controller cannot be had */
    char why[256];                                  /* of the first that cannot */
};

struct cgroup_limits {                              /* 0: none */
    uint64_t memory;                                /* bytes */
    uint64_t cpu_millis;                            /* thousandths of a processor */
    uint64_t pids;
};

/* Where the calling process may make groups.  With v2 it moves to a group below its own, as a group
 * with controllers for others has no process itself. */
void cgroup_find(struct cgroup_home *out);
const char *cgroup_kind_word(enum cgroup_kind kind);       /* "v1", "v2" or "none" */

/* Makes the groups of that name and sets the limits.  The folders are listed in the file list_path,
 * a line each, before they are made.  A controller that cannot be had is passed over. */
int cgroup_make(const struct cgroup_home *home, const char *name,
                const struct cgroup_limits *limits, const char *list_path, struct error *err);
/* The calling process goes into each group that is listed. */
int cgroup_enter(const char *list_path, struct error *err);
/* Removes the groups that are listed, and the list.  False: processes are left in one. */
bool cgroup_remove(const char *list_path);

#endif
