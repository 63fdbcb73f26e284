/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite/inner.h"

#define COLUMNS(X, comma)                                                                          \
    X(TEXT, id) comma X(TEXT, name) comma X(TEXT, network) comma X(TEXT, labels_json)              \
    comma X(TEXT, env_json) comma X(TEXT, approval_mode) comma X(TEXT, token_hash)                 \
    comma X(TEXT, phase) comma X(TEXT, error) comma X(COUNT, revision)                             \
    comma X(COUNT, loaded_revision) comma X(INTEGER, memory_bytes) comma X(INTEGER, cpu_millis)    \
    comma X(INTEGER, pids) comma X(INTEGER, created_at_ms) comma X(INTEGER, deleted_at_ms)

#define SELECT "SELECT number," COLUMNS(DB_NAME, ",") " FROM sandbox "

/* The database gives the number, so a row is inserted without it. */
static const struct db_column columns[] = {
    {"number", DB_INTEGER, offsetof(struct store_sandbox, number)},
#define X(kind, field) {#field, DB_##kind, offsetof(struct store_sandbox, field)},
    COLUMNS(X, )
#undef X
};

enum { N_COLUMNS = sizeof columns / sizeof *columns };

static const struct db_record whole = {sizeof(struct store_sandbox), columns, N_COLUMNS};
static const struct db_record inserted = {sizeof(struct store_sandbox), columns + 1, N_COLUMNS - 1};

/* ---- reading ---- */

int store_sandbox_get(struct store *s, const char *name, struct arena *arena,
                      struct store_sandbox *out, struct error *err)
{
    struct db *db = db_pool_take(s->readers);
    sqlite3_stmt *stmt = db_query(db, err, SELECT "WHERE name=? AND deleted_at_ms=0", "t", name);
    int rc = db_record_one(db, stmt, &whole, arena, out, err);
    db_pool_give(s->readers, db);
    if (rc == 0)
        return error_set(err, ERROR_NOT_FOUND, "sandbox '%s' not found", name);
    return rc > 0 ? 0 : -1;
}

int store_sandbox_ever(struct store *s, const char *name, struct arena *arena, struct store_sandbox *out,
                       struct error *err)
{
    struct db *db = db_pool_take(s->readers);
    sqlite3_stmt *stmt = db_query(db, err, SELECT "WHERE name=? ORDER BY deleted_at_ms=0 DESC, number DESC LIMIT 1",
                                  "t", name);
    int rc = db_record_one(db, stmt, &whole, arena, out, err);
    db_pool_give(s->readers, db);
    if (rc == 0)
        return error_set(err, ERROR_NOT_FOUND, "sandbox '%s' not found", name);
    return rc > 0 ? 0 : -1;
}

int store_sandbox_by_id(struct store *s, const char *id, struct arena *arena,
                        struct store_sandbox *out, struct error *err)
{
    struct db *db = db_pool_take(s->readers);
    sqlite3_stmt *stmt = db_query(db, err, SELECT "WHERE id=?", "t", id);
    int rc = db_record_one(db, stmt, &whole, arena, out, err);
    db_pool_give(s->readers, db);
    if (rc == 0)
        return error_set(err, ERROR_NOT_FOUND, "sandbox with id '%s' not found", id);
    return rc > 0 ? 0 : -1;
}

int store_sandbox_list(struct store *s, struct arena *arena, struct store_sandbox **out, size_t *n,
                       struct error *err)
{
    struct db *db = db_pool_take(s->readers);
    sqlite3_stmt *stmt = db_query(db, err, SELECT "WHERE deleted_at_ms=0 ORDER BY number", "");
    int rc = db_record_all(db, stmt, &whole, arena, out, n, err);
    db_pool_give(s->readers, db);
    return rc;
}

/* ---- writing ---- */

int store_tx_sandbox_insert(struct store_tx *tx, struct store_sandbox *sandbox, struct error *err)
{
    int rc = db_record_run(tx->db, err, DB_INSERT("sandbox", COLUMNS), &inserted, sandbox, "");
    if (rc && db_broke_unique(tx->db))
        return error_set(err, ERROR_EXISTS, "sandbox '%s' exists already", sandbox->name);
    if (rc == 0)
        sandbox->number = sqlite3_last_insert_rowid(db_handle(tx->db));
    return rc;
}

/* For updates of one sandbox that is there and not deleted. */
static int require_one(struct store_tx *tx, const char *id, struct error *err)
{
    if (db_changes(tx->db) == 1)
        return 0;
    return error_set(err, ERROR_NOT_FOUND, "sandbox with id '%s' not found", id);
}

int store_tx_sandbox_phase(struct store_tx *tx, const char *id, const char *phase,
                           const char *error, struct error *err)
{
    if (db_run(tx->db, err, "UPDATE sandbox SET phase=?, error=? WHERE id=? AND deleted_at_ms=0",
               "ttt", phase, error, id))
        return -1;
    return require_one(tx, id, err);
}

int store_tx_sandbox_token(struct store_tx *tx, const char *id, const char *token_hash,
                           struct error *err)
{
    if (db_run(tx->db, err, "UPDATE sandbox SET token_hash=? WHERE id=? AND deleted_at_ms=0", "tt",
               token_hash, id))
        return -1;
    return require_one(tx, id, err);
}

int store_tx_sandbox_delete(struct store_tx *tx, const char *id, int64_t at_ms, struct error *err)
{
    if (db_run(tx->db, err, "UPDATE sandbox SET deleted_at_ms=?, token_hash='' "
               "WHERE id=? AND deleted_at_ms=0", "it", at_ms, id) ||
        require_one(tx, id, err))
        return -1;
    return store_tx_traffic_trim(tx, err);
}

/* ---- who ran something in it ---- */

static const struct db_column user_columns[] = {
    {"name", DB_TEXT, offsetof(struct store_user, name)},
    {"account", DB_TEXT, offsetof(struct store_user, account)},
};

static const struct db_record user_record = {sizeof(struct store_user), user_columns,
                                             sizeof user_columns / sizeof *user_columns};

int store_user_list(struct store *s, const char *sandbox_id, struct arena *arena,
                    struct store_user **out, size_t *n, struct error *err)
{
    struct db *db = db_pool_take(s->readers);
    sqlite3_stmt *stmt = db_query(db, err, "SELECT name,account FROM sandbox_user WHERE sandbox_id=? ORDER BY rowid",
                                  "t", sandbox_id);
    int rc = db_record_all(db, stmt, &user_record, arena, out, n, err);
    db_pool_give(s->readers, db);
    return rc;
}

int store_tx_user_add(struct store_tx *tx, const char *sandbox_id, const struct store_user *user,
                      int64_t at_ms, struct error *err)
{
    return db_run(tx->db, err, "INSERT OR IGNORE INTO sandbox_user(sandbox_id,name,account,at_ms) VALUES(?,?,?,?)",
                  "ttti", sandbox_id, user->name, user->account, at_ms);
}
