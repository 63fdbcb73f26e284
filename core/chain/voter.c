/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/voter.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

enum { TIMEOUT_MS = 500, MEMORY_MB = 32 };

static enum chain_level level_of(const char *word)
{
    for (int i = 0; word && i < CHAIN_LEVEL_COUNT; i++)
        if (strcmp(word, chain_level_word((enum chain_level)i)) == 0)
            return (enum chain_level)i;
    return CHAIN_MANDATORY;
}

struct voter *voter_new(const struct voter_ops *ops, const struct chain_config *chain,
                        const struct chain_voter_config *config)
{
    struct voter *voter = alloc_zero(1, sizeof *voter);
    voter->ops = ops;
    voter->level = level_of(config->level);
    voter->deny_on_error = !config->on_error || strcmp(config->on_error, "abstain") != 0;
    voter->timeout_ms = config->timeout_ms ? config->timeout_ms
                      : chain->vote_timeout_ms ? chain->vote_timeout_ms : TIMEOUT_MS;
    voter->memory_mb = config->memory_mb ? config->memory_mb : MEMORY_MB;
    return voter;
}

void voter_free(struct voter *voter)
{
    if (!voter)
        return;
    if (voter->impl)
        voter->ops->close(voter);
    free(voter->name);
    free(voter->version);
    free(voter->summary);
    free(voter->path);
    free(voter->sha256);
    free(voter->options);
    free(voter);
}

int voter_check_time(const struct voter *voter, uint64_t took_ns, struct error *err)
{
    uint64_t took_ms = took_ns / 1000000;
    if (took_ms <= voter->timeout_ms)
        return 0;
    return error_set(err, ERROR_TIMEOUT, "it took %llu ms, its limit is %u ms",
                     (unsigned long long)took_ms, voter->timeout_ms);
}

const char *voter_state(const struct voter *voter)
{
    return voter->ops->state ? voter->ops->state(voter) : "ready";
}

void voter_changed(const struct voter *voter, const char *why)
{
    if (voter->watcher)
        voter->watcher(voter->watcher_ctx, voter->name, voter_state(voter), why);
}
