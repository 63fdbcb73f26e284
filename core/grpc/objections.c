/* SPDX-License-Identifier: Apache-2.0 */
/* How a client is told that voters refused an update, or hold it. */
#include <inttypes.h>
#include <stdio.h>

#include "grpc/details.h"
#include "grpc/work.h"

static bool objects(const struct chain_vote *vote)
{
    return vote->verdict == SLUICE_DENY || vote->verdict == SLUICE_HOLD;
}

static void put_sentence(const struct chain_vote *v, struct buf *out)
{
    buf_printf(out, "; %s: %s%s%s", v->voter, v->path, *v->path ? ": " : "", v->message);
}

static void add_details(const struct chain_vote *v, struct buf *details)
{
    const struct grpc_pair pairs[] = {
        {"voter", v->voter}, {"level", v->level},     {"code", v->code},
        {"path", v->path},   {"message", v->message},
    };
    grpc_details_info(details, v->verdict == SLUICE_HOLD ? "VOTER_HOLDS" : "VOTER_DENIES", pairs,
                      sizeof pairs / sizeof *pairs);
}

int grpc_check_outcome(struct grpc_work *work, const struct update_result *result)
{
    struct buf text = {0};
    if (result->outcome == CHAIN_ALLOWED)
        return 0;
    buf_printf(&text, "%s%s", result->outcome == CHAIN_HELD ? "held for review: " : "",
               result->tally.why);
    for (size_t i = 0; i < result->votes.n; i++) {
        const struct chain_vote *vote = &result->votes.items[i];
        if (!objects(vote))
            continue;
        put_sentence(vote, &text);
        add_details(vote, &work->details);
    }
    error_set(&work->err, ERROR_DENIED, "%s", buf_str(&text));
    buf_free(&text);
    return -1;
}

void grpc_tell_version(struct grpc_work *work, uint64_t version)
{
    char current[24];
    const struct grpc_pair pairs[] = {{"recovery", "REFRESH_STATE"},
                                      {"current_resource_version", current}};
    snprintf(current, sizeof current, "%" PRIu64, version);
    grpc_details_info(&work->details, "RESOURCE_VERSION_CONFLICT", pairs, 2);
}

int grpc_check_version(struct grpc_work *work, const struct store_sandbox *s)
{
    uint64_t expected = grpc_number(work, "expected_resource_version");
    if (!expected || expected == s->revision)
        return 0;
    grpc_tell_version(work, s->revision);
    return error_set(&work->err, ERROR_MOVED,
                     "the change failed due to concurrent modification (current "
                     "resource_version: %" PRIu64 ")", s->revision);
}
