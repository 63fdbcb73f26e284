/* SPDX-License-Identifier: Apache-2.0 */
/* Writes batches of the traffic record.  They have a queue of their own, so that no update waits
 * for one, and are acknowledged once they are durable. */
#include <stdlib.h>

#include "base/alloc.h"
#include "runtime/sandbox.h"

struct traffic_write {
    struct runtime *all;
    char *id;
    struct arena *arena;                            /* with the texts of the batch */
    struct store_traffic_batch batch;
    struct error err;
    int rc;
};

static int write_batch(struct store_tx *tx, void *arg, struct error *err)
{
    const struct traffic_write *w = arg;
    return store_tx_traffic_add(tx, &w->batch, err);
}

static void write_work(void *arg)
{
    struct traffic_write *w = arg;
    w->rc = store_write(w->all->setup.store, write_batch, w, &w->err);
}

static void acknowledge(struct sandbox *s, const struct store_traffic_batch *batch)
{
    sandbox_send(s, &(struct sandbox_message){
                        .type = MESSAGE_TRAFFIC_ACK,
                        .traffic = {.source = batch->source, .number = batch->number}});
}

/* The supervisor sends a batch again if it was not acknowledged. */
static void write_done(void *arg)
{
    struct traffic_write *w = arg;
    struct sandbox *s = sandbox_find(w->all, w->id);
    if (w->rc != 0)
        log_error(w->all->setup.log, "cannot write the traffic record of sandbox %s: %s",
                  s ? s->name : w->id, w->err.text);
    else if (s)
        acknowledge(s, &w->batch);
    arena_free(w->arena);
    free(w->id);
    free(w);
}

static const struct store_traffic *make_rows(const struct sandbox_traffic *batch,
                                             struct arena *arena)
{
    struct store_traffic *rows = arena_zalloc(arena, (batch->n + 1) * sizeof *rows);
    for (size_t i = 0; i < batch->n; i++) {
        const struct sandbox_traffic_item *item = &batch->items[i];
        rows[i] = (struct store_traffic){.verdict = item->verdict,
                                         .host = item->host,
                                         .port = item->port,
                                         .binary = item->binary,
                                         .rule = item->rule,
                                         .reason = item->reason,
                                         .method = item->method,
                                         .path = item->path,
                                         .operation = item->operation,
                                         .field = item->field,
                                         .rpc_method = item->rpc_method,
                                         .tool = item->tool,
                                         .count = item->count,
                                         .first_seen_ms = item->first_seen_ms,
                                         .last_seen_ms = item->last_seen_ms};
    }
    return rows;
}

void sandbox_traffic(struct sandbox *s, const struct sandbox_traffic *batch, struct arena *arena)
{
    struct traffic_write *w = alloc_zero(1, sizeof *w);
    *w = (struct traffic_write){.all = s->all, .id = alloc_str(s->id), .arena = arena};
    w->batch = (struct store_traffic_batch){.sandbox_id = w->id,
                                            .source = batch->source,
                                            .number = batch->number,
                                            .items = make_rows(batch, arena),
                                            .n = batch->n,
                                            .observe = s->observe};
    /* No sandbox has this name, so batches wait only for each other. */
    char *key = alloc_printf("traffic of %s", s->id);
    jobs_run(s->all->setup.jobs, key, write_work, write_done, w);
    free(key);
}
