/* SPDX-License-Identifier: Apache-2.0 */
#include "store/backend.h"

/* ---- reading ---- */

static int get(struct store_tx *tx, const char *sandbox_id, const char *id, struct arena *arena,
               struct store_draft *out, struct error *err)
{
    int found = tx->backend->drafts->find(tx, sandbox_id, id, arena, out, err);
    if (found == 0)
        return error_set(err, ERROR_NOT_FOUND, "chunk '%s' not found", id);
    return found > 0 ? 0 : -1;
}

int store_draft_get(struct store *s, const char *sandbox_id, const char *id, struct arena *arena,
                    struct store_draft *out, struct error *err)
{
    struct store_tx *tx = store_read(s);
    return store_done(s, tx, get(tx, sandbox_id, id, arena, out, err));
}

int store_draft_list(struct store *s, const char *sandbox_id, const char *status,
                     struct arena *arena, struct store_draft **out, size_t *n, struct error *err)
{
    struct store_tx *tx = store_read(s);
    return store_done(s, tx,
                      tx->backend->drafts->list(tx, sandbox_id, status, arena, out, n, err));
}

int store_draft_keys(struct store *s, const char *sandbox_id, const char *status,
                     struct arena *arena, struct store_draft_key **out, size_t *n,
                     struct error *err)
{
    struct store_tx *tx = store_read(s);
    return store_done(s, tx,
                      tx->backend->drafts->list_keys(tx, sandbox_id, status, arena, out, n, err));
}

int store_draft_granted(struct store *s, const char *sandbox_id, struct arena *arena,
                        struct store_draft **out, size_t *n, struct error *err)
{
    struct store_tx *tx = store_read(s);
    return store_done(s, tx,
                      tx->backend->drafts->list_granted(tx, sandbox_id, arena, out, n, err));
}

int store_draft_history(struct store *s, const char *sandbox_id, size_t limit, struct arena *arena,
                        struct store_draft_event **out, size_t *n, struct error *err)
{
    struct store_tx *tx = store_read(s);
    return store_done(s, tx,
                      tx->backend->drafts->list_events(tx, sandbox_id, limit, arena, out, n, err));
}

int store_draft_count(struct store *s, const char *status, uint64_t *out, struct error *err)
{
    struct store_tx *tx = store_read(s);
    return store_done(s, tx, tx->backend->drafts->count(tx, NULL, status, NULL, out, err));
}

int store_draft_decided(struct store *s, const char *sandbox_id, const char *decided_by,
                        int64_t since_ms, uint64_t *out, struct error *err)
{
    struct store_tx *tx = store_read(s);
    return store_done(s, tx, tx->backend->drafts->count_decided(tx, sandbox_id, decided_by,
                                                                since_ms, out, err));
}

/* ---- reading in a transaction ---- */

int store_tx_draft_get(struct store_tx *tx, const char *sandbox_id, const char *id,
                       struct arena *arena, struct store_draft *out, struct error *err)
{
    return get(tx, sandbox_id, id, arena, out, err);
}

int store_tx_draft_find(struct store_tx *tx, const struct store_denied *denied,
                        struct arena *arena, struct store_draft *out, struct error *err)
{
    int found = tx->backend->drafts->find_denied(tx, denied, arena, out, err);
    if (found == 0)
        return error_set(err, ERROR_NOT_FOUND, "no chunk for %s:%u, '%s' and request '%s %s'",
                         denied->host, denied->port, denied->binary, denied->method, denied->path);
    return found > 0 ? 0 : -1;
}

int store_tx_draft_count(struct store_tx *tx, const char *sandbox_id, const char *status,
                         const char *source, uint64_t *out, struct error *err)
{
    return tx->backend->drafts->count(tx, sandbox_id, status, source, out, err);
}

int store_tx_draft_places(struct store_tx *tx, const char *sandbox_id, struct arena *arena,
                          struct store_draft_place **out, size_t *n, struct error *err)
{
    return tx->backend->drafts->list_places(tx, sandbox_id, arena, out, n, err);
}

/* ---- writing ---- */

static int tell(struct store_tx *tx, const char *sandbox_id, const char *id, struct error *err)
{
    return store_tx_tell(tx, &(struct store_change){.topic = STORE_TOPIC_DRAFT,
                                                    .subject = sandbox_id, .part = id}, err);
}

int store_tx_draft_insert(struct store_tx *tx, const struct store_draft *draft, struct error *err)
{
    int inserted = tx->backend->drafts->insert(tx, draft, err);
    if (inserted == 0)
        return error_set(err, ERROR_EXISTS,
                         "chunk '%s', or one for the same host, port, binary and request, "
                         "exists already",
                         draft->id);
    return inserted > 0 ? 0 : -1;
}

int store_tx_draft_update(struct store_tx *tx, const struct store_draft *draft,
                          const char *expected_status, struct error *err)
{
    struct store_draft stored;
    int updated = tx->backend->drafts->update(tx, draft, expected_status, err);
    if (updated != 0)
        return updated > 0 ? tell(tx, draft->sandbox_id, draft->id, err) : -1;
    if (get(tx, draft->sandbox_id, draft->id, tx->arena, &stored, err) != 0)
        return -1;
    return error_set(err, ERROR_STATE, "chunk status is '%s', expected '%s'", stored.status,
                     expected_status);
}

int store_tx_draft_trim(struct store_tx *tx, const char *sandbox_id, const char *status,
                        size_t keep, uint64_t *deleted, struct error *err)
{
    int rc = tx->backend->drafts->trim(tx, sandbox_id, status, keep, deleted, err);
    /* Without a part: all that wait for one. */
    return rc != 0 || keep || !*deleted ? rc : tell(tx, sandbox_id, "", err);
}

int store_tx_draft_delete(struct store_tx *tx, const char *sandbox_id, const char *id,
                          struct error *err)
{
    return tx->backend->drafts->remove(tx, sandbox_id, id, err) < 0 ? -1 : 0;
}

int store_tx_draft_event(struct store_tx *tx, const char *sandbox_id,
                         const struct store_draft_event *event, struct error *err)
{
    return tx->backend->drafts->insert_event(tx, sandbox_id, event, err) < 0 ? -1 : 0;
}
