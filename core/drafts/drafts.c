/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "drafts/drafts_parts.h"
#include "drafts/requests.h"
#include "policy/cure/refused.h"

struct drafts *drafts_new(struct updates *updates, const struct drafts_hooks *hooks,
                          const struct log *log)
{
    struct drafts *d = alloc_zero(1, sizeof *d);
    d->updates = updates;
    d->store = updates_store(updates);
    d->log = log;
    pthread_mutex_init(&d->lock, NULL);
    if (hooks)
        d->hooks = *hooks;
    return d;
}

void drafts_free(struct drafts *drafts)
{
    if (!drafts)
        return;
    drafts_forget_waiting(drafts, NULL);
    pthread_mutex_destroy(&drafts->lock);
    free(drafts);
}

void drafts_changed(struct drafts *drafts, const char *sandbox, const char *id, const char *status)
{
    if (drafts->hooks.changed)
        drafts->hooks.changed(drafts->hooks.ctx, sandbox, id, status);
}

static void tell_rejected(struct drafts *drafts, const char *sandbox,
                          const struct policy_refused *refused)
{
    const struct store_draft draft = {
        .host = refused->host, .port = refused->port, .binary = refused->binary,
        .method = refused->method, .path = refused->path, .operation = refused->operation,
        .field = refused->field, .rpc_method = refused->rpc_method, .tool = refused->tool,
        .held_kind = ""};
    drafts->hooks.rejected(drafts->hooks.ctx, sandbox, &draft);
}

/* The chunk of a refused request is what its requests wait for.  Other proposals are about whatever
 * waits and their rule would let pass. */
void drafts_rejected(struct drafts *drafts, const char *sandbox, const struct store_draft *draft)
{
    const char *mechanistic = store_draft_source_word(STORE_DRAFT_MECHANISTIC);
    bool refused =
        draft && (strcmp(draft->source, mechanistic) == 0 || drafts_is_request(draft));
    if (!drafts->hooks.rejected)
        return;
    if (!draft || refused) {
        drafts->hooks.rejected(drafts->hooks.ctx, sandbox, draft);
        return;
    }
    struct arena *arena = arena_new();
    struct policy_refused *items;
    size_t n = drafts_waiting_for(drafts, draft, arena, &items);
    for (size_t i = 0; i < n; i++)
        tell_rejected(drafts, sandbox, &items[i]);
    arena_free(arena);
}

void drafts_heard(struct drafts *drafts, const char *sandbox, const struct store_draft *draft)
{
    if (drafts_is_request(draft) && drafts->hooks.requests)
        drafts->hooks.requests(drafts->hooks.ctx, sandbox, draft->sandbox_id);
    if (strcmp(draft->status, store_draft_status_word(STORE_DRAFT_REJECTED)) == 0)
        drafts_rejected(drafts, sandbox, draft);
}

int drafts_check_workload(const struct store_sandbox *box, const char *id, struct error *err)
{
    if (strcmp(box->id, id) == 0)
        return 0;
    return error_set(err, ERROR_NOT_FOUND, "sandbox '%s' is another one than the program's, which "
                     "was deleted", box->name);
}

const char *drafts_label(const struct store_draft *draft, struct arena *arena)
{
    if (drafts_is_request(draft))
        return arena_printf(arena, "Request '%s %s:%u%s' held by '%s'", draft->method, draft->host,
                            draft->port, draft->path, drafts_vote_of(draft));
    return *draft->rule_name ? arena_printf(arena, "Rule '%s'", draft->rule_name)
                             : arena_printf(arena, "Held %s", draft->held_kind);
}

const char *drafts_because(const char *what, const char *reason, struct arena *arena)
{
    return reason && *reason ? arena_printf(arena, "%s: %s", what, reason) : what;
}

int drafts_event(struct store_tx *tx, const struct store_draft *draft, const char *event,
                 const struct sluice_actor *actor, const char *text, int64_t at_ms,
                 struct error *err)
{
    struct store_draft_event row = {draft->id, event,           actor->name,  text,
                                    at_ms,     actor->identity, actor->origin};
    return store_tx_draft_event(tx, draft->sandbox_id, &row, err);
}

/* ---- looking ---- */

int drafts_get(struct drafts *drafts, const char *sandbox, const char *id, struct arena *arena,
               struct drafts_view *out, struct error *err)
{
    struct store_sandbox box;
    struct store_draft draft;
    if (store_sandbox_get(drafts->store, sandbox, arena, &box, err) ||
        store_draft_get(drafts->store, box.id, id, arena, &draft, err))
        return -1;
    drafts_look(drafts, box.name, &draft, arena, out);
    return 0;
}

struct each {
    struct drafts *drafts;
    const char *status;
    uint64_t *after;
    drafts_visit *visit;
    void *ctx;
};

/* Whatever went away or was decided since the list was made is passed over. */
static int visit_one(const struct each *e, const struct store_draft_key *key, struct arena *arena,
                     struct error *err)
{
    struct store_sandbox box;
    struct store_draft draft;
    struct drafts_view view;
    if (store_sandbox_by_id(e->drafts->store, key->sandbox_id, arena, &box, err) ||
        store_draft_get(e->drafts->store, key->sandbox_id, key->id, arena, &draft, err))
        return err->kind == ERROR_NOT_FOUND ? 0 : -1;
    if (e->status && strcmp(draft.status, e->status) != 0)
        return 0;
    drafts_look(e->drafts, box.name, &draft, arena, &view);
    return e->visit(e->ctx, &view, arena, err);
}

static int visit_in_arena_of_its_own(const struct each *e, const struct store_draft_key *key,
                                     struct error *err)
{
    struct arena *arena = arena_new();
    int rc = visit_one(e, key, arena, err);
    arena_free(arena);
    return rc;
}

static int visit_all(const struct each *e, const char *sandbox, struct arena *arena,
                     struct error *err)
{
    uint64_t start = *e->after;
    struct store_sandbox box = {0};
    struct store_draft_key *keys;
    size_t n;
    int rc = 0;
    if ((sandbox && store_sandbox_get(e->drafts->store, sandbox, arena, &box, err)) ||
        store_draft_keys(e->drafts->store, box.id, e->status, arena, &keys, &n, err))
        return -1;
    *e->after = 0;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        if (keys[i].number > start)
            rc = visit_in_arena_of_its_own(e, &keys[i], err);
        if (rc > 0 && i + 1 < n)
            *e->after = keys[i].number;
    }
    return rc < 0 ? -1 : 0;
}

int drafts_each(struct drafts *drafts, const char *sandbox, const char *status, uint64_t *after,
                drafts_visit *visit, void *ctx, struct error *err)
{
    const struct each each = {drafts, status, after, visit, ctx};
    struct arena *arena = arena_new();
    int rc = visit_all(&each, sandbox, arena, err);
    arena_free(arena);
    return rc;
}

int drafts_history(struct drafts *drafts, const char *sandbox, size_t limit, struct arena *arena,
                   struct store_draft_event **out, size_t *n, struct error *err)
{
    struct store_sandbox box;
    if (store_sandbox_get(drafts->store, sandbox, arena, &box, err))
        return -1;
    return store_draft_history(drafts->store, box.id, limit, arena, out, n, err);
}

/* ---- clearing ---- */

struct clearing {
    const char *sandbox_id;
    const struct drafts_call *call;
    struct arena *arena;
    uint64_t cleared;
};

static int write_clearing(struct store_tx *tx, void *arg, struct error *err)
{
    struct clearing *c = arg;
    if (store_tx_draft_trim(tx, c->sandbox_id, store_draft_status_word(STORE_DRAFT_PENDING), 0,
                            &c->cleared, err))
        return -1;
    if (!c->cleared)
        return 0;
    const char *what = arena_printf(c->arena, "%lu pending chunk%s cleared",
                                    (unsigned long)c->cleared, c->cleared == 1 ? "" : "s");
    struct store_draft_event event = {"", "cleared", c->call->actor.name,
                                      drafts_because(what, c->call->reason, c->arena),
                                      clock_now_ms(), c->call->actor.identity,
                                      c->call->actor.origin};
    return store_tx_draft_event(tx, c->sandbox_id, &event, err);
}

int drafts_clear(struct drafts *drafts, const struct drafts_call *call, uint64_t *cleared,
                 struct error *err)
{
    struct arena *arena = arena_new();
    struct store_sandbox box;
    struct clearing clearing = {.call = call, .arena = arena};
    int rc = store_sandbox_get(drafts->store, call->sandbox, arena, &box, err);
    if (rc == 0) {
        clearing.sandbox_id = box.id;
        rc = store_write(drafts->store, write_clearing, &clearing, err);
    }
    arena_free(arena);
    *cleared = clearing.cleared;
    if (rc == 0 && *cleared) {
        drafts_changed(drafts, call->sandbox, "", "cleared");
        drafts_rejected(drafts, call->sandbox, NULL);
    }
    return rc;
}
