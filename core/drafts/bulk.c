/* SPDX-License-Identifier: Apache-2.0 */
/* Approving all that can be approved together, as one update. */
#include <string.h>

#include "drafts/drafts_parts.h"
#include "drafts/rules.h"
#include "policy/diff.h"

struct member {
    struct store_draft draft;
    struct drafts_ask ask;
    const char *undo_json;                          /* what this chunk adds to those before it */
};

struct bulk {
    struct drafts *drafts;
    const struct drafts_call *call;
    bool include_flagged;
    struct arena *arena;
    struct store_sandbox box;
    struct member **members;
    size_t n;
    struct drafts_skip *skipped;
    size_t n_skipped;
    struct policy *policy;                          /* current, with the members' rules so far */
    uint64_t base_revision;
    struct policy_grants granted;                   /* with the current policy */
    struct sluice_draft draft;                      /* what the voters see of all of them */
};

/* ---- choosing ---- */

static void skip(struct bulk *b, const struct store_draft *draft, const char *why)
{
    b->skipped[b->n_skipped++] = (struct drafts_skip){draft->id, why};
}

/* It waits for others: with this approval on record, the next one may be enough. */
static void record_alone(struct bulk *b, const struct drafts_view *view, struct arena *scratch)
{
    struct drafts_call call = *b->call;
    struct problems problems = {0};
    struct update_result result;
    struct error ignored;                           /* the chunk is left out anyway */
    call.id = view->draft.id;
    drafts_approve(b->drafts, &call, view->review_token, scratch, &result, &problems, &ignored);
    problems_free(&problems);
}

static const char *ask_voters(struct bulk *b, const struct store_draft *draft)
{
    struct arena *scratch = arena_new();
    struct drafts_view view;
    drafts_preview(b->drafts, b->call, draft, &b->call->actor, scratch, &view);
    const char *why = NULL;
    if (!view.previewed)
        why = arena_str(b->arena, view.preview_error);
    else if (view.preview.outcome != CHAIN_ALLOWED)
        why = arena_str(b->arena, view.preview.tally.why);
    if (view.previewed && view.preview.outcome == CHAIN_HELD)
        record_alone(b, &view, scratch);
    arena_free(scratch);
    return why;
}

/* NULL: it may be approved, as far as the chunk alone says. */
static const char *objection(struct bulk *b, const struct store_draft *draft)
{
    if (*draft->held_kind)
        return drafts_is_request(draft) ? "a held request is approved by itself"
                                        : "a held update is approved by itself";
    if (*draft->grant_json)
        return "asks for a grant with an end, which is approved by itself";
    if (*draft->security_notes && !b->include_flagged)
        return arena_printf(b->arena, "has security notes: %s", draft->security_notes);
    return ask_voters(b, draft);
}

static const char *change_made(struct bulk *b, const struct policy *with)
{
    struct arena *scratch = arena_new();
    const struct sluice_diff *diff =
        policy_diff(policy_model(b->policy), policy_model(with), scratch);
    const char *json = drafts_change_encode(diff, b->base_revision, "", false, b->arena);
    arena_free(scratch);
    return json;
}

/* Takes a reference. */
static void set_policy(struct bulk *b, struct policy *policy)
{
    policy_unref(b->policy);
    b->policy = policy;
}

/* Adds the chunk's rule to those chosen before it; a conflict leaves it out. */
static const char *join(struct bulk *b, struct member *m)
{
    struct problems problems = {0}, warnings = {0};
    const char *why = NULL;
    m->ask.operations.granted = &b->granted;
    struct policy *with = policy_merge(b->policy, &m->ask.operations, &problems, &warnings);
    if (with) {
        m->undo_json = change_made(b, with);
        set_policy(b, with);
    } else {
        why = arena_printf(b->arena, "conflicts with the others: %s",
                           problems.n ? problems.items[0].message : "cannot be merged");
    }
    problems_free(&problems);
    problems_free(&warnings);
    return why;
}

static int choose_one(struct bulk *b, const struct store_draft *draft, struct error *err)
{
    const char *why = objection(b, draft);
    if (!why) {
        struct member *m = arena_zalloc(b->arena, sizeof *m);
        m->draft = *draft;
        if (drafts_ask(b->drafts, b->call, &m->draft, &b->call->actor, b->arena, &m->ask, err))
            return -1;
        if (*draft->method)
            drafts_avoid_name(b->policy, draft, b->arena, &m->ask);
        why = join(b, m);
        if (!why)
            b->members[b->n++] = m;
    }
    if (why)
        skip(b, draft, why);
    return 0;
}

static int choose(struct bulk *b, const struct store_draft *pending, size_t n, struct error *err)
{
    struct store_revision newest;
    b->n = b->n_skipped = 0;
    b->members = arena_alloc(b->arena, (n + 1) * sizeof *b->members);
    b->skipped = arena_alloc(b->arena, (n + 1) * sizeof *b->skipped);
    struct policy *now =
        updates_policy_at(b->drafts->updates, b->box.id, 0, b->arena, &newest, err);
    if (!now)
        return -1;
    set_policy(b, policy_ref(now));
    b->base_revision = newest.revision;
    b->granted = policy_grants_parse(newest.grants_json, b->arena);
    for (size_t i = 0; i < n; i++)
        if (choose_one(b, &pending[i], err))
            return -1;
    return 0;
}

/* ---- writing ---- */

static int write_member(struct bulk *b, struct store_tx *tx, const struct member *m,
                        const struct update_result *r, struct error *err)
{
    bool allowed = r->outcome == CHAIN_ALLOWED;
    struct store_draft now;
    if (store_tx_draft_get(tx, m->draft.sandbox_id, m->draft.id, b->arena, &now, err))
        return -1;
    if (!drafts_asks_the_same(&now, &m->draft) || !drafts_is(now.status, STORE_DRAFT_PENDING))
        return error_set(err, ERROR_MOVED, "chunk '%s' is not pending any more, or was edited",
                         now.id);
    now.approvals_json = m->ask.approvals_json;
    if (allowed) {
        now.status = drafts_next(DRAFTS_APPROVE, now.status, NULL);
        now.decided_by = b->call->actor.name;
        now.decided_at_ms = r->at_ms;
        now.reason = b->call->reason ? b->call->reason : "";
        now.revision = r->revision;
        now.undo_json = m->undo_json;
    }
    if (store_tx_draft_update(tx, &now, m->draft.status, err))
        return -1;
    const char *text =
        arena_printf(b->arena, allowed ? "%s approved" : "%s waits for another approval",
                     drafts_label(&now, b->arena));
    return drafts_event(tx, &now, allowed ? "approved" : "approval", &b->call->actor, text,
                        r->at_ms, err);
}

static int write_members(struct store_tx *tx, void *arg, const struct update_result *r,
                         struct error *err)
{
    struct bulk *b = arg;
    for (size_t i = 0; r->outcome != CHAIN_DENIED && i < b->n; i++)
        if (write_member(b, tx, b->members[i], r, err))
            return -1;
    return 0;
}

static void announce_members(void *arg, const struct update_result *r)
{
    const struct bulk *b = arg;
    for (size_t i = 0; r->outcome == CHAIN_ALLOWED && i < b->n; i++)
        drafts_changed(b->drafts, b->call->sandbox, b->members[i]->draft.id,
                       store_draft_status_word(STORE_DRAFT_APPROVED));
}

/* ---- the update ---- */

static bool has_approved(const struct sluice_draft *draft, const char *actor)
{
    for (size_t i = 0; i < draft->n_approvals; i++)
        if (strcmp(draft->approvals[i]->actor, actor) == 0)
            return true;
    return false;
}

static bool approved_all(const struct bulk *b, const char *actor)
{
    for (size_t i = 0; i < b->n; i++)
        if (!has_approved(&b->members[i]->ask.draft, actor))
            return false;
    return true;
}

/* Who asked for one of them asked for the change. */
static const char *const *all_askers(const struct bulk *b, size_t *n)
{
    size_t room = 0;
    for (size_t i = 0; i < b->n; i++)
        room += b->members[i]->ask.draft.n_asked_by;
    const char **all = arena_alloc(b->arena, (room + 1) * sizeof *all);
    *n = 0;
    for (size_t i = 0; i < b->n; i++)
        for (size_t j = 0; j < b->members[i]->ask.draft.n_asked_by; j++)
            all[(*n)++] = b->members[i]->ask.draft.asked_by[j];
    return all;
}

/* What is told of all is what is true of each: the least confidence, who approved every one. */
static void summarise(struct bulk *b)
{
    const struct sluice_draft *first = &b->members[0]->ask.draft;
    const struct sluice_approval **approvals =
        arena_alloc(b->arena, (first->n_approvals + 1) * sizeof *approvals);
    b->draft = *first;
    b->draft.approvals = approvals;
    b->draft.n_approvals = 0;
    for (size_t i = 0; i < first->n_approvals; i++)
        if (approved_all(b, first->approvals[i]->actor))
            approvals[b->draft.n_approvals++] = first->approvals[i];
    b->draft.asked_by = all_askers(b, &b->draft.n_asked_by);
    for (size_t i = 1; i < b->n; i++) {
        const struct sluice_draft *d = &b->members[i]->ask.draft;
        b->draft.id = b->draft.author = "";
        b->draft.hits += d->hits;
        if (d->confidence < b->draft.confidence)
            b->draft.confidence = d->confidence;
    }
}

static int run(struct bulk *b, struct update_result *out, struct problems *problems,
               struct error *err)
{
    struct policy_operation *items = arena_alloc(b->arena, (b->n + 1) * sizeof *items);
    struct policy_operations operations = {items, b->n, NULL};
    struct update_request request = {
        .kind = SLUICE_APPROVE,
        .sandbox = b->call->sandbox,
        .actor = b->call->actor,
        .account = b->call->account,
        .reason = b->call->reason,
        .override = b->call->override,
        .if_revision = b->base_revision,
        .operations = &operations,
        .draft = &b->draft,
        .also = write_members,
        .committed = announce_members,
        .arg = b,
        .dry_run = b->n == 0, /* nothing is decided or recorded: only the state is read */
    };
    for (size_t i = 0; i < b->n; i++)
        items[i] = b->members[i]->ask.operation;
    if (b->n)
        summarise(b);
    int rc = update_run(b->drafts->updates, &request, b->arena, out, problems, err);
    out->dry_run = false;                           /* nobody asked for one */
    return rc;
}

static int attempt(struct bulk *b, struct update_result *out, struct problems *problems,
                   struct error *err)
{
    struct store_draft *pending;
    size_t n;
    const char *status = store_draft_status_word(STORE_DRAFT_PENDING);
    if (store_draft_list(b->drafts->store, b->box.id, status, b->arena, &pending, &n, err))
        return -1;
    if (n == 0)
        return error_set(err, ERROR_STATE, "no pending chunks to approve");
    return choose(b, pending, n, err) ? -1 : run(b, out, problems, err);
}

static void drop_policy(void *bulk)
{
    set_policy(bulk, NULL);
}

/* What was held by itself waits as a chunk that somebody else can approve; these wait already. */
static void say_what_to_do(struct bulk *b, struct update_result *out)
{
    if (out->outcome == CHAIN_HELD)
        out->tally.why = arena_printf(
            b->arena,
            "%s; your approval is recorded with each of the %zu chunks: approve them one at "
            "a time, or have somebody else approve all too",
            out->tally.why, b->n);
}

int drafts_approve_all(struct drafts *drafts, const struct drafts_call *call,
                       bool include_flagged, struct arena *arena, struct update_result *out,
                       size_t *approved, struct drafts_skip **skipped, size_t *n_skipped,
                       struct problems *problems, struct error *err)
{
    struct bulk *b = arena_zalloc(arena, sizeof *b);
    *b = (struct bulk){
        .drafts = drafts, .call = call, .include_flagged = include_flagged, .arena = arena};
    arena_defer(arena, drop_policy, b);
    if (store_sandbox_get(drafts->store, call->sandbox, arena, &b->box, err))
        return -1;
    int rc = attempt(b, out, problems, err);
    for (int left = DRAFTS_ATTEMPTS - 1; rc && err->kind == ERROR_MOVED && left > 0; left--)
        rc = attempt(b, out, problems, err);
    if (rc)
        return -1;
    say_what_to_do(b, out);
    *approved = out->outcome == CHAIN_ALLOWED ? b->n : 0;
    *skipped = b->skipped;
    *n_skipped = b->n_skipped;
    return 0;
}
