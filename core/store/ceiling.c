/* SPDX-License-Identifier: Apache-2.0 */
#include "store/backend.h"

static const struct store_ceiling_rows *rows(const struct store_tx *tx)
{
    return tx->backend->ceilings;
}

int store_ceiling_list(struct store *s, struct arena *arena, struct store_ceiling **out, size_t *n,
                       struct error *err)
{
    struct store_tx *tx = store_read(s);
    return store_done(s, tx, rows(tx)->list(tx, arena, out, n, err));
}

int store_tx_ceiling_set(struct store_tx *tx, const struct store_ceiling *ceiling,
                         struct error *err)
{
    if (rows(tx)->remove(tx, ceiling->selector, err) < 0)
        return -1;
    return rows(tx)->insert(tx, ceiling, err) < 0 ? -1 : 0;
}

int store_tx_ceiling_delete(struct store_tx *tx, const char *selector, struct error *err)
{
    int removed = rows(tx)->remove(tx, selector, err);
    if (removed == 0)
        return error_set(err, ERROR_NOT_FOUND,
                         "there is no ceiling for %s: `sluice ceiling get` shows those there are",
                         *selector ? selector : "every sandbox");
    return removed > 0 ? 0 : -1;
}

int store_tx_ceiling_expect(struct store_tx *tx, uint64_t number, struct error *err)
{
    uint64_t newest;
    if (rows(tx)->newest(tx, &newest, err) < 0)
        return -1;
    return newest == number ? 0
                            : error_set(err, ERROR_MOVED, "a ceiling was set meanwhile: try again");
}
