/* SPDX-License-Identifier: Apache-2.0 */
/* Control groups of sandboxes: memory, processor time and tasks of everything in one.
 *
 * A group is made below the gateway's own: one folder per controller with cgroup v1, one folder
 * with v2, where a service manager has delegated it.  Blocks; any thread. */
#ifndef SANDBOX_CONTAINER_CGROUP_H
#define SANDBOX_CONTAINER_CGROUP_H

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

/* Where the calling process may make groups.  With v2 it moves to a group below its own, because a
 * group that distributes controllers may have no process. */
void cgroup_find(struct cgroup_home *out);
const char *cgroup_kind_word(enum cgroup_kind kind);       /* "v1", "v2" or "none" */

/* Makes the groups of that name and sets the limits.  The folders are listed in the file list_path,
 * a line each, before they are made.  A controller that is not available is skipped. */
int cgroup_make(const struct cgroup_home *home, const char *name,
                const struct cgroup_limits *limits, const char *list_path, struct error *err);
/* Moves the process, and what it starts from then on, into each listed group.  The kernel takes
 * about 10 ms for it. */
int cgroup_enter(const char *list_path, pid_t pid, struct error *err);
/* Removes the listed groups, and the list.  False: a group still has processes. */
bool cgroup_remove(const char *list_path);

#endif
