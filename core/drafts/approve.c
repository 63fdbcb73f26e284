/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "drafts/drafts_parts.h"
#include "drafts/requests.h"
#include "drafts/rules.h"
#include "update/askers.h"

struct approval {
    struct drafts *drafts;
    const struct drafts_call *call;
    const char *token;
    struct store_draft draft;                       /* as it was when it was reviewed */
    const char *approvals_json;
    struct arena *arena;
    bool stale; /* the token is not that of the chunk as it stands */
    const struct policy_grant *wish;                /* how it ends; NULL: it stays */
    const struct policy_grant *begun;               /* the same of a held request, from now on */
    /* What the token is of, where the approval has another end than the chunk proposes; NULL: the
     * approval itself. */
    const struct update_result *reviewed;
    const char *status;                             /* what became of it */
    const char *taken_back, *back_to; /* the chunk that it took back, and its status; NULL: none */
};

/* ---- what is asked before and written with the commit ---- */

static int review(void *arg, const struct update_result *seen, struct error *err)
{
    struct approval *a = arg;
    char token[DIGEST_HEX_SIZE];
    const struct update_result *reviewed = a->reviewed ? a->reviewed : seen;
    drafts_token(&a->draft, reviewed, token);
    if (strcmp(token, a->token) == 0 && reviewed->base_revision == seen->base_revision &&
        strcmp(reviewed->chain_digest, seen->chain_digest) == 0)
        return 0;
    a->stale = true;
    return error_set(err, ERROR_MOVED,
                     "the policy, the chunk or the voters changed since chunk '%s' was "
                     "reviewed: review it again, its review token is now %s",
                     a->draft.id, token);
}

/* What the approval changed, to be kept in the chunk. */
static const char *undo_json_of(const struct update_result *result, struct arena *arena)
{
    return drafts_change_encode(result->diff, result->base_revision, result->hash,
                                !drafts_same_but_rules(result->current, result->candidate), arena);
}

static int same_as_reviewed(const struct approval *a, const struct store_draft *now,
                            struct error *err)
{
    if (drafts_asks_the_same(&a->draft, now) && strcmp(a->draft.status, now->status) == 0 &&
        strcmp(a->draft.approvals_json, now->approvals_json) == 0)
        return 0;
    return error_set(err, ERROR_MOVED,
                     "chunk '%s' was edited or decided since it was reviewed: review it again",
                     now->id);
}

static void set_approved(const struct approval *a, const struct update_result *r,
                         struct store_draft *now)
{
    now->status = store_draft_status_word(STORE_DRAFT_APPROVED);
    now->decided_by = a->call->actor.name;
    now->decided_at_ms = r->at_ms;
    now->reason = a->call->reason ? a->call->reason : "";
    if (drafts_is_request(now)) {
        now->grant_json = policy_grant_text(a->begun, a->arena);
        return;
    }
    now->revision = r->revision;
    now->undo_json = undo_json_of(r, a->arena);
    now->grant_json =
        policy_grant_text(policy_grants_of_chunk(&r->grants, a->draft.id), a->arena);
}

static int record(struct approval *a, struct store_tx *tx, const struct update_result *r,
                  const struct store_draft *now, struct error *err)
{
    static const char *const events[] = {
        [CHAIN_ALLOWED] = "approved", [CHAIN_DENIED] = "refused", [CHAIN_HELD] = "approval",
    };
    const char *label = drafts_label(now, a->arena);
    const char *until =
        a->wish ? arena_printf(a->arena, ", ends %s", policy_grant_words(a->wish, a->arena)) : "";
    const char *text =
        r->outcome == CHAIN_ALLOWED ? arena_printf(a->arena, "%s approved%s", label, until)
        : r->outcome == CHAIN_HELD
            ? arena_printf(a->arena, "%s waits for another approval: %s", label, r->tally.why)
            : arena_printf(a->arena, "%s not approved: %s", label, r->tally.why);
    return drafts_event(tx, now, events[r->outcome], &a->call->actor, text, r->at_ms, err);
}

/* A held undo: the chunk that it is about, unless something else became of that one meanwhile. */
static int settle_original(struct approval *a, struct store_tx *tx, const struct store_draft *held,
                           const struct update_result *r, struct error *err)
{
    struct drafts_call why = *a->call;
    struct store_draft original;
    if (store_tx_draft_get(tx, held->sandbox_id, held->takes_back, a->arena, &original, err))
        return err->kind == ERROR_NOT_FOUND ? 0 : -1;
    if (!drafts_is(original.status, STORE_DRAFT_APPROVED))
        return 0;
    why.reason = held->rationale;
    a->taken_back = original.id;
    a->back_to = held->back_to;
    return drafts_taken_back(tx, &original, held->back_to, &why, r->at_ms, a->arena, err);
}

static int write_approval(struct store_tx *tx, void *arg, const struct update_result *r,
                          struct error *err)
{
    struct approval *a = arg;
    struct store_draft now;
    if (store_tx_draft_get(tx, a->draft.sandbox_id, a->draft.id, a->arena, &now, err) ||
        !drafts_next(DRAFTS_APPROVE, now.status, err) || same_as_reviewed(a, &now, err))
        return -1;
    const char *expected = now.status;
    if (r->outcome != CHAIN_DENIED)
        now.approvals_json = a->approvals_json;
    if (r->outcome == CHAIN_HELD)                   /* that is what they are approvals of */
        now.grant_json = policy_grant_text(a->wish, a->arena);
    if (r->outcome == CHAIN_ALLOWED)
        set_approved(a, r, &now);
    a->status = now.status;
    a->taken_back = NULL;
    if (store_tx_draft_update(tx, &now, expected, err) || record(a, tx, r, &now, err))
        return -1;
    return r->outcome == CHAIN_ALLOWED && *now.takes_back ? settle_original(a, tx, &now, r, err)
                                                          : 0;
}

static void announce_approval(void *arg, const struct update_result *r)
{
    const struct approval *a = arg;
    if (r->outcome != CHAIN_ALLOWED)
        return;
    drafts_requests_changed(a->drafts, a->call->sandbox, &a->draft);
    drafts_changed(a->drafts, a->call->sandbox, a->draft.id, a->status);
    if (a->taken_back)
        drafts_changed(a->drafts, a->call->sandbox, a->taken_back, a->back_to);
}

/* ---- approving ---- */

static int may_approve(const struct drafts_call *call, const struct store_draft *draft,
                       struct arena *arena, struct error *err)
{
    if (!drafts_next(DRAFTS_APPROVE, draft->status, err))
        return -1;
    const struct asker person = asker_of(call->actor.name, call->account);
    struct askers askers = askers_decode(draft->asked_by_json, arena);
    if (drafts_is_held_update(draft) &&
        (strcmp(draft->author, call->actor.name) == 0 || askers_have(&askers, &person)))
        return error_set(err, ERROR_FORBIDDEN,
                         "'%s' asked for this update: somebody else must approve it",
                         draft->author);
    return 0;
}

/* The token is of the chunk as it was shown, with the end that it proposes. */
static int find_reviewed(struct drafts *drafts, struct approval *a,
                         const struct sluice_actor *approver, struct error *err)
{
    struct drafts_call shown = *a->call;
    struct drafts_view *view = arena_alloc(a->arena, sizeof *view);
    a->reviewed = NULL;
    if (!shown.ends ||
        policy_grant_same(a->wish, policy_grant_parse(a->draft.grant_json, a->arena)))
        return 0;
    shown.ends = false;
    drafts_preview(drafts, &shown, &a->draft, approver, a->arena, view);
    if (!view->previewed)
        return error_set(err, ERROR_STATE, "%s", view->preview_error);
    a->reviewed = &view->preview;
    return 0;
}

/* One attempt.  approver NULL: the chunk is approved by itself. */
static int attempt(struct drafts *drafts, struct approval *a, const struct sluice_actor *approver,
                   struct update_result *out, struct problems *problems, struct error *err)
{
    struct drafts_ask *ask = arena_alloc(a->arena, sizeof *ask);
    struct store_sandbox box;
    if (store_sandbox_get(drafts->store, a->call->sandbox, a->arena, &box, err) ||
        store_draft_get(drafts->store, box.id, a->call->id, a->arena, &a->draft, err) ||
        may_approve(a->call, &a->draft, a->arena, err))
        return -1;
    if (!a->token || !*a->token)
        return error_set(err, ERROR_TOKEN,
                         "approving needs the review token of what was reviewed: look at "
                         "the chunk with 'sluice rule get %s' and send its review_token along",
                         box.name);
    if (drafts_ask(drafts, a->call, &a->draft, approver, a->arena, ask, err))
        return -1;
    a->wish = ask->wish;
    a->begun = ask->wish ? &ask->grant : NULL;
    if (find_reviewed(drafts, a, approver, err))
        return -1;
    a->approvals_json = ask->approvals_json;
    ask->request.review = review;
    ask->request.also = write_approval;
    ask->request.committed = announce_approval;
    ask->request.arg = a;
    return update_run(drafts->updates, &ask->request, a->arena, out, problems, err);
}

static int approve(struct drafts *drafts, struct approval *a, const struct sluice_actor *approver,
                   struct update_result *out, struct problems *problems, struct error *err)
{
    int rc = -1;
    /* Where another update was committed first, the next attempt says whether the token still
     * holds. */
    for (int left = DRAFTS_ATTEMPTS; rc && left > 0; left--) {
        rc = attempt(drafts, a, approver, out, problems, err);
        if (rc && (err->kind != ERROR_MOVED || a->stale))
            return -1;
    }
    if (rc == 0 && out->outcome == CHAIN_HELD)
        out->draft_id = a->draft.id;
    return rc;
}

int drafts_approve(struct drafts *drafts, const struct drafts_call *call, const char *token,
                   struct arena *arena, struct update_result *out, struct problems *problems,
                   struct error *err)
{
    struct approval a = {.drafts = drafts, .call = call, .token = token, .arena = arena};
    return approve(drafts, &a, call->by_itself ? NULL : &call->actor, out, problems, err);
}
