/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "store/sqlite/inner.h"

#define COLUMNS(X, comma)                                                                          \
    X(TEXT, id) comma X(TEXT, sandbox_id) comma X(TEXT, status) comma X(TEXT, source)              \
    comma X(TEXT, rule_name) comma X(TEXT, rule_json) comma X(TEXT, held_kind)                     \
    comma X(TEXT, held_json) comma X(TEXT, host) comma X(PORT, port) comma X(TEXT, binary)         \
    comma X(COUNT, hits) comma X(INTEGER, first_seen_ms) comma X(INTEGER, last_seen_ms)            \
    comma X(TEXT, rationale) comma X(TEXT, security_notes) comma X(TEXT, author)                   \
    comma X(REAL, confidence) comma X(TEXT, approvals_json) comma X(TEXT, decided_by)              \
    comma X(TEXT, reason) comma X(INTEGER, created_at_ms) comma X(INTEGER, decided_at_ms)          \
    comma X(COUNT, revision) comma X(TEXT, undo_json) comma X(TEXT, takes_back)                    \
    comma X(TEXT, back_to) comma X(TEXT, addresses_json) comma X(TEXT, asked_by_json)
#define EVENT_COLUMNS(X, comma)                                                                    \
    X(TEXT, draft_id) comma X(TEXT, event) comma X(TEXT, actor) comma X(TEXT, text)                \
    comma X(INTEGER, at_ms)

#define KEY_COLUMNS(X, comma) X(TEXT, id) comma X(TEXT, sandbox_id) comma X(COUNT, number)

#define PLACE_COLUMNS(X, comma) X(TEXT, id) comma X(TEXT, host) comma X(TEXT, binary)

#define SELECT       "SELECT " COLUMNS(DB_NAME, ",") " FROM draft "
#define SELECT_KEY   "SELECT " KEY_COLUMNS(DB_NAME, ",") " FROM draft "
#define SELECT_EVENT "SELECT " EVENT_COLUMNS(DB_NAME, ",") " FROM draft_event "

static const struct db_column columns[] = {
#define X(kind, field) {#field, DB_##kind, offsetof(struct store_draft, field)},
    COLUMNS(X, )
#undef X
};

static const struct db_record record = {sizeof(struct store_draft), columns,
                                        sizeof columns / sizeof *columns};

static const struct db_column key_columns[] = {
#define X(kind, field) {#field, DB_##kind, offsetof(struct store_draft_key, field)},
    KEY_COLUMNS(X, )
#undef X
};

static const struct db_record key_record = {sizeof(struct store_draft_key), key_columns,
                                            sizeof key_columns / sizeof *key_columns};

static const struct db_column event_columns[] = {
#define X(kind, field) {#field, DB_##kind, offsetof(struct store_draft_event, field)},
    EVENT_COLUMNS(X, )
#undef X
};

static const struct db_record event_record = {sizeof(struct store_draft_event), event_columns,
                                              sizeof event_columns / sizeof *event_columns};

static const struct db_column place_columns[] = {
#define X(kind, field) {#field, DB_##kind, offsetof(struct store_draft_place, field)},
    PLACE_COLUMNS(X, )
#undef X
};

static const struct db_record place_record = {sizeof(struct store_draft_place), place_columns,
                                              sizeof place_columns / sizeof *place_columns};

/* ---- reading ---- */

static int get(struct db *db, const char *sandbox_id, const char *id, struct arena *arena,
               struct store_draft *out, struct error *err)
{
    sqlite3_stmt *stmt =
        db_query(db, err, SELECT "WHERE id=? AND sandbox_id=?", "tt", id, sandbox_id);
    int rc = db_record_one(db, stmt, &record, arena, out, err);
    if (rc == 0)
        return error_set(err, ERROR_NOT_FOUND, "chunk '%s' not found", id);
    return rc > 0 ? 0 : -1;
}

int store_draft_get(struct store *s, const char *sandbox_id, const char *id, struct arena *arena,
                    struct store_draft *out, struct error *err)
{
    struct db *db = db_pool_take(s->readers);
    int rc = get(db, sandbox_id, id, arena, out, err);
    db_pool_give(s->readers, db);
    return rc;
}

int store_tx_draft_get(struct store_tx *tx, const char *sandbox_id, const char *id,
                       struct arena *arena, struct store_draft *out, struct error *err)
{
    return get(tx->db, sandbox_id, id, arena, out, err);
}

/* An empty status stands for any.  Nothing waits for a decision in a sandbox that is gone. */
#define OF_SANDBOX "WHERE sandbox_id=? AND (?='' OR status=?) ORDER BY number"
#define ALIVE      "sandbox_id IN (SELECT id FROM sandbox WHERE deleted_at_ms=0)"
#define OF_ALL     "WHERE (?='' OR status=?) AND " ALIVE " ORDER BY number"

static sqlite3_stmt *select_drafts(struct db *db, const char *sandbox_id, const char *status,
                                   struct error *err)
{
    return sandbox_id ? db_query(db, err, SELECT OF_SANDBOX, "ttt", sandbox_id, status, status)
                      : db_query(db, err, SELECT OF_ALL, "tt", status, status);
}

static sqlite3_stmt *select_keys(struct db *db, const char *sandbox_id, const char *status,
                                 struct error *err)
{
    return sandbox_id ? db_query(db, err, SELECT_KEY OF_SANDBOX, "ttt", sandbox_id, status, status)
                      : db_query(db, err, SELECT_KEY OF_ALL, "tt", status, status);
}

int store_draft_keys(struct store *s, const char *sandbox_id, const char *status,
                     struct arena *arena, struct store_draft_key **out, size_t *n, struct error *err)
{
    struct db *db = db_pool_take(s->readers);
    sqlite3_stmt *stmt = select_keys(db, sandbox_id, status, err);
    int rc = db_record_all(db, stmt, &key_record, arena, out, n, err);
    db_pool_give(s->readers, db);
    return rc;
}

int store_draft_list(struct store *s, const char *sandbox_id, const char *status,
                     struct arena *arena, struct store_draft **out, size_t *n, struct error *err)
{
    struct db *db = db_pool_take(s->readers);
    sqlite3_stmt *stmt = select_drafts(db, sandbox_id, status, err);
    int rc = db_record_all(db, stmt, &record, arena, out, n, err);
    db_pool_give(s->readers, db);
    return rc;
}

int store_draft_history(struct store *s, const char *sandbox_id, size_t limit, struct arena *arena,
                        struct store_draft_event **out, size_t *n, struct error *err)
{
    struct db *db = db_pool_take(s->readers);
    sqlite3_stmt *stmt = db_query(db, err, SELECT_EVENT "WHERE number IN (SELECT number FROM draft_event "
                                  "WHERE sandbox_id=? ORDER BY number DESC LIMIT ?) ORDER BY number",
                                  "ti", sandbox_id, (int64_t)limit);
    int rc = db_record_all(db, stmt, &event_record, arena, out, n, err);
    db_pool_give(s->readers, db);
    return rc;
}

int store_tx_draft_find(struct store_tx *tx, const char *sandbox_id, const char *host,
                        uint16_t port, const char *binary, struct arena *arena,
                        struct store_draft *out, struct error *err)
{
    sqlite3_stmt *stmt = db_query(tx->db, err, SELECT "WHERE source='mechanistic' AND sandbox_id=? "
                                  "AND host=? AND port=? AND binary=?", "ttit", sandbox_id, host,
                                  (int64_t)port, binary);
    int rc = db_record_one(tx->db, stmt, &record, arena, out, err);
    if (rc == 0)
        return error_set(err, ERROR_NOT_FOUND, "no chunk for %s:%u and '%s'", host, port, binary);
    return rc > 0 ? 0 : -1;
}

static int read_count(struct db *db, sqlite3_stmt *stmt, uint64_t *out, struct error *err)
{
    if (!stmt || db_next(db, stmt, err) < 0)
        return -1;
    *out = (uint64_t)sqlite3_column_int64(stmt, 0);
    db_end(stmt);
    return 0;
}

int store_tx_draft_count(struct store_tx *tx, const char *sandbox_id, const char *status,
                         const char *source, uint64_t *out, struct error *err)
{
    return read_count(tx->db, db_query(tx->db, err, "SELECT count(*) FROM draft WHERE sandbox_id=? AND status=? "
                                       "AND source=?", "ttt", sandbox_id, status, source), out, err);
}

int store_tx_draft_places(struct store_tx *tx, const char *sandbox_id, struct arena *arena,
                          struct store_draft_place **out, size_t *n, struct error *err)
{
    sqlite3_stmt *stmt = db_query(tx->db, err, "SELECT " PLACE_COLUMNS(DB_NAME, ",") " FROM draft WHERE "
                                  "sandbox_id=? AND status='pending' AND source='mechanistic' AND "
                                  "approvals_json='[]' ORDER BY number", "t", sandbox_id);
    return db_record_all(tx->db, stmt, &place_record, arena, out, n, err);
}

int store_draft_decided(struct store *s, const char *sandbox_id, const char *decided_by,
                        int64_t since_ms, uint64_t *out, struct error *err)
{
    struct db *db = db_pool_take(s->readers);
    int rc = read_count(db, db_query(db, err, "SELECT count(*) FROM draft WHERE sandbox_id=? AND status='approved' "
                                     "AND decided_by=? AND decided_at_ms>?", "tti", sandbox_id, decided_by, since_ms),
                        out, err);
    db_pool_give(s->readers, db);
    return rc;
}

int store_draft_count(struct store *s, const char *status, uint64_t *out, struct error *err)
{
    struct db *db = db_pool_take(s->readers);
    int rc = read_count(db, db_query(db, err, "SELECT count(*) FROM draft WHERE status=? AND " ALIVE, "t", status),
                        out, err);
    db_pool_give(s->readers, db);
    return rc;
}

/* ---- writing ---- */

int store_tx_draft_insert(struct store_tx *tx, const struct store_draft *draft, struct error *err)
{
    int rc = db_record_run(tx->db, err, DB_INSERT("draft", COLUMNS), &record, draft, "");
    if (rc && db_broke_unique(tx->db))
        return error_set(err, ERROR_EXISTS,
                         "chunk '%s', or one for the same host, port and binary, "
                         "exists already",
                         draft->id);
    return rc;
}

int store_tx_draft_update(struct store_tx *tx, const struct store_draft *draft,
                          const char *expected_status, struct error *err)
{
    sqlite3_stmt *stmt =
        db_query(tx->db, err, "SELECT status FROM draft WHERE id=? AND sandbox_id=?", "tt",
                 draft->id, draft->sandbox_id);
    int rc = stmt ? db_next(tx->db, stmt, err) : -1;
    if (rc == 0)
        return error_set(err, ERROR_NOT_FOUND, "chunk '%s' not found", draft->id);
    if (rc < 0)
        return -1;
    const char *status = arena_str(tx->arena, (const char *)sqlite3_column_text(stmt, 0));
    db_end(stmt);
    if (strcmp(status, expected_status) != 0)
        return error_set(err, ERROR_STATE, "chunk status is '%s', expected '%s'", status,
                         expected_status);
    return db_record_run(tx->db, err, "UPDATE draft SET " COLUMNS(DB_SET, ",") " WHERE id=?",
                         &record, draft, "t", draft->id);
}

int store_tx_draft_trim(struct store_tx *tx, const char *sandbox_id, const char *status,
                        size_t keep, uint64_t *deleted, struct error *err)
{
    int rc = db_run(tx->db, err, "DELETE FROM draft WHERE sandbox_id=? AND status=? AND number <= "
                    "(SELECT number FROM draft WHERE sandbox_id=? AND status=? "
                    "ORDER BY number DESC LIMIT 1 OFFSET ?)", "tttti", sandbox_id, status,
                    sandbox_id, status, (int64_t)keep);
    *deleted = rc ? 0 : (uint64_t)db_changes(tx->db);
    return rc;
}

int store_tx_draft_delete(struct store_tx *tx, const char *sandbox_id, const char *id,
                          struct error *err)
{
    return db_run(tx->db, err, "DELETE FROM draft_event WHERE sandbox_id=? AND draft_id=?", "tt", sandbox_id, id) ||
           db_run(tx->db, err, "DELETE FROM draft WHERE sandbox_id=? AND id=?", "tt", sandbox_id, id) ? -1 : 0;
}

int store_tx_draft_event(struct store_tx *tx, const char *sandbox_id,
                         const struct store_draft_event *event, struct error *err)
{
    return db_record_run(tx->db, err, "INSERT INTO draft_event(" EVENT_COLUMNS(DB_NAME, ",")
                         ",sandbox_id) VALUES(" EVENT_COLUMNS(DB_PARAM, ",") ",?)", &event_record,
                         event, "t", sandbox_id);
}
