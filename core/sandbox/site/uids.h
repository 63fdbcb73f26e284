/* SPDX-License-Identifier: Apache-2.0 */
/* Host uids of workloads: each sandbox on this host has another one.
 *
 * A gateway that runs as root has a range of its own, one of an ordinary user the range of
 * /etc/subuid. A uid is claimed by a lock on a file that all gateways of the user share.  The
 * gateway holds the lock as long as the sandbox exists, and the supervisor as long as it lives.  So
 * a uid whose lock nobody holds is free, whatever has crashed.  Blocks; any thread. */
#ifndef SANDBOX_SITE_UIDS_H
#define SANDBOX_SITE_UIDS_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct uid_range {
    uint32_t first, count;                          /* count 0: sandboxes share the gateway's own */
    uint32_t first_gid;                             /* of the same index */
    bool subordinate;                               /* of /etc/subuid */
    char why[256];                                  /* why they share it */
    char claims[PATH_MAX];                          /* folder of the locks; "": none can be had */
};

/* Finds the range of this host.  Starts a process to test whether subordinate ids can be used. */
void uid_range_find(struct uid_range *out);
bool uid_in_range(const struct uid_range *range, uint32_t uid);
/* The uid of the sandbox with that number, while nobody else has it. */
uint32_t uid_of_number(const struct uid_range *range, int64_t number);
/* Locks that uid for an existing sandbox.  Returns the descriptor that holds the lock, -1 with err
 * when somebody else does; -1 without a word where no claims can be had. */
int uid_claim(const struct uid_range *range, uint32_t uid, struct error *err);
/* Locks that uid for a new sandbox of the gateway with that state folder, or the next that is free
 * and that no sandbox of that gateway had before. */
int uid_claim_new(const struct uid_range *range, uint32_t wanted, const char *state_dir,
                  uint32_t *out, struct error *err);
/* Marks the locked uid of a deleted sandbox, so that no later sandbox owns files it left
 * elsewhere. */
void uid_retire(int lock, const char *state_dir);

#endif
