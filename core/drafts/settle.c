/* SPDX-License-Identifier: Apache-2.0 */
/* After a change of the policy: chunks that ask for what it grants by now need no decision. */
#include <string.h>

#include "base/clock.h"
#include "base/glob.h"
#include "drafts/drafts_parts.h"
#include "drafts/rules.h"
#include "policy/cure/cure.h"

static const char covered_by[] = "covered by policy revision ";

bool drafts_was_covered(const struct store_draft *draft)
{
    return drafts_is(draft->status, STORE_DRAFT_SUPERSEDED) &&
           strncmp(draft->reason, covered_by, sizeof covered_by - 1) == 0;
}

int drafts_supersede(struct store_tx *tx, const struct store_draft *draft, const char *reason,
                     struct arena *arena, struct error *err)
{
    struct store_draft now;
    uint64_t forgotten;
    if (store_tx_draft_get(tx, draft->sandbox_id, draft->id, arena, &now, err))
        return -1;
    const char *expected = now.status, *next = drafts_next(DRAFTS_SUPERSEDE, now.status, err);
    if (!next)
        return -1;
    now.status = next;
    now.reason = reason;
    now.decided_by = "gateway";
    now.decided_at_ms = clock_now_ms();
    if (store_tx_draft_update(tx, &now, expected, err) ||
        store_tx_draft_trim(tx, now.sandbox_id, next, DRAFTS_SUPERSEDED_MAX, &forgotten, err))
        return -1;
    const char *text = arena_printf(arena, "%s superseded: %s", drafts_label(&now, arena), reason);
    return drafts_event(tx, &now, "superseded", DRAFTS_GATEWAY, text, now.decided_at_ms, err);
}

struct settling {
    const struct store_draft *draft;
    const char *reason;
    struct arena *arena;
};

static int write_superseded(struct store_tx *tx, void *arg, struct error *err)
{
    const struct settling *s = arg;
    return drafts_supersede(tx, s->draft, s->reason, s->arena, err);
}

/* A rule whose first endpoint the policy does not let through is not covered, which is found out
 * much sooner than by adding it.  Patterns, and what names no host or binary, tell nothing. */
static bool may_be_covered(const struct policy *policy, const struct sluice_rule *rule,
                           struct arena *arena)
{
    struct policy_refused refused;
    struct policy_decision decision;
    if (!rule->n_endpoints || !rule->n_binaries || !rule->endpoints[0]->n_ports)
        return true;
    const char *host = rule->endpoints[0]->host, *binary = rule->binaries[0]->path;
    if (glob_has_wildcard(host) || glob_has_wildcard(binary) ||
        policy_refused_connection(host, rule->endpoints[0]->ports[0], binary, arena, &refused))
        return true;
    struct policy_request request = {
        .host = refused.host, .port = refused.port, .binary = refused.binary};
    policy_match(policy_model(policy), &request, &decision, NULL);
    return decision.allowed;
}

/* The program's request passes. */
static bool passes(const struct policy *policy, const struct store_draft *draft)
{
    const struct policy_request caller = {
        .host = draft->host, .port = draft->port, .binary = draft->binary};
    const struct policy_refused refused = {
        .host = draft->host, .port = draft->port, .binary = draft->binary,
        .method = draft->method, .path = draft->path, .operation = draft->operation,
        .field = draft->field, .rpc_method = draft->rpc_method, .tool = draft->tool};
    return policy_refused_passes(policy_model(policy), &caller, &refused, NULL);
}

/* Adding its rule would change nothing. */
static bool adds_nothing(const struct policy *policy, const struct store_draft *draft,
                    struct arena *arena)
{
    struct problems problems = {0}, warnings = {0};
    const struct sluice_rule *rule = drafts_rule_decode(draft->rule_json, arena, NULL);
    struct policy_operation add = {
        .kind = POLICY_ADD_RULE,
        .rule_name = draft->rule_name,
        .rule = rule,
        .host = "",
        .binary_path = "",
    };
    struct policy_operations operations = {&add, 1, NULL};
    struct policy *with = NULL;
    if (rule && may_be_covered(policy, rule, arena))
        with = policy_merge(policy, &operations, &problems, &warnings);
    bool same = with && strcmp(policy_hash(with), policy_hash(policy)) == 0;
    policy_unref(with);
    problems_free(&problems);
    problems_free(&warnings);
    return same;
}

static void settle_one(struct drafts *drafts, const char *sandbox, const struct store_draft *draft,
                       const struct policy *policy, const char *reason, struct arena *arena)
{
    struct settling settling = {draft, reason, arena};
    struct error err;
    if (*draft->held_kind ||
        !(*draft->method ? passes(policy, draft) : adds_nothing(policy, draft, arena)))
        return;
    if (store_write(drafts->store, write_superseded, &settling, &err) == 0)
        drafts_changed(drafts, sandbox, draft->id, store_draft_status_word(STORE_DRAFT_SUPERSEDED));
    else if (err.kind != ERROR_STATE && err.kind != ERROR_NOT_FOUND)
        log_warn(drafts->log, "sandbox %s: chunk %s: %s", sandbox, draft->id, err.text);
}

/* The newest policy, with which there is something to do for the chunks. */
struct newest {
    struct policy *policy;
    const char *reason;
};

static int read_newest(struct drafts *drafts, const char *sandbox, const char *sandbox_id,
                       struct arena *arena, struct newest *out)
{
    struct store_revision revision;
    struct error err;
    out->policy = updates_policy_at(drafts->updates, sandbox_id, 0, arena, &revision, &err);
    if (!out->policy) {
        log_warn(drafts->log, "sandbox %s: chunks that are covered stay pending: %s", sandbox,
                 err.text);
        return -1;
    }
    /* What is granted for a while may have to be asked for again. */
    const struct policy_grants grants = policy_grants_parse(revision.grants_json, arena);
    out->policy = policy_keep(policy_without_grants(out->policy, &grants, &err), arena);
    if (!out->policy) {
        log_warn(drafts->log, "sandbox %s: chunks that are covered stay pending: %s", sandbox,
                 err.text);
        return -1;
    }
    out->reason = arena_printf(arena, "%s%lu", covered_by, (unsigned long)revision.revision);
    return 0;
}

void drafts_settle_new(struct drafts *drafts, const struct store_sandbox *box,
                       const struct store_draft *items, size_t n, struct arena *arena)
{
    struct newest newest;
    if (n == 0 || read_newest(drafts, box->name, box->id, arena, &newest) != 0)
        return;
    for (size_t i = 0; i < n; i++)
        settle_one(drafts, box->name, &items[i], newest.policy, newest.reason, arena);
}

static void settle_pending(struct drafts *drafts, const char *sandbox, const char *sandbox_id,
                           struct arena *arena)
{
    struct newest newest;
    struct store_draft_key *keys;
    struct error err;
    size_t n = 0;
    const char *pending = store_draft_status_word(STORE_DRAFT_PENDING);
    if (store_draft_keys(drafts->store, sandbox_id, pending, arena, &keys, &n, &err) != 0)
        log_warn(drafts->log, "sandbox %s: chunks that are covered stay pending: %s", sandbox,
                 err.text);
    if (n == 0 || read_newest(drafts, sandbox, sandbox_id, arena, &newest) != 0)
        return;
    for (size_t i = 0; i < n; i++) {
        struct arena *scratch = arena_new();
        struct store_draft draft;
        if (store_draft_get(drafts->store, sandbox_id, keys[i].id, scratch, &draft, &err) == 0)
            settle_one(drafts, sandbox, &draft, newest.policy, newest.reason, scratch);
        arena_free(scratch);
    }
}

/* An undo or a rejection has told of its own chunk. */
static void tell_ended(struct drafts *drafts, const char *sandbox,
                       const struct update_result *result, const char *id, struct arena *arena)
{
    struct store_draft draft;
    if (store_draft_get(drafts->store, result->sandbox_id, id, arena, &draft, NULL) == 0 &&
        draft.grant_ended)
        drafts_changed(drafts, sandbox, id, draft.status);
}

void drafts_settle(struct drafts *drafts, const struct update_request *request,
                   const struct update_result *result)
{
    struct arena *arena = arena_new();
    for (size_t i = 0; i < result->ended.n; i++)
        tell_ended(drafts, request->sandbox, result, result->ended.items[i].chunk, arena);
    if (result->outcome == CHAIN_ALLOWED && result->changed && request->kind != SLUICE_EXPIRE)
        settle_pending(drafts, request->sandbox, result->sandbox_id, arena);
    arena_free(arena);
}
