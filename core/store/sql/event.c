/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sql/sql_parts.h"

/* The newest of a class is never trimmed. */
static int read_last_id(struct sql_db *db, uint64_t *out, struct error *err)
{
    *out = 0;
    return sql_count(db, err, out, "SELECT coalesce(max(id), 0) FROM event", "");
}

static int event_list(struct store_tx *tx, struct arena *arena, struct store_event **out, size_t *n,
                      uint64_t *last_id, struct error *err)
{
    struct sql_rows *rows = sql_query(sql_of(tx), err, "SELECT " STORE_EVENT_FIELDS(SQL_NAME, ",")
                                  " FROM event ORDER BY id", "");
    int rc = sql_record_all(sql_of(tx), rows, &store_event_record, arena, out, n, err);
    return rc == 0 ? read_last_id(sql_of(tx), last_id, err) : rc;
}

static int event_insert(struct store_tx *tx, const struct store_event *event, struct error *err)
{
    return sql_record_run(sql_of(tx), err, SQL_INSERT("event", STORE_EVENT_FIELDS),
                         &store_event_record, event, "");
}

static int event_trim(struct store_tx *tx, bool of_workload, size_t keep, struct error *err)
{
    return sql_run(sql_of(tx), err, "DELETE FROM event WHERE of_workload=? AND id<=(SELECT id "
                  "FROM event WHERE of_workload=? ORDER BY id DESC LIMIT 1 OFFSET ?)", "iii",
                  (int64_t)of_workload, (int64_t)of_workload, (int64_t)keep);
}

const struct store_event_rows sql_events = {
    .list = event_list,
    .insert = event_insert,
    .trim = event_trim,
};
