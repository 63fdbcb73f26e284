/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "store/sql/sql_parts.h"

#define SELECT "SELECT " STORE_DECISION_FIELDS(SQL_NAME, ",") " FROM decision "

static int decision_find(struct store_tx *tx, enum store_decision_key by, const char *value,
                         struct arena *arena, struct store_decision *out, struct error *err)
{
    /* The index of draft_id leaves out decisions about no chunk. */
    static const char *const queries[] = {
        [STORE_DECISION_BY_ID] = SELECT "WHERE id=?",
        [STORE_DECISION_BY_DRAFT] =
            SELECT "WHERE draft_id=? AND draft_id<>'' ORDER BY seq LIMIT 1",
    };
    return sql_record_one(sql_of(tx), sql_query(sql_of(tx), err, queries[by], "t", value),
                         &store_decision_record, arena, out, err);
}

#define COLUMNS STORE_DECISION_FACTS(SQL_NAME, ",") "," STORE_DECISION_ASKED(SQL_NAME, ",")
#define LIST(column)                                                                     \
    "SELECT " COLUMNS ",hash,CASE WHEN ?<>0 THEN candidate_json ELSE '' END "            \
    "FROM decision WHERE " column "=? AND at_ms>=? AND seq<? ORDER BY seq DESC LIMIT ?"

static int decision_list(struct store_tx *tx, const struct store_decision_query *query,
                         struct arena *arena, struct store_decision **out, size_t *n,
                         struct error *err)
{
    const char *sandbox = query->sandbox_id ? query->sandbox_id : query->sandbox;
    struct sql_rows *rows = sql_query(
        sql_of(tx), err,
        query->sandbox_id ? LIST("sandbox_id") : sandbox ? LIST("sandbox") : LIST("''"), "itiii",
        (int64_t)query->candidates, sandbox, query->since_ms, (int64_t)query->before_seq,
        (int64_t)query->limit);
    return sql_record_all(sql_of(tx), rows, &store_decision_record, arena, out, n, err);
}

static int decision_list_after(struct store_tx *tx, uint64_t seq, size_t limit,
                               struct arena *arena, struct store_decision **out, size_t *n,
                               struct error *err)
{
    struct sql_rows *rows = sql_query(sql_of(tx), err, SELECT "WHERE seq>? ORDER BY seq LIMIT ?",
                                      "ii", (int64_t)seq, (int64_t)limit);
    return sql_record_all(sql_of(tx), rows, &store_decision_record, arena, out, n, err);
}

static int decision_insert(struct store_tx *tx, const struct store_decision *decision,
                           struct error *err)
{
    return sql_record_run(sql_of(tx), err, SQL_INSERT("decision", STORE_DECISION_FIELDS),
                         &store_decision_record, decision, "");
}

/* Rows are read in portions, so that a chain of any length needs little memory. */
enum { VISITED_AT_ONCE = 256 };

/* *wanted: fn wants the next one. */
static int visit_some(struct store_tx *tx, struct arena *arena, int64_t *after, size_t *n,
                      store_visit_fn fn, void *ctx, bool *wanted, struct error *err)
{
    struct store_decision *list;
    struct sql_rows *rows = sql_query(sql_of(tx), err, SELECT "WHERE seq>? ORDER BY seq LIMIT ?",
                                      "ii", *after, (int64_t)VISITED_AT_ONCE);
    if (sql_record_all(sql_of(tx), rows, &store_decision_record, arena, &list, n, err) != 0)
        return -1;
    for (size_t i = 0; i < *n && *wanted; i++) {
        *wanted = fn(ctx, &list[i]);
        *after = (int64_t)list[i].seq;
    }
    return 0;
}

static int decision_visit(struct store_tx *tx, store_visit_fn fn, void *ctx, struct error *err)
{
    int64_t after = INT64_MIN;
    size_t n = VISITED_AT_ONCE;
    bool wanted = true;
    int rc = 0;
    while (rc == 0 && wanted && n == VISITED_AT_ONCE) {
        struct arena *arena = arena_new();
        rc = visit_some(tx, arena, &after, &n, fn, ctx, &wanted, err);
        arena_free(arena);
    }
    return rc;
}

static int audit_head(struct store_tx *tx, struct store_audit_head *out, struct error *err)
{
    struct sql_db *db = sql_of(tx);
    struct sql_rows *rows = sql_query(db, err, "SELECT count, hash FROM audit_head", "");
    int found = rows ? sql_next(db, rows, err) : -1;
    if (found <= 0)
        return found;
    out->count = (uint64_t)db->driver->integer(rows, 0);
    snprintf(out->hash, sizeof out->hash, "%s", db->driver->text(rows, 1));
    sql_end(db, rows);
    return 1;
}

static int set_audit_head(struct store_tx *tx, const struct store_audit_head *head,
                          struct error *err)
{
    return sql_run(sql_of(tx), err, "UPDATE audit_head SET count=?, hash=?", "it",
                   (int64_t)head->count, head->hash);
}

const struct store_decision_rows sql_decisions = {
    .find = decision_find,
    .list = decision_list,
    .list_after = decision_list_after,
    .insert = decision_insert,
    .visit = decision_visit,
    .head = audit_head,
    .set_head = set_audit_head,
};
