/* SPDX-License-Identifier: Apache-2.0 */
#include "store/backend.h"

int store_event_list(struct store *s, struct arena *arena, struct store_event **out, size_t *n,
                     uint64_t *last_id, struct error *err)
{
    struct store_tx *tx = store_read(s);
    return store_done(s, tx, tx->backend->events->list(tx, arena, out, n, last_id, err));
}

int store_tx_event_insert(struct store_tx *tx, const struct store_event *event, struct error *err)
{
    const struct store_change change = {.topic = STORE_TOPIC_EVENT, .subject = "",
                                        .part = event->of_workload ? "1" : "0",
                                        .number = event->id};
    return tx->backend->events->insert(tx, event, err) < 0 ? -1 : store_tx_tell(tx, &change, err);
}

int store_tx_event_trim(struct store_tx *tx, bool of_workload, size_t keep, struct error *err)
{
    return tx->backend->events->trim(tx, of_workload, keep, err) < 0 ? -1 : 0;
}
