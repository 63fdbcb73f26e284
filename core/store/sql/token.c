/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sql/sql_parts.h"

#define TOKENS "SELECT " STORE_TOKEN_FIELDS(SQL_NAME, ",") " FROM token"

static int token_find(struct store_tx *tx, enum store_key by, const char *value,
                      struct arena *arena, struct store_token *out, struct error *err)
{
    struct sql_rows *rows = by == STORE_BY_ID
                             ? sql_query(sql_of(tx), err, TOKENS " WHERE id=?", "t", value)
                             : sql_query(sql_of(tx), err, TOKENS " WHERE name=?", "t", value);
    return sql_record_one(sql_of(tx), rows, &store_token_record, arena, out, err);
}

static int token_list(struct store_tx *tx, struct arena *arena, struct store_token **out,
                      size_t *n, struct error *err)
{
    struct sql_rows *rows = sql_query(sql_of(tx), err, TOKENS " ORDER BY name", "");
    return sql_record_all(sql_of(tx), rows, &store_token_record, arena, out, n, err);
}

static int token_insert(struct store_tx *tx, const struct store_token *token, struct error *err)
{
    return sql_insert(sql_of(tx), err, SQL_INSERT_NEW("token", STORE_TOKEN_FIELDS),
                      &store_token_record, token);
}

static int token_remove(struct store_tx *tx, const char *id, struct error *err)
{
    return sql_change(sql_of(tx), err, "DELETE FROM token WHERE id=?", "t", id);
}

const struct store_token_rows sql_tokens = {
    .find = token_find,
    .list = token_list,
    .insert = token_insert,
    .remove = token_remove,
};
