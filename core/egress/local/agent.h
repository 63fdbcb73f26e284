/* SPDX-License-Identifier: Apache-2.0 */
/* What an agent asks the gateway through policy.local, and what the gateway answers.  The messages
 * of the supervisor's stream have the same structs (sandbox/wire/protocol.h).  Plain values. */
#ifndef EGRESS_LOCAL_AGENT_H
#define EGRESS_LOCAL_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct agent_proposal {
    uint64_t id;                                    /* of the question */
    const char *intent;                             /* why, for whoever decides; or "" */
    const char *operations;                         /* {"operations": [{"add_rule": ...}]} */
    const char *const *wishes; /* how the rule of each is to end again (policy/wish.h), as JSON;
                                * "": it stays */
    size_t n_wishes;                                /* as many as operations, or 0 */
};

struct agent_proposed {
    uint64_t id;
    const char *error;                              /* why nothing was looked at; "": it was */
    const char *const *accepted;                    /* ids of the chunks */
    size_t n_accepted;
    const char *const *reasons;                     /* of those that were not accepted */
    size_t n_reasons;
};

/* Without an id: the chunk has changed. */
struct agent_query {
    uint64_t id;
    const char *chunk;
};

struct agent_chunk {
    uint64_t id;
    bool found;
    const char *error;                              /* why it could not be read; "": it could */
    const char *chunk_id, *status, *rule_name, *binary, *rejection_reason, *validation_result,
        *application_error, *review_token, *current_hash, *candidate_hash;
    uint64_t revision;                              /* of its approval, 0: none */
};

#endif
