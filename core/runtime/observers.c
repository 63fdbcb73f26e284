/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/observers.h"

#include "runtime/sandbox.h"

static bool is_committed(const struct update_result *result)
{
    return result->changed && result->outcome == CHAIN_ALLOWED;
}

static bool is_decided(const struct update_result *result)
{
    return result->changed || result->asked;
}

/* A new sandbox has no supervisor yet; it is started with its first revision. */
static void push_policy(void *ctx, const struct update_request *request,
                        const struct update_result *result)
{
    if (is_committed(result) && request->kind != SLUICE_CREATE)
        runtime_push(ctx, result->sandbox_id, result->revision, result->candidate,
                     &result->grants);
}

static void count_decision(void *ctx, const struct update_request *request,
                           const struct update_result *result)
{
    struct runtime *all = ctx;
    (void)request;
    if (is_decided(result))
        all->setup.counts->decided[result->outcome]++;
}

static void log_decision(void *ctx, const struct update_request *request,
                         const struct update_result *result)
{
    const struct runtime *all = ctx;
    bool allowed = result->outcome == CHAIN_ALLOWED;
    if (is_decided(result))
        log_info(all->setup.log, "%s of sandbox %s by %s: %s%s%s", chain_kind_word(request->kind),
                 request->sandbox, request->actor.name, chain_outcome_word(result->outcome),
                 allowed ? "" : ", ", allowed ? "" : result->tally.why);
}

static void publish_decision(void *ctx, const struct update_request *request,
                             const struct update_result *result)
{
    const struct runtime *all = ctx;
    if (!is_decided(result))
        return;
    events_publish(all->setup.events, "decision", request->sandbox,
                   json_pack("{s:s, s:s, s:s, s:s, s:I}", "decision", result->decision_id, "kind",
                             chain_kind_word(request->kind), "outcome",
                             chain_outcome_word(result->outcome), "actor", request->actor.name,
                             "revision",
                             (json_int_t)(is_committed(result) ? result->revision : 0)));
    if (*result->draft_id)
        events_publish(all->setup.events, "draft", request->sandbox,
                       json_pack("{s:s, s:s}", "draft", result->draft_id, "status", "pending"));
}

static void settle_drafts(void *ctx, const struct update_request *request,
                          const struct update_result *result)
{
    const struct runtime *all = ctx;
    drafts_settle(all->setup.drafts, request, result);
}

/* Push comes ahead of all, so that enforcement waits for nothing; drafts come last, as many chunks
 * take time. */
const struct update_observer runtime_observers[RUNTIME_OBSERVERS] = {
    {"push", push_policy, true},
    {"metrics", count_decision, false},
    {"log", log_decision, false},
    {"events", publish_decision, false},
    {"drafts", settle_drafts, false},
};
