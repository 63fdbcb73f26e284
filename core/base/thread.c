/* SPDX-License-Identifier: Apache-2.0 */
#include "base/thread.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/alloc.h"

struct thread {
    pthread_t id;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    struct thread_item *first, **last;
    size_t most;
    thread_fn fn;
    void *ctx;
    bool begun, closing;
};

/* NULL: the queue is empty and the thread is to end. */
static struct thread_item *take_items(struct thread *t)
{
    pthread_mutex_lock(&t->lock);
    while (!t->first && !t->closing)
        pthread_cond_wait(&t->woken, &t->lock);
    struct thread_item *items = t->first, **end = &t->first;
    for (size_t n = 0; *end && (n < t->most || !t->most); n++)
        end = &(*end)->next;
    t->first = *end;
    *end = NULL;
    if (!t->first)
        t->last = &t->first;
    pthread_mutex_unlock(&t->lock);
    return items;
}

static void *run(void *arg)
{
    struct thread *t = arg;
    pthread_mutex_lock(&t->lock);
    t->begun = true;
    pthread_cond_signal(&t->woken);
    pthread_mutex_unlock(&t->lock);
    for (struct thread_item *items; (items = take_items(t));)
        t->fn(t->ctx, items);
    return NULL;
}

/* A process that is forked while a thread begins would inherit locks that the C library holds. */
static void wait_for_begin(struct thread *t)
{
    pthread_mutex_lock(&t->lock);
    while (!t->begun)
        pthread_cond_wait(&t->woken, &t->lock);
    pthread_mutex_unlock(&t->lock);
}

static int start(struct thread *t)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&t->id, NULL, run, t);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

static void release(struct thread *t)
{
    pthread_cond_destroy(&t->woken);
    pthread_mutex_destroy(&t->lock);
    free(t);
}

struct thread *thread_new(const char *name, size_t most, thread_fn fn, void *ctx, struct error *err)
{
    struct thread *t = alloc_zero(1, sizeof *t);
    *t = (struct thread){.last = &t->first, .most = most, .fn = fn, .ctx = ctx};
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->woken, NULL);
    int rc = start(t);
    if (rc == 0) {
        pthread_setname_np(t->id, name);
        wait_for_begin(t);
        return t;
    }
    error_set(err, ERROR_INTERNAL, "cannot start the %s thread (error %d)", name, rc);
    release(t);
    return NULL;
}

void thread_add(struct thread *thread, struct thread_item *item)
{
    item->next = NULL;
    pthread_mutex_lock(&thread->lock);
    *thread->last = item;
    thread->last = &item->next;
    pthread_mutex_unlock(&thread->lock);
    pthread_cond_signal(&thread->woken);            /* it finds the lock free */
}

void thread_free(struct thread *thread)
{
    if (!thread)
        return;
    pthread_mutex_lock(&thread->lock);
    thread->closing = true;
    pthread_cond_signal(&thread->woken);
    pthread_mutex_unlock(&thread->lock);
    pthread_join(thread->id, NULL);
    release(thread);
}
