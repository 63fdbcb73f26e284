/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sql/sql_parts.h"

static int export_find(struct store_tx *tx, const char *name, struct arena *arena,
                       struct store_export *out, struct error *err)
{
    struct sql_rows *rows = sql_query(
        sql_of(tx), err,
        "SELECT " STORE_EXPORT_FIELDS(SQL_NAME, ",") " FROM exporter WHERE name=?", "t", name);
    return sql_record_one(sql_of(tx), rows, &store_export_record, arena, out, err);
}

static int export_hold(struct store_tx *tx, const char *name, const char *holder, int64_t now_ms,
                       int64_t until_ms, struct error *err)
{
    return sql_change(sql_of(tx), err,
                      "INSERT INTO exporter(name, audit, traffic, traffic_missed, holder, until_ms)"
                      " VALUES(?,0,0,0,?,?) ON CONFLICT(name) DO UPDATE "
                      "SET holder=excluded.holder, until_ms=excluded.until_ms "
                      "WHERE exporter.holder=excluded.holder OR exporter.until_ms<?",
                      "ttii", name, holder, until_ms, now_ms);
}

static int export_put(struct store_tx *tx, const struct store_export *e, const char *holder,
                      int64_t until_ms, struct error *err)
{
    return sql_change(sql_of(tx), err,
                      "UPDATE exporter SET audit=?, traffic=?, until_ms=? "
                      "WHERE name=? AND holder=?",
                      "iiitt", (int64_t)e->audit, (int64_t)e->traffic, until_ms, e->name, holder);
}

static int export_miss(struct store_tx *tx, uint64_t changed, struct error *err)
{
    return sql_run(sql_of(tx), err,
                   "UPDATE exporter SET traffic_missed=traffic_missed+1 WHERE traffic<?", "i",
                   (int64_t)changed);
}

const struct store_export_rows sql_exports = {
    .find = export_find,
    .hold = export_hold,
    .put = export_put,
    .miss = export_miss,
};
