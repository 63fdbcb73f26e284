/* SPDX-License-Identifier: Apache-2.0 */
/* What a sandbox has of the machine it runs on: its folder, its uid, its control groups, the lock
 * that its supervisor holds while it lives.
 *
 * Ownership: a place is its maker's; what it points to lives in its arena.  These block, but not
 * for long, except site_remove.  Any thread. */
#ifndef SANDBOX_SITE_PLACE_H
#define SANDBOX_SITE_PLACE_H

#include "base/arena.h"
#include "sandbox/container/cgroup.h"
#include "sandbox/site/uids.h"
#include "sandbox/wire/spec.h"

/* Limits that were asked for; 0: none. */
struct site_limits {
    int64_t memory_bytes, cpu_millis, pids;
};

struct site_place {
    struct arena *arena;
    const char *state_dir;
    const struct uid_range *uids;
    const struct cgroup_home *cgroups;
    const char *id, *name;
    int64_t number;                                 /* of the sandbox: picks its uid */
    struct site_limits limits;
    const char *dir;                                /* state_dir/sandboxes/id */
    uint32_t uid;
    int uid_lock;                                   /* -1: site_make claims the uid */
    bool claimed;                                   /* it did: the lock is the caller's to close */
};

/* Makes the folders, claims the uid and makes the control groups.  -1: a limit cannot be
 * enforced here, or the machine refused. */
int site_make(struct site_place *place, struct error *err);
/* The folders alone. */
int site_make_folder(const struct site_place *place, struct error *err);
/* Sets the members of the spec that are about this machine. */
void site_fill_spec(const struct site_place *place, struct sandbox_spec *spec);

/* The lock that a supervisor holds, and the process that wrote its id there. */
bool site_lock_held(const char *dir);
pid_t site_lock_pid(const char *dir);

/* Deletes the folder and all that the workload made there: with a supervisor's help where files
 * belong to a subordinate uid.  Blocks for as long as it takes. */
int site_remove(const char *dir, const struct uid_range *uids, const char *supervisor,
                struct error *err);

#endif
