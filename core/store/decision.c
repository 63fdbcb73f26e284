/* SPDX-License-Identifier: Apache-2.0 */
#include "store/backend.h"

static int get(struct store *s, enum store_decision_key by, const char *value, struct arena *arena,
               struct store_decision *out, struct error *err)
{
    struct store_tx *tx = store_read(s);
    return store_done(s, tx, tx->backend->decisions->find(tx, by, value, arena, out, err));
}

int store_decision_get(struct store *s, const char *id, struct arena *arena,
                       struct store_decision *out, struct error *err)
{
    int found = get(s, STORE_DECISION_BY_ID, id, arena, out, err);
    if (found == 0)
        return error_set(err, ERROR_NOT_FOUND, "decision '%s' not found", id);
    return found > 0 ? 0 : -1;
}

int store_decision_of_draft(struct store *s, const char *draft_id, struct arena *arena,
                            struct store_decision *out, struct error *err)
{
    int found = *draft_id ? get(s, STORE_DECISION_BY_DRAFT, draft_id, arena, out, err) : 0;
    if (found == 0)
        return error_set(err, ERROR_NOT_FOUND, "no decision about chunk '%s'", draft_id);
    return found > 0 ? 0 : -1;
}

int store_decision_after(struct store *s, uint64_t seq, size_t limit, struct arena *arena,
                         struct store_decision **out, size_t *n, struct error *err)
{
    struct store_tx *tx = store_read(s);
    return store_done(s, tx,
                      tx->backend->decisions->list_after(tx, seq, limit, arena, out, n, err));
}

int store_decision_list(struct store *s, const struct store_decision_query *query,
                        struct arena *arena, struct store_decision **out, size_t *n,
                        struct error *err)
{
    struct store_decision_query whole = *query;
    struct store_tx *tx = store_read(s);
    whole.before_seq = query->before_seq ? query->before_seq : INT64_MAX;
    whole.limit = query->limit ? query->limit : INT64_MAX;
    return store_done(s, tx, tx->backend->decisions->list(tx, &whole, arena, out, n, err));
}
