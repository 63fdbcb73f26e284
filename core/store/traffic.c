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

int store_traffic_changed(struct store *s, uint64_t changed, size_t limit, struct arena *arena,
                          struct store_traffic **out, size_t *n, struct error *err)
{
    struct store_tx *tx = store_read(s);
    return store_done(s, tx,
                      tx->backend->traffic->list_changed(tx, changed, limit, arena, out, n, err));
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
                                  .last_seen_ms = t->last_seen_ms,
                                  .changed = t->changed};
}

/* The classes in which what comes makes itself room, and the rows that they have: it is permitted,
 * so the rows of the verdicts have it in any case, and it is of use only while it shows what
 * happens now. */
static const struct rolling {
    const char *class;
    size_t keep, keep_observed;
} rolling[] = {{STORE_AUDITED, STORE_AUDITED_MAX, STORE_AUDITED_MAX},
               {STORE_PASSED, STORE_PASSED_MAX, STORE_OBSERVED_MAX}};
enum { N_ROLLING = sizeof rolling / sizeof *rolling };

static bool is_rolling(const char *class)
{
    for (size_t i = 0; i < N_ROLLING; i++)
        if (strcmp(class, rolling[i].class) == 0)
            return true;
    return false;
}

/* An item that has no row, and for which there is no room, counts in the row without a host. */
static int add_item(struct store_tx *tx, const struct store_traffic *t, struct error *err)
{
    uint64_t rows = 0;
    int added = tx->backend->traffic->add(tx, t, err);
    if (added != 0)
        return added < 0 ? -1 : 0;
    if (is_rolling(t->verdict))                     /* it gets a row in any case */
        return tx->backend->traffic->insert(tx, t, err);
    if (tx->backend->traffic->count(tx, t->sandbox_id, t->verdict, &rows, err) < 0)
        return -1;
    struct store_traffic others = without_row(t);
    return add_row(tx, rows < STORE_TRAFFIC_MAX ? t : &others, err);
}

static bool has_class(const struct store_traffic_batch *batch, const char *class)
{
    for (size_t i = 0; i < batch->n; i++)
        if (strcmp(batch->items[i].verdict, class) == 0)
            return true;
    return false;
}

/* Those seen longest ago count in the row without a host. */
static int drop_oldest(struct store_tx *tx, const struct store_traffic_batch *batch,
                       const struct rolling *class, struct error *err)
{
    struct store_traffic *dropped;
    uint64_t rows;
    size_t n, keep = batch->observe ? class->keep_observed : class->keep;
    if (tx->backend->traffic->count(tx, batch->sandbox_id, class->class, &rows, err) < 0)
        return -1;
    if (rows <= keep)
        return 0;
    if (tx->backend->traffic->drop_oldest(tx, batch->sandbox_id, class->class, keep, tx->arena,
                                          &dropped, &n, err) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        struct store_traffic others = without_row(&dropped[i]);
        if (tx->backend->exports->miss(tx, dropped[i].changed, err) < 0 ||
            tx->backend->traffic->take_places(tx, 1, &others.changed, err) < 0 ||
            add_row(tx, &others, err) != 0)
            return -1;
    }
    return 0;
}

int store_tx_traffic_add(struct store_tx *tx, const struct store_traffic_batch *batch,
                         struct error *err)
{
    int fresh = tx->backend->traffic->note_batch(tx, batch, err);
    uint64_t place = 0;
    if (fresh <= 0)
        return fresh;
    if (tx->backend->traffic->take_places(tx, batch->n, &place, err) < 0)
        return -1;
    for (size_t i = 0; i < batch->n; i++) {
        struct store_traffic item = batch->items[i];
        item.sandbox_id = batch->sandbox_id;
        item.changed = place + i;
        if (add_item(tx, &item, err) != 0)
            return -1;
    }
    for (size_t i = 0; i < N_ROLLING; i++)
        if (has_class(batch, rolling[i].class) &&
            drop_oldest(tx, batch, &rolling[i], err) != 0)
            return -1;
    return 0;
}
