/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>

#include "store/sqlite/inner.h"

#define SHORT_COLUMNS(X, comma)                                                                    \
    X(TEXT, sandbox_id) comma X(COUNT, revision) comma X(TEXT, hash) comma X(TEXT, kind)           \
    comma X(TEXT, actor) comma X(TEXT, reason) comma X(TEXT, status) comma X(TEXT, error)          \
    comma X(TEXT, decision_id) comma X(INTEGER, created_at_ms) comma X(INTEGER, loaded_at_ms)
#define COLUMNS(X, comma) SHORT_COLUMNS(X, comma) comma X(TEXT, policy_json)

#define SELECT       "SELECT " COLUMNS(DB_NAME, ",") " FROM revision "
#define SELECT_SHORT "SELECT " SHORT_COLUMNS(DB_NAME, ",") ",'' FROM revision "

static const struct db_column columns[] = {
#define X(kind, field) {#field, DB_##kind, offsetof(struct store_revision, field)},
    COLUMNS(X, )
#undef X
};

static const struct db_record record = {sizeof(struct store_revision), columns,
                                        sizeof columns / sizeof *columns};

/* ---- reading ---- */

/* The newest and the loaded revision of a sandbox, deleted or not. */
static int counters(struct db *db, const char *sandbox_id, uint64_t *newest, uint64_t *loaded,
                    bool *alive, struct error *err)
{
    sqlite3_stmt *stmt = db_query(db, err, "SELECT revision, loaded_revision, deleted_at_ms=0 "
                                  "FROM sandbox WHERE id=?", "t", sandbox_id);
    int rc = stmt ? db_next(db, stmt, err) : -1;
    if (rc == 0)
        return error_set(err, ERROR_NOT_FOUND, "sandbox with id '%s' not found", sandbox_id);
    if (rc < 0)
        return -1;
    *newest = (uint64_t)sqlite3_column_int64(stmt, 0);
    *loaded = (uint64_t)sqlite3_column_int64(stmt, 1);
    *alive = sqlite3_column_int64(stmt, 2) != 0;
    db_end(stmt);
    return 0;
}

static int missing(struct db *db, const char *sandbox_id, uint64_t revision, struct error *err)
{
    uint64_t newest = 0, loaded = 0;
    bool alive = false;
    if (counters(db, sandbox_id, &newest, &loaded, &alive, err))
        return -1;
    if (newest == 0)
        return error_set(err, ERROR_NOT_FOUND, "no policy revision found for this sandbox");
    return error_set(err, ERROR_NOT_FOUND,
                     "policy revision %" PRIu64 " not found: there are 1 to %" PRIu64, revision,
                     newest);
}

static int get(struct db *db, const char *sandbox_id, uint64_t revision, struct arena *arena,
               struct store_revision *out, struct error *err)
{
    sqlite3_stmt *stmt =
        revision ? db_query(db, err, SELECT "WHERE sandbox_id=? AND revision=?", "ti", sandbox_id,
                            (int64_t)revision)
                 : db_query(db, err, SELECT "WHERE sandbox_id=? ORDER BY revision DESC LIMIT 1",
                            "t", sandbox_id);
    int rc = db_record_one(db, stmt, &record, arena, out, err);
    if (rc == 0)
        return missing(db, sandbox_id, revision, err);
    return rc > 0 ? 0 : -1;
}

int store_revision_get(struct store *s, const char *sandbox_id, uint64_t revision,
                       struct arena *arena, struct store_revision *out, struct error *err)
{
    struct db *db = db_pool_take(s->readers);
    int rc = get(db, sandbox_id, revision, arena, out, err);
    db_pool_give(s->readers, db);
    return rc;
}

int store_revision_list(struct store *s, const char *sandbox_id, size_t limit, struct arena *arena,
                        struct store_revision **out, size_t *n, struct error *err)
{
    struct db *db = db_pool_take(s->readers);
    sqlite3_stmt *stmt = db_query(db, err,
                                  SELECT_SHORT "WHERE sandbox_id=? ORDER BY revision DESC "
                                               "LIMIT ?",
                                  "ti", sandbox_id, limit ? (int64_t)limit : INT64_C(-1));
    int rc = db_record_all(db, stmt, &record, arena, out, n, err);
    db_pool_give(s->readers, db);
    return rc;
}

/* ---- writing ---- */

int store_tx_revision_expect(struct store_tx *tx, const char *sandbox_id, uint64_t expected,
                             struct error *err)
{
    uint64_t newest = 0, loaded = 0;
    bool alive = false;
    if (counters(tx->db, sandbox_id, &newest, &loaded, &alive, err))
        return -1;
    if (!alive)
        return error_set(err, ERROR_NOT_FOUND, "the sandbox was deleted");
    if (newest != expected)
        return error_set(err, ERROR_MOVED, "the policy is at revision %" PRIu64 ", not at %" PRIu64
                         ": fetch it and try again", newest, expected);
    return 0;
}

int store_tx_revision_commit(struct store_tx *tx, const struct store_revision *revision,
                             uint64_t expected, struct error *err)
{
    if (store_tx_revision_expect(tx, revision->sandbox_id, expected, err) != 0)
        return -1;
    if (revision->revision != expected + 1)
        return error_set(err, ERROR_INTERNAL, "revision %" PRIu64 " cannot follow %" PRIu64,
                         revision->revision, expected);
    if (db_record_run(tx->db, err, DB_INSERT("revision", COLUMNS), &record, revision, ""))
        return -1;
    return db_run(tx->db, err, "UPDATE sandbox SET revision=? WHERE id=?", "it",
                  (int64_t)revision->revision, revision->sandbox_id);
}

static int set_loaded_revision(struct store_tx *tx, const char *sandbox_id, uint64_t revision,
                               struct error *err)
{
    return db_run(tx->db, err, "UPDATE sandbox SET loaded_revision=? WHERE id=?", "it",
                  (int64_t)revision, sandbox_id);
}

/* What a supervisor reports about: 1 when it still matters, 0 when something newer is loaded. */
static int report_counts(struct store_tx *tx, const char *sandbox_id, uint64_t revision,
                         uint64_t *loaded, struct error *err)
{
    uint64_t newest;
    bool alive = false;
    if (counters(tx->db, sandbox_id, &newest, loaded, &alive, err))
        return -1;
    if (revision == 0 || revision > newest)
        return missing(tx->db, sandbox_id, revision, err);
    return revision >= *loaded;
}

int store_tx_revision_loaded(struct store_tx *tx, const char *sandbox_id, uint64_t revision,
                             int64_t at_ms, struct error *err)
{
    uint64_t loaded;
    int counts = report_counts(tx, sandbox_id, revision, &loaded, err);
    if (counts <= 0)
        return counts;
    /* What is older than the loaded one was superseded when that was loaded. */
    if (db_run(tx->db, err, "UPDATE revision SET status='loaded', error='', loaded_at_ms=? "
               "WHERE sandbox_id=? AND revision=? AND status<>'loaded'", "iti", at_ms, sandbox_id,
               (int64_t)revision) ||
        db_run(tx->db, err, "UPDATE revision SET status='superseded' WHERE sandbox_id=? "
               "AND revision>=? AND revision<? AND status IN ('pending', 'loaded')", "tii", sandbox_id,
               (int64_t)loaded, (int64_t)revision))
        return -1;
    return set_loaded_revision(tx, sandbox_id, revision, err);
}

int store_tx_revision_failed(struct store_tx *tx, const char *sandbox_id, uint64_t revision,
                             const char *why, struct error *err)
{
    uint64_t loaded;
    int counts = report_counts(tx, sandbox_id, revision, &loaded, err);
    if (counts <= 0)
        return counts;
    if (db_run(tx->db, err, "UPDATE revision SET status='failed', error=? WHERE sandbox_id=? "
               "AND revision=?", "tti", why, sandbox_id, (int64_t)revision))
        return -1;
    /* What was enforced until now is no longer: a supervisor that started anew could not load it.
     */
    return revision == loaded ? set_loaded_revision(tx, sandbox_id, 0, err) : 0;
}

int store_tx_revisions_abandon(struct store_tx *tx, const char *sandbox_id, const char *why,
                               struct error *err)
{
    return db_run(tx->db, err, "UPDATE revision SET status='failed', error=? WHERE sandbox_id=? "
                  "AND status='pending'", "tt", why, sandbox_id);
}
