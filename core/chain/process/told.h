/* SPDX-License-Identifier: Apache-2.0 */
/* A transition in frames, the same for every voter of a chain: written once for all of them.
 *
 * Ownership: everything lives as long as the arena.  Any thread. */
#ifndef CHAIN_PROCESS_TOLD_H
#define CHAIN_PROCESS_TOLD_H

#include "base/arena.h"
#include "base/buf.h"
#include "chain/process/message.h"

struct told {
    struct buf policies[MESSAGE_ROLES_COUNT];       /* a frame each, for whoever lacks it */
    struct buf request;                             /* the frame that comes after them */
};

const struct told *told_vote(const struct sluice_transition *transition, int64_t id,
                             struct arena *arena);
const struct told *told_outcome(const struct sluice_outcome *outcome, struct arena *arena);

#endif
