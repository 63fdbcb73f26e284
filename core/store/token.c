/* SPDX-License-Identifier: Apache-2.0 */
#include "store/backend.h"

static const struct store_token_rows *rows(const struct store_tx *tx)
{
    return tx->backend->tokens;
}

static int not_found(const char *token, struct error *err)
{
    return error_set(err, ERROR_NOT_FOUND,
                     "token '%s' not found: `sluice token list` shows those there are", token);
}

static int tell(struct store_tx *tx, const char *id, struct error *err)
{
    return store_tx_tell(tx, &(struct store_change){.topic = STORE_TOPIC_TOKEN, .subject = id},
                         err);
}

int store_token_list(struct store *s, struct arena *arena, struct store_token **out, size_t *n,
                     struct error *err)
{
    struct store_tx *tx = store_read(s);
    return store_done(s, tx, rows(tx)->list(tx, arena, out, n, err));
}

int store_tx_token_get(struct store_tx *tx, const char *token, struct arena *arena,
                       struct store_token *out, struct error *err)
{
    int found = rows(tx)->find(tx, STORE_BY_ID, token, arena, out, err);
    if (found == 0)
        found = rows(tx)->find(tx, STORE_BY_NAME, token, arena, out, err);
    return found == 0 ? not_found(token, err) : found > 0 ? 0 : -1;
}

int store_tx_token_insert(struct store_tx *tx, const struct store_token *token, struct error *err)
{
    int inserted = rows(tx)->insert(tx, token, err);
    if (inserted == 0)
        return error_set(err, ERROR_EXISTS,
                         "token '%s' exists already: revoke it with `sluice token revoke`, or "
                         "choose another name", token->name);
    return inserted > 0 ? tell(tx, token->id, err) : -1;
}

int store_tx_token_delete(struct store_tx *tx, const char *id, struct error *err)
{
    int changed = rows(tx)->remove(tx, id, err);
    return changed == 0 ? not_found(id, err) : changed > 0 ? tell(tx, id, err) : -1;
}
