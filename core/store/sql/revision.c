/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sql/sql_parts.h"

#define SELECT       "SELECT " STORE_REVISION_FIELDS(SQL_NAME, ",") " FROM revision "
#define SELECT_SHORT "SELECT " STORE_SHORT_REVISION_FIELDS(SQL_NAME, ",") ",'' FROM revision "

static int revision_find(struct store_tx *tx, const char *sandbox_id, uint64_t revision,
                         struct arena *arena, struct store_revision *out, struct error *err)
{
    struct sql_db *db = sql_of(tx);
    struct sql_rows *rows =
        revision ? sql_query(db, err, SELECT "WHERE sandbox_id=? AND revision=?", "ti", sandbox_id,
                            (int64_t)revision)
                 : sql_query(db, err, SELECT "WHERE sandbox_id=? ORDER BY revision DESC LIMIT 1",
                            "t", sandbox_id);
    return sql_record_one(db, rows, &store_revision_record, arena, out, err);
}

static int revision_list(struct store_tx *tx, const char *sandbox_id, uint64_t before,
                         size_t limit, struct arena *arena, struct store_revision **out, size_t *n,
                         struct error *err)
{
    struct sql_rows *rows = sql_query(
        sql_of(tx), err,
        SELECT_SHORT "WHERE sandbox_id=? AND revision<? ORDER BY revision DESC LIMIT ?", "tii",
        sandbox_id, (int64_t)before, (int64_t)limit);
    return sql_record_all(sql_of(tx), rows, &store_revision_record, arena, out, n, err);
}

static int revision_insert(struct store_tx *tx, const struct store_revision *revision,
                           struct error *err)
{
    return sql_record_run(sql_of(tx), err, SQL_INSERT("revision", STORE_REVISION_FIELDS),
                         &store_revision_record, revision, "");
}

/* The word of the status, or one that no revision has. */
static const char *word_in(unsigned statuses, enum store_revision_status status)
{
    return statuses & STORE_REVISION_BIT(status) ? store_revision_status_word(status) : "";
}

_Static_assert(STORE_REVISION_STATUS_COUNT == 4, "MOVE asks for each status");
#define MOVE(which)                                                              \
    "UPDATE revision SET status=?, error=CASE WHEN ?<>0 THEN ? ELSE error END, " \
    "loaded_at_ms=CASE WHEN ?>0 THEN ? ELSE loaded_at_ms END "                   \
    "WHERE sandbox_id=? AND revision " which " AND status IN (?,?,?,?)"

/* One row is found by its key: no copies of pages are kept then for the case that a later row
 * fails. */
static int revision_move(struct store_tx *tx, const struct store_revision_move *move,
                         struct error *err)
{
    bool one = move->first == move->last;
    return sql_run(sql_of(tx), err, one ? MOVE("=? AND revision=?") : MOVE("BETWEEN ? AND ?"),
                   "titiitiitttt", store_revision_status_word(move->to),
                   (int64_t)(move->error != NULL), move->error, move->loaded_at_ms,
                   move->loaded_at_ms, move->sandbox_id, (int64_t)move->first, (int64_t)move->last,
                   word_in(move->from, STORE_REVISION_PENDING),
                   word_in(move->from, STORE_REVISION_LOADED),
                   word_in(move->from, STORE_REVISION_FAILED),
                   word_in(move->from, STORE_REVISION_SUPERSEDED));
}

static int revision_last_signed(struct store_tx *tx, const char *sandbox, int64_t *out,
                                struct error *err)
{
    uint64_t number = 0;
    int rc = sql_count(sql_of(tx), err, &number,
                      "SELECT COALESCE(max(signed_at_ms), 0) FROM revision "
                      "WHERE sandbox_id IN (SELECT id FROM sandbox WHERE name=?)",
                      "t", sandbox);
    *out = (int64_t)number;
    return rc;
}

const struct store_revision_rows sql_revisions = {
    .find = revision_find,
    .list = revision_list,
    .insert = revision_insert,
    .move = revision_move,
    .last_signed = revision_last_signed,
};
