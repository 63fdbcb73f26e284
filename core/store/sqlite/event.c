/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite/inner.h"

#define COLUMNS(X, comma)                                                                          \
    X(COUNT, id) comma X(FLAG, of_workload) comma X(TEXT, type) comma X(TEXT, sandbox)             \
    comma X(TEXT, json)

static const struct db_column columns[] = {
#define X(kind, field) {#field, DB_##kind, offsetof(struct store_event, field)},
    COLUMNS(X, )
#undef X
};

static const struct db_record record = {sizeof(struct store_event), columns,
                                        sizeof columns / sizeof *columns};

/* The database remembers the greatest id also of those that were deleted. */
static int read_last_id(struct db *db, uint64_t *out, struct error *err)
{
    sqlite3_stmt *stmt = db_query(db, err, "SELECT seq FROM sqlite_sequence WHERE name='event'", "");
    int rc = stmt ? db_next(db, stmt, err) : -1;
    *out = rc > 0 ? (uint64_t)sqlite3_column_int64(stmt, 0) : 0;
    if (rc > 0)
        db_end(stmt);
    return rc < 0 ? -1 : 0;
}

int store_event_list(struct store *s, struct arena *arena, struct store_event **out, size_t *n, uint64_t *last_id,
                     struct error *err)
{
    struct db *db = db_pool_take(s->readers);
    sqlite3_stmt *stmt = db_query(db, err, "SELECT " COLUMNS(DB_NAME, ",") " FROM event ORDER BY id", "");
    int rc = db_record_all(db, stmt, &record, arena, out, n, err);
    if (rc == 0)
        rc = read_last_id(db, last_id, err);
    db_pool_give(s->readers, db);
    return rc;
}

int store_tx_event_insert(struct store_tx *tx, const struct store_event *event, struct error *err)
{
    return db_record_run(tx->db, err, DB_INSERT("event", COLUMNS), &record, event, "");
}

int store_tx_event_trim(struct store_tx *tx, bool of_workload, size_t keep, struct error *err)
{
    return db_run(tx->db, err, "DELETE FROM event WHERE of_workload=? AND id<=(SELECT id FROM event WHERE of_workload=? "
                  "ORDER BY id DESC LIMIT 1 OFFSET ?)", "iii", (int64_t)of_workload, (int64_t)of_workload,
                  (int64_t)keep);
}
