/* SPDX-License-Identifier: Apache-2.0 */
#include "update/closer.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/thread.h"

struct item {
    struct item *next;
    struct chain *chain;
};

struct closer {
    pthread_t thread;
    bool started;                                   /* with the first chain to end */
    pthread_mutex_t lock;
    pthread_cond_t woken;
    struct item *items;
    bool closing;
};

static struct item *next_item(struct closer *c)
{
    pthread_mutex_lock(&c->lock);
    while (!c->items && !c->closing)
        pthread_cond_wait(&c->woken, &c->lock);
    struct item *item = c->items;
    if (item)
        c->items = item->next;
    pthread_mutex_unlock(&c->lock);
    return item;
}

static void *run(void *arg)
{
    struct item *item;
    while ((item = next_item(arg))) {
        chain_close(item->chain);
        free(item);
    }
    return NULL;
}

struct closer *closer_new(void)
{
    struct closer *c = alloc_zero(1, sizeof *c);
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->woken, NULL);
    return c;
}

void closer_free(struct closer *c)
{
    pthread_mutex_lock(&c->lock);
    c->closing = true;
    pthread_cond_signal(&c->woken);
    pthread_mutex_unlock(&c->lock);
    if (c->started)
        pthread_join(c->thread, NULL);
    pthread_cond_destroy(&c->woken);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

void closer_unref(struct closer *c, struct chain *chain)
{
    if (!chain_leave(chain))
        return;
    struct item *item = alloc_zero(1, sizeof *item);
    struct error ignored;
    pthread_mutex_lock(&c->lock);
    c->started = c->started || thread_start(&c->thread, "closer", run, c, &ignored) == 0;
    if (c->started) {
        *item = (struct item){c->items, chain};
        c->items = item;
        item = NULL;
        pthread_cond_signal(&c->woken);
    }
    pthread_mutex_unlock(&c->lock);
    if (item)
        chain_close(chain);                         /* there is no thread to do it */
    free(item);
}
