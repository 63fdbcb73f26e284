/* SPDX-License-Identifier: Apache-2.0 */
/* Undoing and rejecting: an approved chunk takes back exactly what its approval added, as an update
 * like any other; the chunk's status changes with the commit. */
#include <string.h>

#include "base/clock.h"
#include "drafts/drafts_parts.h"
#include "drafts/requests.h"
#include "drafts/rules.h"
#include "update/askers.h"

struct reversal {
    struct drafts *drafts;
    const struct drafts_call *call;
    enum drafts_action action;                      /* DRAFTS_UNDO or DRAFTS_REJECT */
    struct store_draft draft;
    struct arena *arena;
};

/* ---- what becomes of the chunk ---- */

static void set_status(struct store_draft *now, const char *status, const struct drafts_call *why,
                       int64_t at_ms, struct arena *arena)
{
    bool rejected = drafts_is(status, STORE_DRAFT_REJECTED);
    now->status = status;
    now->decided_by = rejected ? why->actor.name : "";
    now->decided_at_ms = rejected ? at_ms : 0;
    now->reason = rejected && why->reason ? why->reason : "";
    now->approvals_json = "[]";
    if (!rejected) { /* who puts it back into the queue asks for it */
        const struct asker person = asker_of(why->actor.name, why->account);
        now->asked_by_json = askers_add(now->asked_by_json, &person, arena);
    }
    now->revision = 0;
    now->undo_json = now->grant_json = "";
}

int drafts_taken_back(struct store_tx *tx, const struct store_draft *draft, const char *status,
                      const struct drafts_call *why, int64_t at_ms, struct arena *arena,
                      struct error *err)
{
    struct store_draft now;
    if (store_tx_draft_get(tx, draft->sandbox_id, draft->id, arena, &now, err))
        return -1;
    set_status(&now, status, why, at_ms, arena);
    if (store_tx_draft_update(tx, &now, draft->status, err))
        return -1;
    const char *word = drafts_is(status, STORE_DRAFT_REJECTED) ? "rejected" : "undone";
    const char *what = arena_printf(arena, "%s %s", drafts_label(&now, arena), word);
    return drafts_event(tx, &now, word, &why->actor, drafts_because(what, now.reason, arena),
                        at_ms, err);
}

static const char *next_status(const struct reversal *r)
{
    return drafts_next(r->action, r->draft.status, NULL);
}

static int change_status(const struct reversal *r, struct store_tx *tx, int64_t at_ms,
                         struct error *err)
{
    return drafts_taken_back(tx, &r->draft, next_status(r), r->call, at_ms, r->arena, err);
}

/* What waits now knows which chunk it is about: approving it settles both. */
static int wait_for_approval(const struct reversal *r, struct store_tx *tx,
                             const struct update_result *result, struct error *err)
{
    struct store_draft held;
    if (store_tx_draft_get(tx, r->draft.sandbox_id, result->draft_id, r->arena, &held, err))
        return -1;
    held.takes_back = r->draft.id;
    held.back_to = next_status(r);
    if (store_tx_draft_update(tx, &held, held.status, err))
        return -1;
    const char *text = arena_printf(r->arena, "%s stays until chunk %s is approved",
                                    drafts_label(&r->draft, r->arena), held.id);
    return drafts_event(tx, &r->draft, "held", &r->call->actor, text, result->at_ms, err);
}

static int write_with_update(struct store_tx *tx, void *arg, const struct update_result *result,
                             struct error *err)
{
    const struct reversal *r = arg;
    switch (result->outcome) {
    case CHAIN_ALLOWED: return change_status(r, tx, result->at_ms, err);
    case CHAIN_HELD:    return wait_for_approval(r, tx, result, err);
    default:            return 0;
    }
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
        return policy_keep(drafts_revoke(current, &change, err), r->arena);
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

static void announce(const struct reversal *r)
{
    drafts_requests_changed(r->drafts, r->call->sandbox, &r->draft);
    drafts_changed(r->drafts, r->call->sandbox, r->draft.id, next_status(r));
    if (r->action == DRAFTS_REJECT)
        drafts_rejected(r->drafts, r->call->sandbox, &r->draft);
}

static void announce_reversal(void *arg, const struct update_result *result)
{
    if (result->outcome == CHAIN_ALLOWED)
        announce(arg);
}

static int attempt(struct drafts *drafts, struct reversal *r, struct update_result *out,
                   struct problems *problems, struct error *err)
{
    struct update_request request = {
        .kind = SLUICE_UNDO,
        .sandbox = r->call->sandbox,
        .actor = r->call->actor,
        .account = r->call->account,
        .reason = r->call->reason,
        .override = r->call->override,
        .draft_id = r->draft.id,
        .also = write_with_update,
        .committed = announce_reversal,
        .arg = r,
    };
    request.of_request = drafts_is_request(&r->draft);
    if (!request.of_request)
        request.policy = without(drafts, r, &request.if_revision, err);
    if (!request.of_request && !request.policy)
        return -1;
    return update_run(drafts->updates, &request, r->arena, out, problems, err);
}

static int revoke_approval(struct drafts *drafts, struct reversal *r, struct update_result *out,
                           struct problems *problems, struct error *err)
{
    int rc = attempt(drafts, r, out, problems, err);
    for (int left = DRAFTS_ATTEMPTS - 1; rc && err->kind == ERROR_MOVED && left > 0; left--)
        rc = load(drafts, r, err) ? -1 : attempt(drafts, r, out, problems, err);
    return rc;
}

/* ---- the two of them ---- */

int drafts_undo(struct drafts *drafts, const struct drafts_call *call, struct arena *arena,
                struct update_result *out, struct problems *problems, struct error *err)
{
    struct reversal *r = arena_zalloc(arena, sizeof *r);
    *r = (struct reversal){.drafts = drafts, .call = call, .action = DRAFTS_UNDO, .arena = arena};
    return load(drafts, r, err) ? -1 : revoke_approval(drafts, r, out, problems, err);
}

int drafts_reject(struct drafts *drafts, const struct drafts_call *call, struct arena *arena,
                  struct update_result *out, bool *changed, struct problems *problems,
                  struct error *err)
{
    struct reversal *r = arena_zalloc(arena, sizeof *r);
    *r = (struct reversal){.drafts = drafts, .call = call, .action = DRAFTS_REJECT, .arena = arena};
    *changed = false;
    if (load(drafts, r, err))
        return -1;
    if (drafts_is(r->draft.status, STORE_DRAFT_APPROVED)) {
        int rc = revoke_approval(drafts, r, out, problems, err);
        *changed = rc == 0 && out->changed;
        return rc;
    }
    if (store_write(drafts->store, write_alone, r, err))
        return -1;
    announce(r);
    return 0;
}
