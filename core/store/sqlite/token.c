/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite/sqlite_parts.h"

#define TOKENS "SELECT " STORE_TOKEN_FIELDS(DB_NAME, ",") " FROM token"

static int token_find(struct store_tx *tx, enum store_key by, const char *value,
                      struct arena *arena, struct store_token *out, struct error *err)
{
    sqlite3_stmt *stmt = by == STORE_BY_ID
                             ? db_query(db_of(tx), err, TOKENS " WHERE id=?", "t", value)
                             : db_query(db_of(tx), err, TOKENS " WHERE name=?", "t", value);
    return db_record_one(db_of(tx), stmt, &store_token_record, arena, out, err);
}

static int token_list(struct store_tx *tx, struct arena *arena, struct store_token **out,
                      size_t *n, struct error *err)
{
    sqlite3_stmt *stmt = db_query(db_of(tx), err, TOKENS " ORDER BY name", "");
    return db_record_all(db_of(tx), stmt, &store_token_record, arena, out, n, err);
}

static int token_insert(struct store_tx *tx, const struct store_token *token, struct error *err)
{
    return db_insert(db_of(tx), err, DB_INSERT("token", STORE_TOKEN_FIELDS), &store_token_record,
                     token);
}

static int token_remove(struct store_tx *tx, const char *id, struct error *err)
{
    return db_change(db_of(tx), err, "DELETE FROM token WHERE id=?", "t", id);
}

const struct store_token_rows sqlite_tokens = {
    .find = token_find,
    .list = token_list,
    .insert = token_insert,
    .remove = token_remove,
};
