/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sql/sql_parts.h"

#define SELECT       "SELECT " STORE_DRAFT_FIELDS(SQL_NAME, ",") " FROM draft "
#define SELECT_KEY   "SELECT " STORE_DRAFT_KEY_FIELDS(SQL_NAME, ",") " FROM draft "
#define SELECT_PLACE "SELECT " STORE_DRAFT_PLACE_FIELDS(SQL_NAME, ",") " FROM draft "
#define SELECT_EVENT "SELECT " STORE_DRAFT_EVENT_FIELDS(SQL_NAME, ",") " FROM draft_event "

/* ---- reading ---- */

static int draft_find(struct store_tx *tx, const char *sandbox_id, const char *id,
                      struct arena *arena, struct store_draft *out, struct error *err)
{
    struct sql_rows *rows =
        sql_query(sql_of(tx), err, SELECT "WHERE id=? AND sandbox_id=?", "tt", id, sandbox_id);
    return sql_record_one(sql_of(tx), rows, &store_draft_record, arena, out, err);
}

static int draft_find_denied(struct store_tx *tx, const struct store_denied *denied,
                             struct arena *arena, struct store_draft *out, struct error *err)
{
    struct sql_rows *rows =
        sql_query(sql_of(tx), err,
                 SELECT "WHERE source='mechanistic' AND grant_ended=0 "
                        "AND sandbox_id=? AND host=? AND port=? AND \"binary\"=? AND method=? "
                        "AND path=? AND operation=? AND field=? AND rpc_method=? "
                        "AND tool=?",
                 "ttittttttt", denied->sandbox_id, denied->host, (int64_t)denied->port,
                 denied->binary, denied->method, denied->path, denied->operation, denied->field,
                 denied->rpc_method, denied->tool);
    return sql_record_one(sql_of(tx), rows, &store_draft_record, arena, out, err);
}

/* An empty status stands for any. */
#define OF_SANDBOX "WHERE sandbox_id=? AND (?='' OR status=?) ORDER BY number"
#define ALIVE      "sandbox_id IN (SELECT id FROM sandbox WHERE deleted_at_ms=0)"
#define OF_ALL     "WHERE (?='' OR status=?) AND " ALIVE " ORDER BY number"

static int draft_list(struct store_tx *tx, const char *sandbox_id, const char *status,
                      struct arena *arena, struct store_draft **out, size_t *n, struct error *err)
{
    struct sql_db *db = sql_of(tx);
    struct sql_rows *rows =
        sandbox_id ? sql_query(db, err, SELECT OF_SANDBOX, "ttt", sandbox_id, status, status)
                   : sql_query(db, err, SELECT OF_ALL, "tt", status, status);
    return sql_record_all(db, rows, &store_draft_record, arena, out, n, err);
}

static int draft_list_keys(struct store_tx *tx, const char *sandbox_id, const char *status,
                           struct arena *arena, struct store_draft_key **out, size_t *n,
                           struct error *err)
{
    struct sql_db *db = sql_of(tx);
    struct sql_rows *rows =
        sandbox_id ? sql_query(db, err, SELECT_KEY OF_SANDBOX, "ttt", sandbox_id, status, status)
                   : sql_query(db, err, SELECT_KEY OF_ALL, "tt", status, status);
    return sql_record_all(db, rows, &store_draft_key_record, arena, out, n, err);
}

static int draft_list_granted(struct store_tx *tx, const char *sandbox_id, struct arena *arena,
                              struct store_draft **out, size_t *n, struct error *err)
{
    static const char of_all[] =
        SELECT "WHERE status='approved' AND grant_json<>'' AND " ALIVE " ORDER BY number";
    static const char of_one[] =
        SELECT "WHERE status='approved' AND grant_json<>'' AND sandbox_id=? ORDER BY number";
    struct sql_db *db = sql_of(tx);
    struct sql_rows *rows = sandbox_id ? sql_query(db, err, of_one, "t", sandbox_id)
                                    : sql_query(db, err, of_all, "");
    return sql_record_all(db, rows, &store_draft_record, arena, out, n, err);
}

static int draft_list_places(struct store_tx *tx, const char *sandbox_id, struct arena *arena,
                             struct store_draft_place **out, size_t *n, struct error *err)
{
    struct sql_rows *rows =
        sql_query(sql_of(tx), err, SELECT_PLACE "WHERE sandbox_id=? AND status='pending' AND "
                 "source='mechanistic' AND approvals_json='[]' ORDER BY number", "t", sandbox_id);
    return sql_record_all(sql_of(tx), rows, &store_draft_place_record, arena, out, n, err);
}

static int draft_count(struct store_tx *tx, const char *sandbox_id, const char *status,
                       const char *source, uint64_t *out, struct error *err)
{
    static const char of_all[] = "SELECT count(*) FROM draft WHERE status=? "
                                 "AND (?='' OR source=?) AND " ALIVE;
    static const char of_one[] = "SELECT count(*) FROM draft WHERE status=? "
                                 "AND (?='' OR source=?) AND sandbox_id=?";
    return sql_count(sql_of(tx), err, out, sandbox_id ? of_one : of_all,
                    sandbox_id ? "tttt" : "ttt", status, source, source, sandbox_id);
}

static int draft_count_decided(struct store_tx *tx, const char *sandbox_id, const char *decided_by,
                               int64_t since_ms, uint64_t *out, struct error *err)
{
    return sql_count(sql_of(tx), err, out, "SELECT count(*) FROM draft WHERE sandbox_id=? "
                    "AND status='approved' AND decided_by=? AND decided_at_ms>?", "tti",
                    sandbox_id, decided_by, since_ms);
}

static int list_events(struct store_tx *tx, const char *sandbox_id, size_t limit,
                       struct arena *arena, struct store_draft_event **out, size_t *n,
                       struct error *err)
{
    struct sql_rows *rows =
        sql_query(sql_of(tx), err, SELECT_EVENT "WHERE number IN (SELECT number FROM draft_event "
                 "WHERE sandbox_id=? ORDER BY number DESC LIMIT ?) ORDER BY number", "ti",
                 sandbox_id, (int64_t)limit);
    return sql_record_all(sql_of(tx), rows, &store_draft_event_record, arena, out, n, err);
}

/* ---- writing ---- */

static int draft_insert(struct store_tx *tx, const struct store_draft *draft, struct error *err)
{
    return sql_insert(sql_of(tx), err, SQL_INSERT_NEW("draft", STORE_DRAFT_FIELDS),
                      &store_draft_record, draft);
}

static int draft_update(struct store_tx *tx, const struct store_draft *draft, const char *status,
                        struct error *err)
{
    return sql_record_change(sql_of(tx), err, "UPDATE draft SET " STORE_DRAFT_FIELDS(SQL_SET, ",")
                             " WHERE id=? AND sandbox_id=? AND status=?", &store_draft_record,
                             draft, "ttt", draft->id, draft->sandbox_id, status);
}

static int draft_remove(struct store_tx *tx, const char *sandbox_id, const char *id,
                        struct error *err)
{
    if (sql_run(sql_of(tx), err, "DELETE FROM draft_event WHERE sandbox_id=? AND draft_id=?", "tt",
               sandbox_id, id) != 0)
        return -1;
    return sql_change(sql_of(tx), err, "DELETE FROM draft WHERE sandbox_id=? AND id=?", "tt",
                     sandbox_id, id);
}

static int draft_trim(struct store_tx *tx, const char *sandbox_id, const char *status, size_t keep,
                      uint64_t *removed, struct error *err)
{
    return sql_change_rows(
        sql_of(tx), err, removed,
        "DELETE FROM draft WHERE sandbox_id=? AND status=? "
        "AND number <= (SELECT number FROM draft WHERE sandbox_id=? AND status=? "
        "ORDER BY number DESC LIMIT 1 OFFSET ?)",
        "tttti", sandbox_id, status, sandbox_id, status, (int64_t)keep);
}

static int insert_event(struct store_tx *tx, const char *sandbox_id,
                        const struct store_draft_event *event, struct error *err)
{
    return sql_record_run(sql_of(tx), err,
                         "INSERT INTO draft_event(" STORE_DRAFT_EVENT_FIELDS(SQL_NAME, ",")
                         ",sandbox_id) VALUES(" STORE_DRAFT_EVENT_FIELDS(SQL_PARAM, ",") ",?)",
                         &store_draft_event_record, event, "t", sandbox_id);
}

const struct store_draft_rows sql_drafts = {
    .find = draft_find,
    .find_denied = draft_find_denied,
    .list = draft_list,
    .list_keys = draft_list_keys,
    .list_granted = draft_list_granted,
    .list_places = draft_list_places,
    .count = draft_count,
    .count_decided = draft_count_decided,
    .insert = draft_insert,
    .update = draft_update,
    .remove = draft_remove,
    .trim = draft_trim,
    .list_events = list_events,
    .insert_event = insert_event,
};
