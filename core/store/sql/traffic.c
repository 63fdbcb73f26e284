/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sql/sql_parts.h"

#define FIELDS STORE_NUMBERED_TRAFFIC_FIELDS(SQL_NAME, ",")
/* What stands for no limit where there is an offset. */
#define ALL_ROWS "4294967296"
#define SELECT "SELECT " FIELDS " FROM traffic "

static int traffic_list(struct store_tx *tx, const struct store_traffic_query *query,
                        struct arena *arena, struct store_traffic **out, size_t *n,
                        struct error *err)
{
    struct sql_rows *rows =
        sql_query(sql_of(tx), err, SELECT "WHERE sandbox_id=? AND host<>'' AND number>? "
                 "AND (verdict=? OR (?='' AND verdict NOT IN ('" STORE_AUDITED "',"
                 "'" STORE_PASSED "'))) "
                 "ORDER BY number LIMIT ?", "titti", query->sandbox_id, (int64_t)query->after,
                 query->verdict, query->verdict, (int64_t)query->limit);
    return sql_record_all(sql_of(tx), rows, &store_traffic_record, arena, out, n, err);
}

static int traffic_list_unlisted(struct store_tx *tx, const char *sandbox_id, struct arena *arena,
                                 struct store_traffic **out, size_t *n, struct error *err)
{
    struct sql_rows *rows = sql_query(sql_of(tx), err, SELECT "WHERE sandbox_id=? AND host='' "
                                  "ORDER BY number", "t", sandbox_id);
    return sql_record_all(sql_of(tx), rows, &store_traffic_record, arena, out, n, err);
}

static int traffic_count(struct store_tx *tx, const char *sandbox_id, const char *verdict,
                         uint64_t *out, struct error *err)
{
    return sql_count(sql_of(tx), err, out, "SELECT count(*) FROM traffic WHERE sandbox_id=? "
                    "AND verdict=?", "tt", sandbox_id, verdict);
}

static int traffic_note_batch(struct store_tx *tx, const struct store_traffic_batch *batch,
                              struct error *err)
{
    return sql_change(sql_of(tx), err, "INSERT INTO traffic_source(sandbox_id, source, number) "
                     "VALUES(?,?,?) ON CONFLICT(sandbox_id) DO UPDATE "
                     "SET source=excluded.source, number=excluded.number "
                     "WHERE traffic_source.source<>excluded.source "
                     "OR traffic_source.number<excluded.number", "tti",
                     batch->sandbox_id, batch->source, (int64_t)batch->number);
}

static int traffic_take_places(struct store_tx *tx, size_t n, uint64_t *first, struct error *err)
{
    uint64_t last = 0;
    if (sql_count(sql_of(tx), err, &last,
                  "UPDATE traffic_head SET changed=changed+? RETURNING changed", "i",
                  (int64_t)n) != 0)
        return -1;
    *first = last + 1 - n;
    return 0;
}

static int traffic_list_changed(struct store_tx *tx, uint64_t changed, size_t limit,
                                struct arena *arena, struct store_traffic **out, size_t *n,
                                struct error *err)
{
    struct sql_rows *rows = sql_query(sql_of(tx), err,
                                      SELECT "WHERE changed>? ORDER BY changed LIMIT ?", "ii",
                                      (int64_t)changed, (int64_t)limit);
    return sql_record_all(sql_of(tx), rows, &store_traffic_record, arena, out, n, err);
}

static int traffic_count_changed(struct store_tx *tx, uint64_t changed, uint64_t *out,
                                 struct error *err)
{
    return sql_count(sql_of(tx), err, out,
                     "SELECT count(*) FROM (SELECT 1 FROM traffic WHERE changed>? LIMIT ?) "
                     "AS waiting",
                     "ii", (int64_t)changed, (int64_t)STORE_WAITING_MAX);
}

/* The number in a column or another one, whichever is greater (>) or smaller (<). */
#define EXTREME(column, than) column "=CASE WHEN " column than "? THEN " column " ELSE ? END"

static int traffic_add(struct store_tx *tx, const struct store_traffic *t, struct error *err)
{
    return sql_change(sql_of(tx), err,
                      "UPDATE traffic SET count=count+?, " EXTREME("last_seen_ms", ">") ", "
                      EXTREME("first_seen_ms", "<") ", reason=?, changed=? "
                      "WHERE sandbox_id=? AND verdict=? AND host=? AND port=? "
                      "AND \"binary\"=? AND rule=? AND method=? AND path=? AND operation=? "
                      "AND field=? AND rpc_method=? AND tool=?", "iiiiititttitttttttt",
                      (int64_t)t->count, t->last_seen_ms, t->last_seen_ms, t->first_seen_ms,
                      t->first_seen_ms, t->reason, (int64_t)t->changed, t->sandbox_id,
                      t->verdict, t->host, (int64_t)t->port, t->binary, t->rule, t->method,
                      t->path, t->operation, t->field, t->rpc_method, t->tool);
}

static int traffic_insert(struct store_tx *tx, const struct store_traffic *t, struct error *err)
{
    struct store_record unnumbered = sql_record_unnumbered(&store_traffic_record);
    return sql_record_run(sql_of(tx), err, SQL_INSERT("traffic", STORE_TRAFFIC_FIELDS), &unnumbered,
                          t, "");
}

static int traffic_drop_oldest(struct store_tx *tx, const char *sandbox_id, const char *verdict,
                               size_t keep, struct arena *arena, struct store_traffic **dropped,
                               size_t *n, struct error *err)
{
    struct sql_rows *rows =
        sql_query(sql_of(tx), err,
                  "DELETE FROM traffic WHERE number IN (SELECT number FROM traffic "
                  "WHERE sandbox_id=? AND verdict=? AND host<>'' "
                  "ORDER BY last_seen_ms DESC, number DESC LIMIT " ALL_ROWS " OFFSET ?) "
                  "RETURNING " FIELDS,
                  "tti", sandbox_id, verdict, (int64_t)keep);
    return sql_record_all(sql_of(tx), rows, &store_traffic_record, arena, dropped, n, err);
}

#define DELETED "sandbox_id IN (SELECT id FROM sandbox WHERE deleted_at_ms>0 " \
                "ORDER BY deleted_at_ms DESC, number DESC LIMIT " ALL_ROWS " OFFSET ?)"

static int traffic_trim(struct store_tx *tx, size_t keep, struct error *err)
{
    if (sql_run(sql_of(tx), err,
                "UPDATE exporter SET traffic_missed=traffic_missed+(SELECT count(*) FROM traffic "
                "WHERE changed>exporter.traffic AND " DELETED ")",
                "i", (int64_t)keep) != 0)
        return -1;
    return sql_run(sql_of(tx), err, "DELETE FROM traffic WHERE " DELETED, "i", (int64_t)keep);
}

const struct store_traffic_rows sql_traffic = {
    .list = traffic_list,
    .list_unlisted = traffic_list_unlisted,
    .count = traffic_count,
    .note_batch = traffic_note_batch,
    .take_places = traffic_take_places,
    .list_changed = traffic_list_changed,
    .count_changed = traffic_count_changed,
    .add = traffic_add,
    .insert = traffic_insert,
    .drop_oldest = traffic_drop_oldest,
    .trim = traffic_trim,
};
