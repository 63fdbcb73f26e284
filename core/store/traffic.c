/* SPDX-License-Identifier: Apache-2.0 */
/* The traffic record: what each sandbox asked its proxy for, counted. */
#include <string.h>

#include "store/backend.h"


int store_traffic_list(struct store *s, const struct store_traffic_query *query,
                       struct arena *arena, struct store_traffic **out, size_t *n,
                       struct error *err)
{
    struct store_traffic_query whole = *query;
    struct store_tx *tx = store_read(s);
    whole.limit = query->limit ? query->limit : INT64_MAX;
    return store_done(s, tx, tx->backend->traffic->list(tx, &whole, arena, out, n, err));
}

int store_traffic_unlisted(struct store *s, const char *sandbox_id, struct arena *arena,
                           struct store_traffic **out, size_t *n, struct error *err)
{
    struct store_tx *tx = store_read(s);
    return store_done(s, tx,
                      tx->backend->traffic->list_unlisted(tx, sandbox_id, arena, out, n, err));
}

/* Adds to the row of an item, or inserts one. */
static int add_row(struct store_tx *tx, const struct store_traffic *t, struct error *err)
{
    int added = tx->backend->traffic->add(tx, t, err);
    if (added == 0)
        added = tx->backend->traffic->insert(tx, t, err);
    return added < 0 ? -1 : 0;
}

static struct store_traffic without_row(const struct store_traffic *t)
{
    return (struct store_traffic){.sandbox_id = t->sandbox_id, .verdict = t->verdict, .host = "",
                                  .count = t->count, .first_seen_ms = t->first_seen_ms,
                                  .last_seen_ms = t->last_seen_ms};
}

static bool is_audited(const struct store_traffic *t)
{
    return strcmp(t->verdict, STORE_AUDITED) == 0;
}

/* An item that has no row, and for which there is no room, counts in the row without a host. */
static int add_item(struct store_tx *tx, const struct store_traffic *t, struct error *err)
{
    uint64_t rows = 0;
    int added = tx->backend->traffic->add(tx, t, err);
    if (added != 0)
        return added < 0 ? -1 : 0;
    if (is_audited(t))                              /* it gets a row in any case */
        return tx->backend->traffic->insert(tx, t, err);
    if (tx->backend->traffic->count(tx, t->sandbox_id, t->verdict, &rows, err) < 0)
        return -1;
    struct store_traffic others = without_row(t);
    return add_row(tx, rows < STORE_TRAFFIC_MAX ? t : &others, err);
}

/* What is audited makes room for what comes: it is permitted, so the rows of the verdicts have it
 * in any case, and the report is of use only while it shows what happens now. */
static int drop_oldest_audited(struct store_tx *tx, const char *sandbox_id, struct error *err)
{
    struct store_traffic *dropped;
    size_t n;
    if (tx->backend->traffic->drop_oldest(tx, sandbox_id, STORE_AUDITED, STORE_AUDITED_MAX,
                                          tx->arena, &dropped, &n, err) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        struct store_traffic others = without_row(&dropped[i]);
        if (add_row(tx, &others, err) != 0)
            return -1;
    }
    return 0;
}

int store_tx_traffic_add(struct store_tx *tx, const struct store_traffic_batch *batch,
                         struct error *err)
{
    int fresh = tx->backend->traffic->note_batch(tx, batch, err);
    if (fresh <= 0)
        return fresh;
    for (size_t i = 0; i < batch->n; i++) {
        struct store_traffic item = batch->items[i];
        item.sandbox_id = batch->sandbox_id;
        if (add_item(tx, &item, err) != 0)
            return -1;
    }
    return drop_oldest_audited(tx, batch->sandbox_id, err);
}
