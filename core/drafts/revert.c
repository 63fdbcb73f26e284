/* SPDX-License-Identifier: Apache-2.0 */
/* Undoing and rejecting: an approved chunk takes back exactly what its approval added, as an update
 * like any other; the chunk's status changes with the commit. */
#include <string.h>

#include "base/clock.h"
#include "drafts/inner.h"
#include "drafts/rules.h"

struct reversal {
    const struct drafts_call *call;
    enum drafts_action action;                      /* DRAFTS_UNDO or DRAFTS_REJECT */
    struct store_draft draft;
    struct arena *arena;
};

/* ---- what becomes of the chunk ---- */

static void set_status(const struct reversal *r, struct store_draft *now, int64_t at_ms)
{
    bool rejected = r->action == DRAFTS_REJECT;
    now->status = drafts_next(r->action, r->draft.status, NULL);
    now->decided_by = rejected ? r->call->actor.name : "";
    now->decided_at_ms = rejected ? at_ms : 0;
    now->reason = rejected && r->call->reason ? r->call->reason : "";
    now->approvals_json = "[]";
    now->revision = 0;
    now->undo_json = "";
}

static int change_status(const struct reversal *r, struct store_tx *tx, int64_t at_ms,
                         struct error *err)
{
    struct store_draft now;
    if (store_tx_draft_get(tx, r->draft.sandbox_id, r->draft.id, r->arena, &now, err))
        return -1;
    set_status(r, &now, at_ms);
    if (store_tx_draft_update(tx, &now, r->draft.status, err))
        return -1;
    const char *word = r->action == DRAFTS_REJECT ? "rejected" : "undone";
    const char *what = arena_printf(r->arena, "%s %s", drafts_label(&now, r->arena), word);
    return drafts_event(tx, &now, word, r->call->actor.name,
                        drafts_because(what, now.reason, r->arena), at_ms, err);
}

static int write_with_update(struct store_tx *tx, void *arg, const struct update_result *result,
                             struct error *err)
{
    const struct reversal *r = arg;
    return result->outcome == CHAIN_ALLOWED ? change_status(r, tx, result->at_ms, err) : 0;
}

static int write_alone(struct store_tx *tx, void *arg, struct error *err)
{
    return change_status(arg, tx, clock_now_ms(), err);
}

/* ---- what becomes of the policy ---- */

/* The policy without what the approval added, in the arena, and the revision it is made from. */
static struct policy *without(struct drafts *drafts, const struct reversal *r, uint64_t *base,
                              struct error *err)
{
    const char *id = r->draft.sandbox_id;
    struct drafts_change change;
    struct store_revision newest, then;
    struct policy *current;
    if (drafts_change_decode(r->draft.undo_json, r->arena, &change, err) ||
        !(current = updates_policy_at(drafts->updates, id, 0, r->arena, &newest, err)))
        return NULL;
    *base = newest.revision;
    if (strcmp(change.hash, newest.hash) != 0)
        return drafts_keep(drafts_take_back(current, &change, err), r->arena);
    /* Nothing happened since: what was before is exact, whatever the approval changed. */
    return updates_policy_at(drafts->updates, id, change.base_revision, r->arena, &then, err);
}

static int load(struct drafts *drafts, struct reversal *r, struct error *err)
{
    struct store_sandbox box;
    if (store_sandbox_get(drafts->store, r->call->sandbox, r->arena, &box, err) ||
        store_draft_get(drafts->store, box.id, r->call->id, r->arena, &r->draft, err) ||
        !drafts_next(r->action, r->draft.status, err))
        return -1;
    return 0;
}

static int attempt(struct drafts *drafts, struct reversal *r, struct update_result *out,
                   struct problems *problems, struct error *err)
{
    struct update_request request = {
        .kind = SLUICE_UNDO, .sandbox = r->call->sandbox, .actor = r->call->actor,
        .reason = r->call->reason, .override = r->call->override, .draft_id = r->draft.id,
        .also = write_with_update, .arg = r,
    };
    request.policy = without(drafts, r, &request.if_revision, err);
    if (!request.policy)
        return -1;
    return update_run(drafts->updates, &request, r->arena, out, problems, err);
}

static int take_back(struct drafts *drafts, struct reversal *r, struct update_result *out,
                     struct problems *problems, struct error *err)
{
    int rc = attempt(drafts, r, out, problems, err);
    for (int left = DRAFTS_ATTEMPTS - 1; rc && err->kind == ERROR_MOVED && left > 0; left--)
        rc = load(drafts, r, err) ? -1 : attempt(drafts, r, out, problems, err);
    if (rc == 0 && out->outcome == CHAIN_ALLOWED)
        drafts_changed(drafts, r->call->sandbox, r->draft.id,
                       drafts_next(r->action, r->draft.status, NULL));
    return rc;
}

/* ---- the two of them ---- */

int drafts_undo(struct drafts *drafts, const struct drafts_call *call, struct arena *arena,
                struct update_result *out, struct problems *problems, struct error *err)
{
    struct reversal *r = arena_zalloc(arena, sizeof *r);
    *r = (struct reversal){.call = call, .action = DRAFTS_UNDO, .arena = arena};
    return load(drafts, r, err) ? -1 : take_back(drafts, r, out, problems, err);
}

int drafts_reject(struct drafts *drafts, const struct drafts_call *call, struct arena *arena,
                  struct update_result *out, bool *changed, struct problems *problems,
                  struct error *err)
{
    struct reversal *r = arena_zalloc(arena, sizeof *r);
    *r = (struct reversal){.call = call, .action = DRAFTS_REJECT, .arena = arena};
    *changed = false;
    if (load(drafts, r, err))
        return -1;
    if (drafts_is(r->draft.status, STORE_DRAFT_APPROVED)) {
        int rc = take_back(drafts, r, out, problems, err);
        *changed = rc == 0 && out->changed;
        return rc;
    }
    if (store_write(drafts->store, write_alone, r, err))
        return -1;
    drafts_changed(drafts, call->sandbox, r->draft.id, drafts_next(DRAFTS_REJECT, r->draft.status, NULL));
    return 0;
}
