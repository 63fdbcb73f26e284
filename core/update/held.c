/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the draft chunk in which a held update waits.  It is written in the transaction of the
 * decision, which names it. */
#include <string.h>

#include "store/words.h"
#include "update/askers.h"
#include "update/updates.h"

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
        .host = "", .binary = "", .method = "", .path = "",
        .operation = "", .field = "", .rpc_method = "", .tool = "",
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
        .grant_json = "",
    };
    return draft;
}

/* The pending chunk of the same author for the same candidate: asking again adds no chunk. */
static const char *find_pending(struct update *u)
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

/* A creation has no sandbox whose queue could take it; an approval stays in the chunk that it
 * approves. */
void update_hold(struct update *u)
{
    const struct update_request *q = u->request;
    if (u->result->outcome != CHAIN_HELD || q->kind == SLUICE_CREATE || q->draft)
        return;
    const char *pending = find_pending(u);
    u->result->draft_id = pending ? pending : update_new_id(u);
    u->held = pending ? NULL : make_held(u);
}

int update_write_held(struct store_tx *tx, const struct update *u, struct error *err)
{
    const struct store_draft *draft = u->held;
    if (!draft)
        return 0;
    const struct store_draft_event event = {
        draft->id, "proposed", draft->author,
        arena_printf(u->arena, "Held %s proposed: %s", draft->held_kind, u->result->tally.why),
        draft->created_at_ms, u->request->actor.identity, u->request->actor.origin,
    };
    return store_tx_draft_insert(tx, draft, err) ||
                   store_tx_draft_event(tx, draft->sandbox_id, &event, err) ? -1 : 0;
}
