/* SPDX-License-Identifier: Apache-2.0 */
#include "store/backend.h"

int store_export_get(struct store *s, const char *name, struct arena *arena,
                     struct store_export *out, struct error *err)
{
    struct store_tx *tx = store_read(s);
    int found = store_done(s, tx, tx->backend->exports->find(tx, name, arena, out, err));
    if (found == 0)
        *out = (struct store_export){.name = name};
    return found < 0 ? -1 : 0;
}

static int count_waiting(struct store_tx *tx, const struct store_export *taken, uint64_t *audit,
                         uint64_t *traffic, struct error *err)
{
    struct store_audit_head head = {0};
    if (tx->backend->decisions->head(tx, &head, err) < 0)
        return -1;
    *audit = head.count > taken->audit ? head.count - taken->audit : 0;
    return tx->backend->traffic->count_changed(tx, taken->traffic, traffic, err);
}

int store_export_waiting(struct store *s, const struct store_export *taken, uint64_t *audit,
                         uint64_t *traffic, struct error *err)
{
    struct store_tx *tx = store_read(s);
    return store_done(s, tx, count_waiting(tx, taken, audit, traffic, err));
}

int store_tx_export_hold(struct store_tx *tx, const char *name, int64_t now_ms, int64_t until_ms,
                         struct error *err)
{
    return tx->backend->exports->hold(tx, name, store_tx_self(tx), now_ms, until_ms, err);
}

int store_tx_export_put(struct store_tx *tx, const struct store_export *taken, int64_t until_ms,
                        struct error *err)
{
    int found = tx->backend->exports->put(tx, taken, store_tx_self(tx), until_ms, err);
    if (found == 0)
        return error_set(err, ERROR_MOVED, "another gateway sends the records of exporter %s now",
                         taken->name);
    return found < 0 ? -1 : 0;
}
