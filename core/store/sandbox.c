/* SPDX-License-Identifier: Apache-2.0 */
#include "store/backend.h"

static int missing(enum store_key by, const char *value, struct error *err)
{
    return error_set(err, ERROR_NOT_FOUND,
                     by == STORE_BY_ID ? "sandbox with id '%s' not found"
                                       : "sandbox '%s' not found", value);
}

/* ---- reading ---- */

static int find(struct store_tx *tx, enum store_key by, const char *value, struct arena *arena,
                struct store_sandbox *out, struct error *err)
{
    int found = tx->backend->sandboxes->find(tx, by, value, arena, out, err);
    return found > 0 ? 0 : found < 0 ? -1 : missing(by, value, err);
}

static int get(struct store *s, enum store_key by, const char *value, struct arena *arena,
               struct store_sandbox *out, struct error *err)
{
    struct store_tx *tx = store_read(s);
    return store_done(s, tx, find(tx, by, value, arena, out, err));
}

int store_tx_sandbox_get(struct store_tx *tx, const char *name, struct arena *arena,
                         struct store_sandbox *out, struct error *err)
{
    return find(tx, STORE_BY_NAME, name, arena, out, err);
}

int store_sandbox_get(struct store *s, const char *name, struct arena *arena,
                      struct store_sandbox *out, struct error *err)
{
    return get(s, STORE_BY_NAME, name, arena, out, err);
}

int store_sandbox_ever(struct store *s, const char *name, struct arena *arena,
                       struct store_sandbox *out, struct error *err)
{
    return get(s, STORE_BY_LAST_NAME, name, arena, out, err);
}

int store_sandbox_by_id(struct store *s, const char *id, struct arena *arena,
                        struct store_sandbox *out, struct error *err)
{
    return get(s, STORE_BY_ID, id, arena, out, err);
}

int store_sandbox_list(struct store *s, struct arena *arena, struct store_sandbox **out, size_t *n,
                       struct error *err)
{
    struct store_tx *tx = store_read(s);
    return store_done(s, tx, tx->backend->sandboxes->list(tx, arena, out, n, err));
}

int store_user_list(struct store *s, const char *sandbox_id, struct arena *arena,
                    struct store_user **out, size_t *n, struct error *err)
{
    struct store_tx *tx = store_read(s);
    return store_done(s, tx,
                      tx->backend->sandboxes->list_users(tx, sandbox_id, arena, out, n, err));
}

/* ---- writing ---- */

static int tell(struct store_tx *tx, const char *id, struct error *err)
{
    return store_tx_tell(tx, &(struct store_change){.topic = STORE_TOPIC_SANDBOX, .subject = id},
                         err);
}

int store_tx_sandbox_insert(struct store_tx *tx, struct store_sandbox *sandbox, struct error *err)
{
    struct store_workspace workspace;
    if (!sandbox->workspace)
        sandbox->workspace = STORE_WORKSPACE;
    if (!sandbox->holders_json)
        sandbox->holders_json = "{}";
    if (!sandbox->home)
        sandbox->home = store_tx_self(tx);
    if (!sandbox->host)
        sandbox->host = "";
    if (!sandbox->image)
        sandbox->image = "";
    if (!sandbox->services_json)
        sandbox->services_json = "[]";
    int found = tx->backend->workspaces->find(tx, sandbox->workspace, tx->arena, &workspace, err);
    if (found <= 0)
        return found < 0 ? -1
                         : error_set(err, ERROR_NOT_FOUND, "workspace '%.100s' not found",
                                     sandbox->workspace);
    int inserted = tx->backend->sandboxes->insert(tx, sandbox, err);
    if (inserted == 0)
        return error_set(err, ERROR_EXISTS, "sandbox '%s' exists already", sandbox->name);
    return inserted > 0 ? tell(tx, sandbox->id, err) : -1;
}

/* The outcome of a change to a sandbox that lives. */
static int require(int changed, const char *id, struct error *err)
{
    return changed > 0 ? 0 : changed < 0 ? -1 : missing(STORE_BY_ID, id, err);
}

int store_tx_sandbox_phase(struct store_tx *tx, const char *id, const char *phase,
                           const char *error, struct error *err)
{
    return require(tx->backend->sandboxes->set_phase(tx, id, phase, error, err), id, err);
}

int store_tx_sandbox_main(struct store_tx *tx, const struct store_sandbox *record,
                          struct error *err)
{
    return require(tx->backend->sandboxes->set_main(tx, record, err), record->id, err);
}

int store_tx_sandbox_main_end(struct store_tx *tx, const char *id, int64_t at_ms,
                              const char *error, struct error *err)
{
    enum { KILLED = 128 + 9 };
    struct arena *arena = arena_new();
    struct store_sandbox s;
    int rc = require(tx->backend->sandboxes->find(tx, STORE_BY_ID, id, arena, &s, err), id, err);
    if (rc == 0 && *s.main_json && !s.main_ended_ms) {
        s.main_ended_ms = at_ms;
        s.main_code = KILLED;
        s.main_error = error;
        rc = store_tx_sandbox_main(tx, &s, err);
    }
    arena_free(arena);
    return rc;
}

int store_tx_sandbox_token(struct store_tx *tx, const char *id, const char *token_hash,
                           struct error *err)
{
    struct store_sandbox s;
    int changed =
        tx->backend->sandboxes->set_token(tx, id, token_hash, store_tx_self(tx), err);
    if (changed == 0 && find(tx, STORE_BY_ID, id, tx->arena, &s, err) == 0 && !s.deleted_at_ms)
        return error_set(err, ERROR_STATE, "sandbox '%s' is at home with another gateway", s.name);
    return require(changed, id, err) == 0 ? tell(tx, id, err) : -1;
}

int store_tx_sandbox_home(struct store_tx *tx, const char *id, struct error *err)
{
    int changed = tx->backend->sandboxes->set_home(tx, id, store_tx_self(tx), err);
    return changed < 0 ? -1 : changed ? tell(tx, id, err) : 0;
}

int store_tx_sandbox_settings(struct store_tx *tx, const struct store_sandbox *sandbox,
                              struct error *err)
{
    return require(tx->backend->sandboxes->set_settings(tx, sandbox, err), sandbox->id, err) == 0
               ? tell(tx, sandbox->id, err)
               : -1;
}

int store_tx_sandbox_delete(struct store_tx *tx, const char *id, int64_t at_ms, struct error *err)
{
    if (require(tx->backend->sandboxes->set_deleted(tx, id, at_ms, err), id, err) != 0 ||
        tell(tx, id, err) != 0)
        return -1;
    if (tx->backend->providers->remove_attachments(tx, NULL, id, err) < 0)
        return -1;
    return tx->backend->traffic->trim(tx, STORE_TRAFFIC_DELETED_KEPT, err) < 0 ? -1 : 0;
}

int store_tx_user_add(struct store_tx *tx, const char *sandbox_id, const struct store_user *user,
                      int64_t at_ms, struct error *err)
{
    return tx->backend->sandboxes->add_user(tx, sandbox_id, user, at_ms, err) < 0 ? -1 : 0;
}
