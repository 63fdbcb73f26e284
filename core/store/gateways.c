/* SPDX-License-Identifier: Apache-2.0 */
#include "store/gateways.h"

#include <string.h>

#include "store/backend.h"

const char *store_topic_word(enum store_topic topic)
{
    static const char *const words[] = {
#define X(id, word) [STORE_TOPIC_##id] = word,
        STORE_TOPICS(X)
#undef X
    };
    return words[topic];
}

bool store_is_shared(const struct store *store)
{
    return store->backend->gateways != NULL;
}

int store_join(struct store *store, struct store_gateway *me, struct error *err)
{
    const struct store_gateways *gateways = store->backend->gateways;
    return gateways ? gateways->join(store, me, err) : store_claim(store, err);
}

bool store_at_home(const struct store *store, const struct store_sandbox *sandbox)
{
    return !store_is_shared(store) || !*sandbox->home ||
           strcmp(sandbox->home, store->backend->gateways->own_id(store)) == 0;
}

int store_gateway_list(struct store *store, struct arena *arena, struct store_gateway **out,
                       size_t *n, struct error *err)
{
    *out = NULL;
    *n = 0;
    if (!store_is_shared(store))
        return 0;
    struct store_tx *tx = store_read(store);
    return store_done(store, tx, tx->backend->gateways->list(tx, arena, out, n, err));
}

int store_follow(struct store *store, store_heard_fn *heard, void *ctx, struct error *err)
{
    return store_is_shared(store) ? store->backend->gateways->follow(store, heard, ctx, err) : 0;
}

void store_unfollow(struct store *store)
{
    if (store_is_shared(store))
        store->backend->gateways->unfollow(store);
}

int store_tx_tell(struct store_tx *tx, const struct store_change *change, struct error *err)
{
    const struct store_gateways *gateways = tx->backend->gateways;
    return gateways ? gateways->tell(tx, change, err) : 0;
}

const char *store_tx_self(struct store_tx *tx)
{
    const struct store_gateways *gateways = tx->backend->gateways;
    return gateways ? gateways->self(tx) : "";
}
