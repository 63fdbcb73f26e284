/* SPDX-License-Identifier: Apache-2.0 */
#include "update/updates.h"

#include <stdlib.h>

#include "base/alloc.h"

struct updates *updates_new(struct store *store, struct chain *chain, const struct log *log)
{
    struct updates *u = alloc_zero(1, sizeof *u);
    u->store = store;
    u->stored = stored_policies_new();
    u->log = log;
    u->chain = chain_ref(chain);
    u->closer = closer_new();
    pthread_mutex_init(&u->lock, NULL);
    return u;
}

void updates_free(struct updates *updates)
{
    if (!updates)
        return;
    closer_free(updates->closer);
    chain_unref(updates->chain);
    stored_policies_free(updates->stored);
    pthread_mutex_destroy(&updates->lock);
    free(updates);
}

void updates_observe(struct updates *updates, const struct update_observer *observers, size_t n,
                     void *ctx)
{
    updates->observers = observers;
    updates->n_observers = n;
    updates->observers_ctx = ctx;
}

void updates_set_chain(struct updates *updates, struct chain *chain)
{
    chain_ref(chain);
    pthread_mutex_lock(&updates->lock);
    struct chain *old = updates->chain;
    updates->chain = chain;
    pthread_mutex_unlock(&updates->lock);
    closer_unref(updates->closer, old);
}

struct chain *updates_chain(struct updates *updates)
{
    pthread_mutex_lock(&updates->lock);
    struct chain *chain = chain_ref(updates->chain);
    pthread_mutex_unlock(&updates->lock);
    return chain;
}

void updates_leave_chain(struct updates *updates, struct chain *chain)
{
    closer_unref(updates->closer, chain);
}

struct store *updates_store(struct updates *updates)
{
    return updates->store;
}

struct policy *updates_policy_at(struct updates *updates, const char *sandbox_id, uint64_t number,
                                 struct arena *arena, struct store_revision *out, struct error *err)
{
    if (store_revision_get(updates->store, sandbox_id, number, arena, out, err) != 0)
        return NULL;
    return policy_keep(stored_policies_get(updates->stored, out, err), arena);
}
