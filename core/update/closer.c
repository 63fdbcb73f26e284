/* SPDX-License-Identifier: Apache-2.0 */
#include "update/closer.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/thread.h"

struct ended_chain {
    struct thread_item item;
    struct chain *chain;
};

struct closer {
    pthread_mutex_t lock;
    struct thread *thread;                          /* NULL until the first chain ends */
};

static void close_chains(void *ctx, struct thread_item *items)
{
    (void)ctx;
    for (struct thread_item *next; items; items = next) {
        struct ended_chain *ended = (struct ended_chain *)items;
        next = items->next;
        chain_close(ended->chain);
        free(ended);
    }
}

struct closer *closer_new(void)
{
    struct closer *c = alloc_zero(1, sizeof *c);
    pthread_mutex_init(&c->lock, NULL);
    return c;
}

void closer_free(struct closer *c)
{
    thread_free(c->thread);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

void closer_unref(struct closer *c, struct chain *chain)
{
    if (!chain_leave(chain))
        return;
    pthread_mutex_lock(&c->lock);
    if (!c->thread)
        c->thread = thread_new("closer", 0, close_chains, NULL, NULL);
    struct thread *thread = c->thread;
    pthread_mutex_unlock(&c->lock);
    struct ended_chain *ended = alloc_zero(1, sizeof *ended);
    ended->chain = chain;
    if (thread)
        thread_add(thread, &ended->item);
    else
        close_chains(NULL, &ended->item);
}
