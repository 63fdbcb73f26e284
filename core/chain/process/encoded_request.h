/* SPDX-License-Identifier: Apache-2.0 */
/* A request to voters in frames: encoded once, and sent to every isolated voter of a chain.
 *
 * Ownership: everything lives as long as the arena.  Immutable; any thread. */
#ifndef CHAIN_PROCESS_ENCODED_REQUEST_H
#define CHAIN_PROCESS_ENCODED_REQUEST_H

#include "base/arena.h"
#include "base/buf.h"
#include "chain/process/message.h"

struct encoded_request {
    struct buf policies[MESSAGE_ROLES_COUNT]; /* one frame each, for a process that lacks it */
    struct buf request;                             /* the frame that follows them */
    int64_t id;                                     /* of the vote */
};

const struct encoded_request *encode_vote(const struct sluice_transition *transition, int64_t id,
                                          struct arena *arena);
const struct encoded_request *encode_inspect(const struct sluice_request *request, int64_t id,
                                             bool may_change, struct arena *arena);
const struct encoded_request *encode_outcome(const struct sluice_outcome *outcome,
                                             struct arena *arena);

#endif
