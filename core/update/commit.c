/* SPDX-License-Identifier: Apache-2.0 */
/* The only place that commits a revision (law 1): the revision, its ballots and audit record, the
 * draft chunk of a held update and what the caller wants done with them stand or fall together. */
#include <stdlib.h>

#include "base/buf.h"
#include "base/digest.h"
#include "doc/writer.h"
#include "update/updates.h"

static void free_text(void *text)
{
    free(text);
}

static const char *keep(struct update *u, struct buf *text)
{
    char *taken = buf_take(text);
    arena_defer(u->arena, free_text, taken);
    return taken;
}

static const char *votes_text(struct update *u)
{
    struct buf text = {0};
    struct doc_json_writer json;
    update_votes_write(doc_json_writer(&json, &text), &u->result->votes);
    return keep(u, &text);
}

static const char *diff_text(struct update *u)
{
    struct buf text = {0};
    struct doc_json_writer json;
    update_recorded_diff_write(doc_json_writer(&json, &text), u->result);
    return keep(u, &text);
}

static const char *warnings_text(struct update *u)
{
    struct buf text = {0};
    struct doc_json_writer json;
    update_problems_write(doc_json_writer(&json, &text), &u->result->warnings);
    return keep(u, &text);
}

const char *update_new_id(struct update *u)
{
    char id[UUID_SIZE];
    return arena_str(u->arena, digest_uuid(id));
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
        .identity = q->actor.identity ? q->actor.identity : "",
        .origin = q->actor.origin ? q->actor.origin : "",
        .reason = q->reason ? q->reason : "",
        .base_revision = r->base_revision,
        .revision = r->outcome == CHAIN_ALLOWED ? r->revision : 0,
        .base_hash = r->base_hash,
        .candidate_hash = r->hash,
        .candidate_json = policy_json(r->candidate),
        .votes_json = votes_text(u),
        .diff_json = diff_text(u),
        .warnings_json = warnings_text(u),
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
        .identity = u->request->actor.identity ? u->request->actor.identity : "",
        .origin = u->request->actor.origin ? u->request->actor.origin : "",
        .reason = u->request->reason ? u->request->reason : "",
        .status = "pending",
        .error = "",
        .decision_id = r->decision_id,
        .signed_at_ms = r->signed_at_ms,
        .created_at_ms = r->at_ms,
        .grants_json = policy_grants_text(&r->grants, u->arena),
    };
    return revision;
}

/* ---- the transaction: these stand or fall together, written in this order ---- */

static int write_sandbox(struct store_tx *tx, const struct update *u, struct error *err)
{
    bool made = u->request->kind == SLUICE_CREATE && u->revision;
    return made ? store_tx_sandbox_insert(tx, u->request->create, err) : 0;
}

/* Labels say which ceilings apply, and voters judge by them.  A grant that ends is not judged. */
static const char *judged_labels(const struct update *u)
{
    return u->request->kind != SLUICE_EXPIRE ? u->sandbox.labels_json : NULL;
}

/* An update that changes nothing is right only if its base is still the newest revision. */
static int write_revision(struct store_tx *tx, const struct update *u, struct error *err)
{
    const struct update_result *r = u->result;
    if (!r->changed)
        return store_tx_revision_expect(tx, u->sandbox.id, r->base_revision, err);
    return u->revision ? store_tx_revision_commit(tx, u->revision, r->base_revision,
                                                  judged_labels(u), err) : 0;
}

/* What was judged by other ceilings is judged again.  A grant that ends is not judged. */
static int write_expected(struct store_tx *tx, const struct update *u, struct error *err)
{
    return u->revision && u->request->kind != SLUICE_EXPIRE
               ? store_tx_ceiling_expect(tx, u->ceilings_newest, err)
               : 0;
}

static int write_decision(struct store_tx *tx, const struct update *u, struct error *err)
{
    return u->decision ? store_tx_decision_append(tx, u->decision, err) : 0;
}

static int write_callers_own(struct store_tx *tx, const struct update *u, struct error *err)
{
    const struct update_request *q = u->request;
    return q->also ? q->also(tx, q->arg, u->result, err) : 0;
}

static int write_ended(struct store_tx *tx, const struct update *u, struct error *err)
{
    return u->revision ? update_write_ended(tx, u, err) : 0;
}

static int write_commit(struct store_tx *tx, void *arg, struct error *err)
{
    static int (*const writes[])(struct store_tx *, const struct update *, struct error *) = {
        write_expected,    write_sandbox,     write_revision, write_decision,
        update_write_held, write_callers_own, write_ended,
    };
    for (size_t i = 0; i < sizeof writes / sizeof *writes; i++)
        if (writes[i](tx, arg, err) != 0)
            return -1;
    return 0;
}

static void prepare(struct update *u)
{
    struct update_result *r = u->result;
    u->decision = NULL;
    u->revision = NULL;
    u->held = NULL;
    if (!r->changed && !r->asked)
        return;
    r->decision_id = update_new_id(u);
    update_hold(u);
    if (r->outcome == CHAIN_ALLOWED && r->changed) {
        r->revision = r->base_revision + 1;
        r->status = "pending";
        update_find_ended(u);
        u->revision = make_revision(u);
    }
    u->decision = make_decision(u);
}

int update_commit(struct update *u)
{
    prepare(u);
    if (!u->decision && !u->request->also)
        return 0;
    if (store_write(u->updates->store, write_commit, u, u->err) != 0)
        return -1;
    if (u->revision)
        stored_policies_keep(u->updates->stored, u->result->candidate);
    return 0;
}
