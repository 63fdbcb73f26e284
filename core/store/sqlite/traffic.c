/* SPDX-License-Identifier: Apache-2.0 */
/* The traffic record: what each sandbox asked its proxy for, counted. */
#include <string.h>

#include "store/sqlite/inner.h"

#define COLUMNS(X, comma)                                                                          \
    X(TEXT, sandbox_id) comma X(TEXT, verdict) comma X(TEXT, host) comma X(PORT, port)             \
    comma X(TEXT, binary) comma X(TEXT, rule) comma X(TEXT, reason) comma X(COUNT, count)          \
    comma X(INTEGER, first_seen_ms) comma X(INTEGER, last_seen_ms)

#define SELECT "SELECT number," COLUMNS(DB_NAME, ",") " FROM traffic "

/* The database gives the number, so a row is inserted without it. */
static const struct db_column columns[] = {
    {"number", DB_COUNT, offsetof(struct store_traffic, number)},
#define X(kind, field) {#field, DB_##kind, offsetof(struct store_traffic, field)},
    COLUMNS(X, )
#undef X
};

enum { N_COLUMNS = sizeof columns / sizeof *columns };

static const struct db_record whole = {sizeof(struct store_traffic), columns, N_COLUMNS};
static const struct db_record inserted = {sizeof(struct store_traffic), columns + 1, N_COLUMNS - 1};

/* ---- reading ---- */

int store_traffic_list(struct store *s, const struct store_traffic_query *query, struct arena *arena,
                       struct store_traffic **out, size_t *n, struct error *err)
{
    struct db *db = db_pool_take(s->readers);
    sqlite3_stmt *stmt = db_query(db, err, SELECT "WHERE sandbox_id=? AND host<>'' AND number>? AND (?='' OR verdict=?) "
                                  "ORDER BY number LIMIT ?", "titti", query->sandbox_id,
                                  (int64_t)query->after, query->verdict, query->verdict,
                                  query->limit ? (int64_t)query->limit : INT64_C(-1));
    int rc = db_record_all(db, stmt, &whole, arena, out, n, err);
    db_pool_give(s->readers, db);
    return rc;
}

int store_traffic_unlisted(struct store *s, const char *sandbox_id, struct arena *arena,
                           struct store_traffic **out, size_t *n, struct error *err)
{
    struct db *db = db_pool_take(s->readers);
    sqlite3_stmt *stmt = db_query(db, err, SELECT "WHERE sandbox_id=? AND host='' ORDER BY number", "t", sandbox_id);
    int rc = db_record_all(db, stmt, &whole, arena, out, n, err);
    db_pool_give(s->readers, db);
    return rc;
}

/* ---- writing ---- */

/* 1: the batch is new, and noted; 0: it was counted already; -1: err. */
static int note_batch(struct store_tx *tx, const struct store_traffic_batch *batch, struct error *err)
{
    if (db_run(tx->db, err, "INSERT INTO traffic_source(sandbox_id, source, number) VALUES(?,?,?) "
               "ON CONFLICT(sandbox_id) DO UPDATE SET source=excluded.source, number=excluded.number "
               "WHERE source<>excluded.source OR number<excluded.number", "tti", batch->sandbox_id, batch->source,
               (int64_t)batch->number))
        return -1;
    return db_changes(tx->db) > 0;
}

/* 1: it had a row, to which it was added; 0: it has none; -1: err. */
static int add_to_row(struct store_tx *tx, const struct store_traffic *t, struct error *err)
{
    if (db_run(tx->db, err, "UPDATE traffic SET count=count+?, last_seen_ms=max(last_seen_ms,?), "
               "first_seen_ms=min(first_seen_ms,?), reason=? WHERE sandbox_id=? AND verdict=? AND host=? AND port=? "
               "AND binary=? AND rule=?", "iiitttt" "itt", (int64_t)t->count, t->last_seen_ms, t->first_seen_ms,
               t->reason, t->sandbox_id, t->verdict, t->host, (int64_t)t->port, t->binary, t->rule))
        return -1;
    return db_changes(tx->db) > 0;
}

static int count_rows(struct store_tx *tx, const struct store_traffic *t, int64_t *out, struct error *err)
{
    sqlite3_stmt *stmt = db_query(tx->db, err, "SELECT count(*) FROM traffic WHERE sandbox_id=? AND verdict=?", "tt",
                                  t->sandbox_id, t->verdict);
    if (!stmt || db_next(tx->db, stmt, err) < 0)
        return -1;
    *out = sqlite3_column_int64(stmt, 0);
    db_end(stmt);
    return 0;
}

static int add_row(struct store_tx *tx, const struct store_traffic *t, struct error *err)
{
    int added = add_to_row(tx, t, err);
    if (added != 0)
        return added < 0 ? -1 : 0;
    return db_record_run(tx->db, err, DB_INSERT("traffic", COLUMNS), &inserted, t, "");
}

/* Without a row of its own, and without room for one, it counts among the others of its verdict. */
static int add_item(struct store_tx *tx, const struct store_traffic *t, struct error *err)
{
    int64_t rows = 0;
    int added = add_to_row(tx, t, err);
    if (added != 0)
        return added < 0 ? -1 : 0;
    if (count_rows(tx, t, &rows, err))
        return -1;
    struct store_traffic others = {
        .sandbox_id = t->sandbox_id, .verdict = t->verdict, .host = "", .binary = "", .rule = "", .reason = "",
        .count = t->count, .first_seen_ms = t->first_seen_ms, .last_seen_ms = t->last_seen_ms};
    return add_row(tx, rows < STORE_TRAFFIC_MAX ? t : &others, err);
}

int store_tx_traffic_add(struct store_tx *tx, const struct store_traffic_batch *batch, struct error *err)
{
    int fresh = note_batch(tx, batch, err);
    for (size_t i = 0; fresh > 0 && i < batch->n; i++) {
        struct store_traffic item = batch->items[i];
        item.sandbox_id = batch->sandbox_id;
        if (add_item(tx, &item, err))
            return -1;
    }
    return fresh < 0 ? -1 : 0;
}

/* Called after a sandbox was deleted. */
int store_tx_traffic_trim(struct store_tx *tx, struct error *err)
{
    static const char gone[] = "DELETE FROM traffic WHERE sandbox_id IN (SELECT id FROM sandbox WHERE deleted_at_ms>0 "
                               "ORDER BY deleted_at_ms DESC, number DESC LIMIT -1 OFFSET ?)";
    return db_run(tx->db, err, gone, "i", (int64_t)STORE_TRAFFIC_DELETED_KEPT);
}
