/* SPDX-License-Identifier: Apache-2.0 */
/* The only place that commits a revision (law 1): the revision, its ballots and audit record, the
 * draft chunk of a held update and what the caller wants done with them stand or fall together. */
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "store/words.h"
#include "update/askers.h"
#include "update/updates.h"

static void free_text(void *text)
{
    free(text);
}

static const char *dump(struct update *u, json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    arena_defer(u->arena, free_text, text);
    return text;
}

static const char *new_id(struct update *u)
{
    char id[UUID_SIZE];
    return arena_str(u->arena, digest_uuid(id));
}

/* What changed in the text, and what that means. */
static json_t *recorded_diff(const struct update_result *r)
{
    json_t *json = json_copy(r->diff_json);
    json_object_set(json, "effect", r->effect_json);
    return json;
}

static struct store_decision *make_decision(struct update *u)
{
    const struct update_request *q = u->request;
    const struct update_result *r = u->result;
    struct store_decision *d = arena_zalloc(u->arena, sizeof *d);
    *d = (struct store_decision){
        .id = r->decision_id,
        .sandbox_id = u->sandbox.id,
        .sandbox = u->sandbox.name,
        .kind = chain_kind_word(q->kind),
        .outcome = chain_outcome_word(r->outcome),
        .actor = q->actor.name,
        .role = q->actor.role,
        .via = q->actor.via,
        .reason = q->reason ? q->reason : "",
        .base_revision = r->base_revision,
        .revision = r->outcome == CHAIN_ALLOWED ? r->revision : 0,
        .base_hash = r->base_hash,
        .candidate_hash = r->hash,
        .candidate_json = policy_json(r->candidate),
        .votes_json = dump(u, json_incref(r->votes_json)),
        .diff_json = dump(u, recorded_diff(r)),
        .warnings_json = dump(u, update_problems_json(&r->warnings)),
        .draft_id = *r->draft_id ? r->draft_id : q->draft_id ? q->draft_id : "",
        .chain_digest = r->chain_digest,
        .overridden = r->tally.overridden,
        .at_ms = r->at_ms,
    };
    return d;
}

static struct store_revision *make_revision(struct update *u)
{
    const struct update_result *r = u->result;
    struct store_revision *revision = arena_zalloc(u->arena, sizeof *revision);
    *revision = (struct store_revision){
        .sandbox_id = u->sandbox.id,
        .revision = r->revision,
        .hash = r->hash,
        .policy_json = policy_json(r->candidate),
        .kind = chain_kind_word(u->request->kind),
        .actor = u->request->actor.name,
        .reason = u->request->reason ? u->request->reason : "",
        .status = "pending",
        .error = "",
        .decision_id = r->decision_id,
        .created_at_ms = r->at_ms,
    };
    return revision;
}

/* A held update waits as a chunk for somebody other than its author. */
static struct store_draft *make_held(struct update *u)
{
    const struct update_result *r = u->result;
    struct store_draft *draft = arena_zalloc(u->arena, sizeof *draft);
    const struct asker author = asker_of(u->request->actor.name, u->request->account);
    *draft = (struct store_draft){
        .id = r->draft_id,
        .sandbox_id = u->sandbox.id,
        .status = store_draft_status_word(STORE_DRAFT_PENDING),
        .source = store_draft_source_word(STORE_DRAFT_HELD),
        .rule_name = "", .rule_json = "",
        .held_kind = chain_kind_word(u->request->kind),
        .held_json = policy_json(r->candidate),
        .host = "", .binary = "",
        .hits = 1,
        .first_seen_ms = r->at_ms, .last_seen_ms = r->at_ms,
        .rationale = u->request->reason ? u->request->reason : "",
        .security_notes = "",
        .author = u->request->actor.name,
        .confidence = 1,
        .approvals_json = "[]",
        .decided_by = "", .reason = "",
        .created_at_ms = r->at_ms,
        .undo_json = "",
        .asked_by_json = askers_add("", &author, u->arena),
    };
    return draft;
}

/* The chunk that waits already for just this: who asks again does not ask for more. */
static const char *waiting(struct update *u)
{
    const struct update_result *r = u->result;
    struct store *store = u->updates->store;
    struct store_draft *pending;
    struct store_decision first;
    struct error ignored;
    size_t n = 0;
    store_draft_list(store, u->sandbox.id, "pending", u->arena, &pending, &n, &ignored);
    for (size_t i = 0; i < n; i++)
        if (strcmp(pending[i].held_kind, chain_kind_word(u->request->kind)) == 0 &&
            strcmp(pending[i].held_json, policy_json(r->candidate)) == 0 &&
            strcmp(pending[i].author, u->request->actor.name) == 0 &&
            store_decision_of_draft(store, pending[i].id, u->arena, &first, &ignored) == 0 &&
            first.base_revision == r->base_revision)
            return pending[i].id;
    return NULL;
}

static int write_held(struct store_tx *tx, const struct update *u, const struct store_draft *draft,
                      struct error *err)
{
    const struct store_draft_event event = {
        draft->id, "proposed", draft->author,
        arena_printf(u->arena, "Held %s proposed: %s", draft->held_kind, u->result->tally.why),
        draft->created_at_ms,
    };
    return store_tx_draft_insert(tx, draft, err) ||
                   store_tx_draft_event(tx, draft->sandbox_id, &event, err) ? -1 : 0;
}

struct commit {
    struct update *u;
    struct store_decision *decision;                /* NULL: nothing changed, nothing to record */
    struct store_revision *revision;                /* NULL: not allowed */
    struct store_draft *held;                       /* NULL: not held */
};

static int write_commit(struct store_tx *tx, void *arg, struct error *err)
{
    struct commit *c = arg;
    struct update *u = c->u;
    const struct update_request *q = u->request;
    if (q->kind == SLUICE_CREATE && c->revision &&
        store_tx_sandbox_insert(tx, q->create, err) != 0)
        return -1;
    if (c->revision && store_tx_revision_commit(tx, c->revision, u->result->base_revision, err) != 0)
        return -1;
    /* That nothing changes is true of the newest revision, or of nothing. */
    if (!u->result->changed &&
        store_tx_revision_expect(tx, u->sandbox.id, u->result->base_revision, err) != 0)
        return -1;
    if (c->decision && store_tx_decision_append(tx, c->decision, err) != 0)
        return -1;
    if (c->held && write_held(tx, u, c->held, err) != 0)
        return -1;
    return q->also ? q->also(tx, q->arg, u->result, err) : 0;
}

static void prepare(struct update *u, struct commit *c)
{
    struct update_result *r = u->result;
    if (!r->changed)
        return;
    r->decision_id = new_id(u);
    if (r->outcome == CHAIN_HELD && u->request->kind != SLUICE_CREATE && !u->request->draft) {
        const char *before = waiting(u);
        r->draft_id = before ? before : new_id(u);
        c->held = before ? NULL : make_held(u);
    }
    if (r->outcome == CHAIN_ALLOWED) {
        r->revision = r->base_revision + 1;
        r->status = "pending";
        c->revision = make_revision(u);
    }
    c->decision = make_decision(u);
}

int update_commit(struct update *u)
{
    struct commit c = {.u = u};
    prepare(u, &c);
    if (!c.decision && !u->request->also)
        return 0;
    if (store_write(u->updates->store, write_commit, &c, u->err) != 0)
        return -1;
    if (c.revision)
        stored_policies_keep(u->updates->stored, u->result->candidate);
    return 0;
}
