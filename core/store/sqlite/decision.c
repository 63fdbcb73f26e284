/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "store/sqlite/sqlite_parts.h"

#define SELECT "SELECT " STORE_DECISION_FIELDS(DB_NAME, ",") " FROM decision "

static int decision_find(struct store_tx *tx, enum store_decision_key by, const char *value,
                         struct arena *arena, struct store_decision *out, struct error *err)
{
    /* The index of draft_id leaves out decisions about no chunk. */
    static const char *const queries[] = {
        [STORE_DECISION_BY_ID] = SELECT "WHERE id=?",
        [STORE_DECISION_BY_DRAFT] =
            SELECT "WHERE draft_id=? AND draft_id<>'' ORDER BY seq LIMIT 1",
    };
    return db_record_one(db_of(tx), db_query(db_of(tx), err, queries[by], "t", value),
                         &store_decision_record, arena, out, err);
}

#define LIST(column)                                                                               \
    "SELECT " STORE_DECISION_FACTS(DB_NAME, ",")                                                   \
    ",hash,CASE WHEN ? THEN candidate_json ELSE '' END "                                           \
    "FROM decision WHERE " column "=? AND at_ms>=? AND seq<? ORDER BY seq DESC LIMIT ?"

static int decision_list(struct store_tx *tx, const struct store_decision_query *query,
                         struct arena *arena, struct store_decision **out, size_t *n,
                         struct error *err)
{
    const char *sandbox = query->sandbox_id ? query->sandbox_id : query->sandbox;
    sqlite3_stmt *stmt = db_query(
        db_of(tx), err,
        query->sandbox_id ? LIST("sandbox_id") : sandbox ? LIST("sandbox") : LIST("''"), "itiii",
        (int64_t)query->candidates, sandbox, query->since_ms, (int64_t)query->before_seq,
        (int64_t)query->limit);
    return db_record_all(db_of(tx), stmt, &store_decision_record, arena, out, n, err);
}

static int decision_insert(struct store_tx *tx, const struct store_decision *decision,
                           struct error *err)
{
    return db_record_run(db_of(tx), err, DB_INSERT("decision", STORE_DECISION_FIELDS),
                         &store_decision_record, decision, "");
}

/* 1: there may be more, 0: the end, -1: err. */
static int visit_next(struct db *db, sqlite3_stmt *stmt, store_visit_fn fn, void *ctx,
                      struct error *err)
{
    struct store_decision decision;
    struct arena *arena = arena_new();
    int more = db_next(db, stmt, err);
    if (more > 0) {
        db_record_read(stmt, &store_decision_record, arena, &decision);
        more = fn(ctx, &decision);
        if (!more)
            db_end(stmt);
    }
    arena_free(arena);
    return more;
}

static int decision_visit(struct store_tx *tx, store_visit_fn fn, void *ctx, struct error *err)
{
    sqlite3_stmt *stmt = db_query(db_of(tx), err, SELECT "ORDER BY seq", "");
    int more = stmt ? 1 : -1;
    while (more > 0)
        more = visit_next(db_of(tx), stmt, fn, ctx, err);
    return more;
}

static int audit_head(struct store_tx *tx, struct store_audit_head *out, struct error *err)
{
    sqlite3_stmt *stmt = db_query(db_of(tx), err, "SELECT count, hash FROM audit_head", "");
    int found = stmt ? db_next(db_of(tx), stmt, err) : -1;
    if (found <= 0)
        return found;
    out->count = (uint64_t)sqlite3_column_int64(stmt, 0);
    snprintf(out->hash, sizeof out->hash, "%s", (const char *)sqlite3_column_text(stmt, 1));
    db_end(stmt);
    return 1;
}

static int set_audit_head(struct store_tx *tx, const struct store_audit_head *head,
                          struct error *err)
{
    return db_change(db_of(tx), err, "UPDATE audit_head SET count=?, hash=?", "it",
                     (int64_t)head->count, head->hash);
}

const struct store_decision_rows sqlite_decisions = {
    .find = decision_find,
    .list = decision_list,
    .insert = decision_insert,
    .visit = decision_visit,
    .head = audit_head,
    .set_head = set_audit_head,
};
