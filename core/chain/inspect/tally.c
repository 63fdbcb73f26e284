/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "chain/chain.h"

/* In the order of their gravity. */
enum chain_outcome chain_tally_request(const struct chain_votes *votes)
{
    enum chain_outcome outcome = CHAIN_ALLOWED;
    for (size_t i = 0; i < votes->n; i++) {
        const struct chain_vote *vote = &votes->items[i];
        if (strcmp(vote->level, chain_level_word(CHAIN_ADVISORY)) == 0)
            continue;
        if (vote->verdict == SLUICE_DENY)
            return CHAIN_DENIED;
        if (vote->verdict == SLUICE_HOLD)
            outcome = CHAIN_HELD;
    }
    return outcome;
}
