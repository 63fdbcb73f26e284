/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sql/sql_parts.h"

static int ceiling_list(struct store_tx *tx, struct arena *arena, struct store_ceiling **out,
                        size_t *n, struct error *err)
{
    struct sql_rows *rows = sql_query(
        sql_of(tx), err,
        "SELECT " STORE_CEILING_FIELDS(SQL_NAME, ",") " FROM ceiling ORDER BY selector", "");
    return sql_record_all(sql_of(tx), rows, &store_ceiling_record, arena, out, n, err);
}

static int ceiling_insert(struct store_tx *tx, const struct store_ceiling *c, struct error *err)
{
    return sql_run(sql_of(tx), err,
                  "INSERT INTO ceiling(selector, policy_json, hash, actor, identity, origin, at_ms)"
                  " VALUES(?, ?, ?, ?, ?, ?, ?)",
                  "tttttti", c->selector, c->policy_json, c->hash, c->actor, c->identity,
                  c->origin, c->at_ms);
}

static int ceiling_remove(struct store_tx *tx, const char *selector, struct error *err)
{
    return sql_change(sql_of(tx), err, "DELETE FROM ceiling WHERE selector=?", "t", selector);
}

static int ceiling_newest(struct store_tx *tx, uint64_t *number, struct error *err)
{
    return sql_count(sql_of(tx), err, number, "SELECT COALESCE(max(number), 0) FROM ceiling", "");
}

const struct store_ceiling_rows sql_ceilings = {
    .list = ceiling_list,
    .insert = ceiling_insert,
    .remove = ceiling_remove,
    .newest = ceiling_newest,
};
