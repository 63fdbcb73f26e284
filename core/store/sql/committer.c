/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sql/committer.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/thread.h"

/* A write that nobody waits for is kept while the database cannot be reached. */
enum { KEPT_MS = 60000, AGAIN_MS = 200 };

/* One write.  It is on the stack of the caller who waits for it, or else has a done function and is
 * freed once that was called. */
struct job {
    struct group_write write;                       /* first */
    struct job *next;
    store_written_fn done;                          /* NULL: the caller waits */
    /* Monotonic: when it is committed alone, and until when it is tried again. */
    uint64_t due_ms, kept_until_ms;
    sem_t answered;
};

struct committer {
    const struct committer_hooks *hooks;            /* one thread at a time calls them */
    void *ctx;

    pthread_mutex_t lock;                           /* guards what follows */
    pthread_cond_t moved;                           /* for the commit thread */
    struct job *first, **last;                      /* in the order of their call */
    size_t n_awaited;                               /* those whose caller waits */
    bool committing;                                /* a thread is */
    bool closing;
    uint64_t wakes_ms;                              /* when the thread does of itself; 0: never */
    struct thread *thread;
    struct thread_item life;                        /* the one item of that thread: all it does */
};

/* ---- a group ---- */

/* Under the lock. */
static void take_group(struct committer *c, struct group *group)
{
    group->n = 0;
    while (c->first && group->n < GROUP_MAX) {
        struct job *job = c->first;
        group->writes[group->n++] = &job->write;
        c->n_awaited -= !job->done;
        c->first = job->next;
    }
    if (!c->first)
        c->last = &c->first;
}

static bool is_kept(const struct job *job, uint64_t now)
{
    return job->done && job->write.rc && job->write.err.kind == ERROR_UNAVAILABLE &&
           now < job->kept_until_ms;
}

/* Under the lock.  Puts those to be tried again back in front, in their order. */
static void keep(struct committer *c, const struct group *group, uint64_t now)
{
    for (size_t i = group->n; i > 0; i--) {
        struct job *job = (struct job *)group->writes[i - 1];
        if (!is_kept(job, now))
            continue;
        job->due_ms = now + AGAIN_MS;
        job->next = c->first;
        if (!c->first)
            c->last = &job->next;
        c->first = job;
    }
}

/* Those who wait come first. */
static void answer(const struct group *group, bool closing, struct group *kept, uint64_t now)
{
    struct group later = {.n = 0};
    for (size_t i = 0; i < group->n; i++) {
        struct job *job = (struct job *)group->writes[i];
        if (job->done)
            later.writes[later.n++] = &job->write;
        else
            sem_post(&job->answered);               /* and the job is gone */
    }
    for (size_t i = 0; i < later.n; i++) {
        struct job *job = (struct job *)later.writes[i];
        if (!closing && is_kept(job, now)) {
            kept->writes[kept->n++] = &job->write;
            continue;
        }
        job->done(job->write.arg, job->write.rc, &job->write.err);
        free(job);
    }
}

/* Under the lock.  A thread that wakes early enough of itself is not woken. */
static bool must_wake(const struct committer *c)
{
    bool sleeps_too_long = !c->wakes_ms || (c->first && c->wakes_ms > c->first->due_ms);
    return c->closing || c->n_awaited || (c->first && sleeps_too_long);
}

/* Commits the oldest writes.  Under the lock, which it gives up meanwhile. */
static void commit_group(struct committer *c)
{
    struct group group, kept = {.n = 0};
    take_group(c, &group);
    c->committing = true;
    bool closing = c->closing;
    pthread_mutex_unlock(&c->lock);
    c->hooks->commit(c->ctx, &group);
    uint64_t now = clock_mono_ms();
    answer(&group, closing, &kept, now);
    if (c->hooks->answered)
        c->hooks->answered(c->ctx);
    pthread_mutex_lock(&c->lock);
    keep(c, &kept, now);
    c->committing = false;
    if (must_wake(c))
        pthread_cond_signal(&c->moved);
}

/* ---- the commit thread: for writes that come while another commits, and those nobody waits for */

static void wait_until(struct committer *c, uint64_t ms)
{
    const struct timespec at = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
    c->wakes_ms = ms;
    pthread_cond_timedwait(&c->moved, &c->lock, &at);
    c->wakes_ms = 0;
}

/* Waits until the thread has something to commit.  False: there is nothing left, and it ends. */
static bool wait_for_work(struct committer *c)
{
    for (;;) {
        if (c->committing || (!c->first && !c->closing))
            pthread_cond_wait(&c->moved, &c->lock);
        else if (!c->first)
            return false;
        else if (c->n_awaited || c->closing || c->first->due_ms <= clock_mono_ms())
            return true;
        else
            wait_until(c, c->first->due_ms);
    }
}

static void live(void *ctx, struct thread_item *item)
{
    struct committer *c = ctx;
    (void)item;
    pthread_mutex_lock(&c->lock);
    while (wait_for_work(c))
        commit_group(c);
    pthread_mutex_unlock(&c->lock);
}

/* ---- handing over ---- */

/* Under the lock. */
static void add_job(struct committer *c, struct job *job)
{
    *c->last = job;
    c->last = &job->next;
    c->n_awaited += !job->done;
}

/* While nobody commits, a caller commits itself and is answered without another thread.  A signal
 * such as that of a file that is too large is none of its thread's business meanwhile. */
static void commit_here(struct committer *c)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    commit_group(c);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

int committer_write(struct committer *committer, store_write_fn fn, void *arg, struct error *err)
{
    struct job job = {.write = {.fn = fn, .arg = arg}};
    sem_init(&job.answered, 0, 0);
    pthread_mutex_lock(&committer->lock);
    bool alone = !committer->committing && !committer->n_awaited;
    add_job(committer, &job);
    if (alone)
        commit_here(committer);
    pthread_mutex_unlock(&committer->lock);
    while (sem_wait(&job.answered) != 0)
        ;                                           /* a signal came in between */
    sem_destroy(&job.answered);
    if (job.write.rc && err)
        *err = job.write.err;
    return job.write.rc;
}

void committer_write_later(struct committer *committer, store_write_fn fn, store_written_fn done,
                           void *arg)
{
    struct job *job = alloc_zero(1, sizeof *job);
    uint64_t now = clock_mono_ms();
    *job = (struct job){.write = {.fn = fn, .arg = arg}, .done = done,
                        .due_ms = now + STORE_LATER_MS, .kept_until_ms = now + KEPT_MS};
    pthread_mutex_lock(&committer->lock);
    bool first = !committer->first && !committer->committing;
    add_job(committer, job);
    bool wakes = first && must_wake(committer);
    pthread_mutex_unlock(&committer->lock);
    if (wakes)
        pthread_cond_signal(&committer->moved);
}

/* ---- life ---- */

static void release(struct committer *c)
{
    pthread_cond_destroy(&c->moved);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

static void init_queue(struct committer *c)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&c->moved, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&c->lock, NULL);
    c->last = &c->first;
}

struct committer *committer_new(const struct committer_hooks *hooks, void *ctx, struct error *err)
{
    struct committer *c = alloc_zero(1, sizeof *c);
    c->hooks = hooks;
    c->ctx = ctx;
    init_queue(c);
    c->thread = thread_new("commit", 1, live, c, err);
    if (!c->thread) {
        release(c);
        return NULL;
    }
    thread_add(c->thread, &c->life);
    return c;
}

void committer_free(struct committer *committer)
{
    if (!committer)
        return;
    pthread_mutex_lock(&committer->lock);
    committer->closing = true;
    pthread_cond_signal(&committer->moved);
    pthread_mutex_unlock(&committer->lock);
    thread_free(committer->thread);
    release(committer);
}
