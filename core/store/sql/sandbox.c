/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sql/sql_parts.h"

#define SELECT "SELECT " STORE_NUMBERED_SANDBOX_FIELDS(SQL_NAME, ",") " FROM sandbox "
#define ALIVE  "WHERE id=? AND deleted_at_ms=0"

static int sandbox_find(struct store_tx *tx, enum store_key by, const char *value,
                        struct arena *arena, struct store_sandbox *out, struct error *err)
{
    static const char *const queries[] = {
        [STORE_BY_ID] = SELECT "WHERE id=?",
        [STORE_BY_NAME] = SELECT "WHERE name=? AND deleted_at_ms=0",
        [STORE_BY_LAST_NAME] =
            SELECT "WHERE name=? ORDER BY deleted_at_ms=0 DESC, number DESC LIMIT 1",
    };
    return sql_record_one(sql_of(tx), sql_query(sql_of(tx), err, queries[by], "t", value),
                         &store_sandbox_record, arena, out, err);
}

static int sandbox_list(struct store_tx *tx, struct arena *arena, struct store_sandbox **out,
                        size_t *n, struct error *err)
{
    struct sql_db *db = sql_of(tx);
    return sql_record_all(db,
                          sql_query(db, err, SELECT "WHERE deleted_at_ms=0 ORDER BY number", ""),
                          &store_sandbox_record, arena, out, n, err);
}

static int sandbox_insert(struct store_tx *tx, struct store_sandbox *sandbox, struct error *err)
{
    static const char insert[] =
        SQL_INSERT_NEW("sandbox", STORE_SANDBOX_FIELDS) " RETURNING number";
    struct store_record unnumbered = sql_record_unnumbered(&store_sandbox_record);
    struct sql_db *db = sql_of(tx);
    struct sql_rows *rows = sql_record_query(db, err, insert, &unnumbered, sandbox);
    int inserted = rows ? sql_next(db, rows, err) : -1;
    if (inserted > 0) {
        sandbox->number = db->driver->integer(rows, 0);
        sql_end(db, rows);
    }
    return inserted;
}

static int set_phase(struct store_tx *tx, const char *id, const char *phase, const char *error,
                     struct error *err)
{
    return sql_change(sql_of(tx), err, "UPDATE sandbox SET phase=?, error=? " ALIVE, "ttt", phase,
                     error, id);
}

static int set_token(struct store_tx *tx, const char *id, const char *token_hash, const char *home,
                     struct error *err)
{
    return sql_change(sql_of(tx), err,
                      "UPDATE sandbox SET token_hash=?, home=? " ALIVE
                      " AND (home='' OR home=? OR ?='' OR host<>'')",
                      "ttttt", token_hash, home, id, home, home);
}

static int set_home(struct store_tx *tx, const char *id, const char *home, struct error *err)
{
    return sql_change(sql_of(tx), err, "UPDATE sandbox SET home=? " ALIVE
                      " AND (home='' OR (host<>'' AND home<>?))", "ttt", home, id, home);
}

static int set_main(struct store_tx *tx, const struct store_sandbox *s, struct error *err)
{
    return sql_change(sql_of(tx), err,
                     "UPDATE sandbox SET main_started_ms=?, main_ended_ms=?, main_code=?, "
                     "main_error=? " ALIVE,
                     "iiitt", s->main_started_ms, s->main_ended_ms, s->main_code, s->main_error,
                     s->id);
}

static int set_settings(struct store_tx *tx, const struct store_sandbox *s, struct error *err)
{
    return sql_change(sql_of(tx), err,
                     "UPDATE sandbox SET labels_json=?, approval_mode=?, hold_ms=?, "
                     "agent_proposals=?, holders_json=?, services_json=? " ALIVE,
                     "ttiittt", s->labels_json, s->approval_mode, s->hold_ms,
                     (int64_t)s->agent_proposals, s->holders_json, s->services_json, s->id);
}

static int set_deleted(struct store_tx *tx, const char *id, int64_t at_ms, struct error *err)
{
    return sql_change(sql_of(tx), err, "UPDATE sandbox SET deleted_at_ms=?, token_hash='' " ALIVE,
                     "it", at_ms, id);
}

static int set_revisions(struct store_tx *tx, const char *id, uint64_t newest, uint64_t loaded,
                         struct error *err)
{
    return sql_run(sql_of(tx), err, "UPDATE sandbox SET revision=?, loaded_revision=? WHERE id=?",
                   "iit", (int64_t)newest, (int64_t)loaded, id);
}

static int list_users(struct store_tx *tx, const char *id, struct arena *arena,
                      struct store_user **out, size_t *n, struct error *err)
{
    struct sql_rows *rows = sql_query(sql_of(tx), err, "SELECT " STORE_USER_FIELDS(SQL_NAME, ",")
                                  " FROM sandbox_user WHERE sandbox_id=? ORDER BY rowid", "t", id);
    return sql_record_all(sql_of(tx), rows, &store_user_record, arena, out, n, err);
}

static int add_user(struct store_tx *tx, const char *id, const struct store_user *user,
                    int64_t at_ms, struct error *err)
{
    return sql_change(sql_of(tx), err, "INSERT INTO sandbox_user(sandbox_id,name,account,at_ms) "
                      "VALUES(?,?,?,?) ON CONFLICT DO NOTHING", "ttti", id, user->name,
                     user->account, at_ms);
}

const struct store_sandbox_rows sql_sandboxes = {
    .find = sandbox_find,
    .list = sandbox_list,
    .insert = sandbox_insert,
    .set_phase = set_phase,
    .set_token = set_token,
    .set_home = set_home,
    .set_settings = set_settings,
    .set_main = set_main,
    .set_deleted = set_deleted,
    .set_revisions = set_revisions,
    .list_users = list_users,
    .add_user = add_user,
};
