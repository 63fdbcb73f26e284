/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite/decision.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/digest.h"
#include "store/sqlite/inner.h"

static const struct db_column columns[] = {
#define X(kind, field) {#field, DB_##kind, offsetof(struct store_decision, field)},
    DECISION_COLUMNS(X, )
#undef X
};

const struct db_record decision_record = {sizeof(struct store_decision), columns,
                                          sizeof columns / sizeof *columns};

/* ---- the hash ---- */

static void hash_TEXT(struct digest *digest, const char *text)
{
    digest_add_str(digest, text);
}

static void hash_INTEGER(struct digest *digest, int64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, number);
    digest_add_str(digest, text);
}

static void hash_COUNT(struct digest *digest, uint64_t number)
{
    hash_INTEGER(digest, (int64_t)number);
}

static void hash_FLAG(struct digest *digest, bool flag)
{
    hash_INTEGER(digest, flag);
}

void decision_hash(const struct store_decision *d, char out[65])
{
    struct digest *digest = digest_new();
    digest_add_str(digest, "sluice audit record 1");
#define X(kind, field) hash_##kind(digest, d->field);
    DECISION_FACTS(X, )
#undef X
    hash_TEXT(digest, d->candidate_json);
    digest_hex(digest, out);
}

/* ---- reading ---- */

int store_decision_get(struct store *s, const char *id, struct arena *arena,
                       struct store_decision *out, struct error *err)
{
    struct db *db = db_pool_take(s->readers);
    sqlite3_stmt *stmt = db_query(db, err, DECISION_SELECT "WHERE id=?", "t", id);
    int rc = db_record_one(db, stmt, &decision_record, arena, out, err);
    db_pool_give(s->readers, db);
    if (rc == 0)
        return error_set(err, ERROR_NOT_FOUND, "decision '%s' not found", id);
    return rc > 0 ? 0 : -1;
}

int store_decision_of_draft(struct store *s, const char *draft_id, struct arena *arena,
                            struct store_decision *out, struct error *err)
{
    struct db *db = db_pool_take(s->readers);
    sqlite3_stmt *stmt =
        db_query(db, err, DECISION_SELECT "WHERE draft_id=? AND draft_id<>'' ORDER BY seq LIMIT 1",
                 "t", draft_id);
    int rc = db_record_one(db, stmt, &decision_record, arena, out, err);
    db_pool_give(s->readers, db);
    if (rc == 0)
        return error_set(err, ERROR_NOT_FOUND, "no decision about chunk '%s'", draft_id);
    return rc > 0 ? 0 : -1;
}

#define LIST(column)                                                                             \
    "SELECT " DECISION_FACTS(DB_NAME, ",") ",hash,CASE WHEN ? THEN candidate_json ELSE '' END " \
    "FROM decision WHERE " column "=? AND at_ms>=? AND seq<? ORDER BY seq DESC LIMIT ?"

int store_decision_list(struct store *s, const struct store_decision_query *query,
                        struct arena *arena, struct store_decision **out, size_t *n,
                        struct error *err)
{
    const char *sandbox = query->sandbox_id ? query->sandbox_id : query->sandbox;
    struct db *db = db_pool_take(s->readers);
    sqlite3_stmt *stmt = db_query(
        db, err,
        query->sandbox_id ? LIST("sandbox_id") : sandbox ? LIST("sandbox") : LIST("''"), "itiii",
        (int64_t)query->candidates, sandbox ? sandbox : "", query->since_ms,
        query->before_seq ? (int64_t)query->before_seq : INT64_MAX,
        query->limit ? (int64_t)query->limit : (int64_t)-1);
    int rc = db_record_all(db, stmt, &decision_record, arena, out, n, err);
    db_pool_give(s->readers, db);
    return rc;
}
