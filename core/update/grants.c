/* SPDX-License-Identifier: Apache-2.0 */
/* Grants through an update: which run on with the candidate, and what becomes of the chunk of one
 * that does not. */
#include <string.h>

#include "policy/rule.h"
#include "store/words.h"
#include "update/updates.h"

/* ---- the candidate ---- */

struct policy *update_rolled_back(struct update *u, struct policy *policy,
                                  const struct store_revision *revision)
{
    struct policy_grants then = policy_grants_parse(revision->grants_json, u->arena), gone = {0};
    struct policy_grant *items = arena_alloc(u->arena, (then.n + 1) * sizeof *items);
    for (size_t i = 0; i < then.n; i++)
        if (!policy_grants_of_chunk(&u->running, then.items[i].chunk))
            items[gone.n++] = then.items[i];
    gone.items = items;
    return policy_without_grants(policy, &gone, u->err);
}

struct policy *update_expired(struct update *u)
{
    const struct policy_grant *grant =
        policy_grants_of_chunk(&u->running, u->request->draft_id);
    struct policy_grants ended = {grant, grant != NULL};
    return policy_without_grants(u->result->current, &ended, u->err);
}

int update_choose_grants(struct update *u)
{
    struct update_result *r = u->result;
    const struct policy_grant *added = u->request->grant;
    struct policy_grants kept =
        policy_grants_kept(&u->running, policy_model(r->candidate), u->arena);
    struct policy_grant *items = arena_alloc(u->arena, (kept.n + 1) * sizeof *items);
    if (kept.n)
        memcpy(items, kept.items, kept.n * sizeof *items);
    if (added)
        items[kept.n++] = *added;
    r->grants = (struct policy_grants){items, kept.n};
    if (kept.n <= POLICY_GRANTS_MAX)
        return 0;
    return error_set(u->err, ERROR_LIMIT,
                     "sandbox '%s' has %d grants with an end, which is the most: undo one, or "
                     "wait for the end of one",
                     u->sandbox.name, POLICY_GRANTS_MAX);
}

/* ---- what the change means ---- */

static bool same_rule(const struct sluice_rule *a, const struct sluice_rule *b)
{
    struct buf x = {0}, y = {0};
    schema_encode_json(&policy_rule_schema, a, &x);
    schema_encode_json(&policy_rule_schema, b, &y);
    bool same = strcmp(buf_str(&x), buf_str(&y)) == 0;
    buf_free(&x);
    buf_free(&y);
    return same;
}

/* Grants that run on with the same rule. */
static struct policy_grants find_unchanged(struct update *u)
{
    const struct update_result *r = u->result;
    struct policy_grant *items = arena_alloc(u->arena, (u->running.n + 1) * sizeof *items);
    size_t n = 0;
    for (size_t i = 0; i < u->running.n; i++) {
        const char *key = u->running.items[i].rule;
        const struct sluice_rule *before = policy_find_rule(policy_model(r->current), key),
                                 *after = policy_find_rule(policy_model(r->candidate), key);
        if (before && after && same_rule(before, after))
            items[n++] = u->running.items[i];
    }
    return (struct policy_grants){items, n};
}

/* What is allowed for a while counts neither as allowed before nor after: else a rule that makes it
 * permanent would gain nothing, and voters would let it through. */
int update_without_grants(struct update *u, const struct sluice_policy **before,
                          const struct sluice_policy **after)
{
    const struct update_result *r = u->result;
    *before = r->current ? policy_model(r->current) : NULL;
    *after = policy_model(r->candidate);
    if (!u->running.n)
        return 0;
    struct policy_grants unchanged = find_unchanged(u);
    struct policy *current =
        policy_keep(policy_without_grants(r->current, &unchanged, u->err), u->arena);
    struct policy *candidate =
        policy_keep(policy_without_grants(r->candidate, &unchanged, u->err), u->arena);
    if (!current || !candidate)
        return -1;
    *before = policy_model(current);
    *after = policy_model(candidate);
    return 0;
}

/* ---- the commit ---- */

static int end_chunk(struct store_tx *tx, const struct update *u, const char *id,
                     struct error *err)
{
    const struct update_request *q = u->request;
    struct store_draft chunk;
    if (store_tx_draft_get(tx, u->sandbox.id, id, u->arena, &chunk, err) != 0)
        return err->kind == ERROR_NOT_FOUND ? 0 : -1;
    /* The request itself may have settled it, as an undo does. */
    if (strcmp(chunk.status, store_draft_status_word(STORE_DRAFT_APPROVED)) != 0)
        return 0;
    const char *approved = chunk.status;
    chunk.status = store_draft_status_word(STORE_DRAFT_SUPERSEDED);
    chunk.reason = q->kind == SLUICE_EXPIRE
                       ? arena_printf(u->arena, "its grant has ended: %s", q->reason)
                       : arena_printf(u->arena, "its grant has ended: revision %lu does not have "
                                      "its rule", (unsigned long)u->result->revision);
    chunk.decided_by = q->actor.name;
    chunk.decided_at_ms = u->result->at_ms;
    chunk.undo_json = "";
    chunk.grant_ended = true;
    const struct store_draft_event event = {
        id, "expired", q->actor.name,
        arena_printf(u->arena, "Rule '%s' expired: %s", chunk.rule_name, chunk.reason),
        u->result->at_ms, q->actor.identity, q->actor.origin};
    return store_tx_draft_update(tx, &chunk, approved, err) ||
                   store_tx_draft_event(tx, u->sandbox.id, &event, err) ? -1 : 0;
}

void update_find_ended(struct update *u)
{
    struct policy_grant *items = arena_alloc(u->arena, (u->running.n + 1) * sizeof *items);
    size_t n = 0;
    for (size_t i = 0; i < u->running.n; i++)
        if (!policy_grants_of_chunk(&u->result->grants, u->running.items[i].chunk))
            items[n++] = u->running.items[i];
    u->result->ended = (struct policy_grants){items, n};
}

int update_write_ended(struct store_tx *tx, const struct update *u, struct error *err)
{
    const struct policy_grants *ended = &u->result->ended;
    for (size_t i = 0; i < ended->n; i++)
        if (end_chunk(tx, u, ended->items[i].chunk, err) != 0)
            return -1;
    return 0;
}
