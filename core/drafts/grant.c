/* SPDX-License-Identifier: Apache-2.0 */
/* Grants with an end: asked for, used, ended. */
#include <string.h>

#include "base/clock.h"
#include "drafts/drafts_parts.h"
#include "drafts/requests.h"
#include "drafts/rules.h"

const struct policy_grant *drafts_wish(const struct drafts_call *call,
                                       const struct store_draft *draft, struct arena *arena)
{
    return call->ends ? call->grant : policy_grant_parse(draft->grant_json, arena);
}

/* Of no other rule: the end of the grant takes out the whole rule. */
static const char *own_name(const struct policy *policy, const struct store_draft *draft,
                            struct arena *arena)
{
    const char *name = arena_printf(arena, "%s_grant_%.8s", draft->rule_name, draft->id);
    for (int i = 2; policy_find_rule(policy_model(policy), name); i++)
        name = arena_printf(arena, "%s_grant_%.8s_%d", draft->rule_name, draft->id, i);
    return name;
}

const struct sluice_grant *drafts_show_grant(struct drafts_ask *ask)
{
    ask->shown = (struct sluice_grant){
        .size = sizeof ask->shown, .uses = (uint64_t)ask->grant.uses, .for_ms = ask->grant.for_ms,
        .expires_at_ms = ask->grant.expires_at_ms, .pid = (int32_t)ask->grant.pid};
    return &ask->shown;
}

int drafts_ask_grant(const struct policy *policy, const struct store_draft *draft,
                     struct arena *arena, struct drafts_ask *ask, struct error *err)
{
    char boot[CLOCK_BOOT_SIZE], time[CLOCK_TEXT_SIZE];
    int64_t now = clock_now_ms();
    ask->grant = policy_grant_begin(ask->wish, arena_str(arena, clock_boot_id(boot)), now,
                                    clock_boot_ms());
    ask->grant.chunk = draft->id;
    ask->grant.rule = ask->operation.rule_name = own_name(policy, draft, arena);
    ask->operation.own_rule = true;
    ask->request.grant = &ask->grant;
    ask->draft.grant = drafts_show_grant(ask);
    if (ask->grant.expires_at_ms && ask->grant.expires_at_ms <= now)
        return error_set(err, ERROR_STATE,
                         "the grant would have ended at %s: approve it with a time to come",
                         clock_format(ask->grant.expires_at_ms, time));
    return 0;
}

/* ---- its end ---- */

static int forget_older(struct store_tx *tx, void *arg, const struct update_result *result,
                        struct error *err)
{
    uint64_t forgotten;
    (void)arg;
    return store_tx_draft_trim(tx, result->sandbox_id,
                               store_draft_status_word(STORE_DRAFT_SUPERSEDED),
                               DRAFTS_SUPERSEDED_MAX, &forgotten, err);
}

static int expire_rule(struct drafts *drafts, const char *sandbox, const char *id,
                       const char *why, struct arena *arena, struct error *err)
{
    struct problems problems = {0};
    struct update_result result;
    struct update_request request = {
        .kind = SLUICE_EXPIRE,
        .sandbox = sandbox,
        .actor = {sizeof request.actor, "gateway", "admin", "gateway", "gateway",
                  "gateway"},
        .reason = why,
        .draft_id = id,
        .also = forget_older,
    };
    int rc = update_run(drafts->updates, &request, arena, &result, &problems, err);
    problems_free(&problems);
    return rc;
}

int drafts_expire(struct drafts *drafts, const char *sandbox, const char *id, const char *why,
                  struct error *err)
{
    struct arena *arena = arena_new();
    struct store_sandbox box;
    struct store_draft draft;
    int rc = store_sandbox_get(drafts->store, sandbox, arena, &box, err);
    bool request = rc == 0 &&
                   store_draft_get(drafts->store, box.id, id, arena, &draft, NULL) == 0 &&
                   drafts_is_request(&draft);
    if (request)
        rc = drafts_expire_request(drafts, sandbox, &draft, why, err);
    else if (rc == 0)
        rc = expire_rule(drafts, sandbox, id, why, arena, err);
    arena_free(arena);
    return rc;
}

/* ---- its uses ---- */

struct use {
    struct store_draft draft;
    int64_t used;
    struct arena *arena;
};

static int write_use(struct store_tx *tx, void *arg, struct error *err)
{
    struct use *use = arg;
    if (store_tx_draft_get(tx, use->draft.sandbox_id, use->draft.id, use->arena, &use->draft,
                           err) != 0)
        return -1;
    const struct policy_grant *stored = policy_grant_parse(use->draft.grant_json, use->arena);
    if (!stored || !stored->uses || use->used <= stored->used)
        return 0;
    struct policy_grant grant = *stored;
    grant.used = use->used < grant.uses ? use->used : grant.uses;
    use->draft.grant_json = policy_grant_text(&grant, use->arena);
    return store_tx_draft_update(tx, &use->draft, use->draft.status, err);
}

int drafts_used(struct drafts *drafts, const char *sandbox, const char *id, int64_t used,
                struct error *err)
{
    struct arena *arena = arena_new();
    struct use *use = arena_zalloc(arena, sizeof *use);
    struct store_sandbox box;
    *use = (struct use){.used = used, .arena = arena};
    int rc = store_sandbox_get(drafts->store, sandbox, arena, &box, err);
    if (rc == 0) {
        use->draft.sandbox_id = box.id;
        use->draft.id = id;
        rc = store_write(drafts->store, write_use, use, err);
    }
    arena_free(arena);
    return rc;
}
