/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite/committer.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/thread.h"
#include "store/sqlite/checkpointer.h"
#include "store/sqlite/group.h"

enum {
    WAL_PAGES_DUE = 1000,                           /* a checkpoint for this many more of the log */
    WAL_PAGES_MAX = 32000,                          /* 125 MiB: the next commit waits for one */
};

/* One write.  It is on the stack of the caller who waits for it, or else has a done function and is
 * freed once that was called. */
struct job {
    struct group_write write;                       /* first */
    struct job *next;
    store_written_fn done;                          /* NULL: the caller waits */
    uint64_t due_ms;                                /* monotonic: when it is committed alone */
    sem_t answered;
};

struct committer {
    struct db *db;                                  /* of whoever commits */
    struct checkpointer *checkpointer;
    int wal_pages, due;                             /* of whoever commits */

    pthread_mutex_t lock;                           /* guards what follows */
    pthread_cond_t moved;                           /* for the commit thread */
    struct job *first, **last;                      /* in the order of their call */
    size_t n_awaited;                               /* those whose caller waits */
    bool committing;                                /* a thread is */
    bool closing;
    struct thread *thread;
    struct thread_item life;                        /* the one item of that thread: all it does */
};

/* ---- a group ---- */

static int count_pages(void *arg, sqlite3 *handle, const char *name, int pages)
{
    struct committer *c = arg;
    (void)handle;
    (void)name;
    c->wal_pages = pages;
    return SQLITE_OK;
}

/* The log begins anew when a write finds it checkpointed to its end.  While writes go on it seldom
 * is, so that a checkpoint after each would cost two syncs more and shorten nothing. */
static void keep_log_short(struct committer *c)
{
    if (c->wal_pages <= WAL_PAGES_DUE)
        c->due = WAL_PAGES_DUE;
    if (c->wal_pages > WAL_PAGES_MAX) {
        sqlite3_wal_checkpoint_v2(db_handle(c->db), NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    } else if (c->wal_pages > c->due) {
        c->due = c->wal_pages + WAL_PAGES_DUE;
        checkpointer_wake(c->checkpointer);
    }
}

static void answer(struct job *job)
{
    if (!job->done) {
        sem_post(&job->answered);                   /* and the job is gone */
        return;
    }
    job->done(job->write.arg, job->write.rc, &job->write.err);
    free(job);
}

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

/* Commits the oldest writes.  Under the lock, which it gives up meanwhile. */
static void commit_group(struct committer *c)
{
    struct group group;
    take_group(c, &group);
    c->committing = true;
    pthread_mutex_unlock(&c->lock);
    group_commit(c->db, &group);
    for (size_t i = 0; i < group.n; i++)
        answer((struct job *)group.writes[i]);
    keep_log_short(c);
    pthread_mutex_lock(&c->lock);
    c->committing = false;
    if (c->first || c->closing)
        pthread_cond_signal(&c->moved);
}

/* ---- the commit thread: for writes that come while another commits, and those nobody waits for */

static void wait_until(struct committer *c, uint64_t ms)
{
    const struct timespec at = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
    pthread_cond_timedwait(&c->moved, &c->lock, &at);
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
    *job = (struct job){.write = {.fn = fn, .arg = arg}, .done = done,
                        .due_ms = clock_mono_ms() + STORE_LATER_MS};
    pthread_mutex_lock(&committer->lock);
    bool wakes = !committer->first && !committer->committing;
    add_job(committer, job);
    pthread_mutex_unlock(&committer->lock);
    if (wakes)
        pthread_cond_signal(&committer->moved);
}

/* ---- life ---- */

static void release(struct committer *c)
{
    checkpointer_free(c->checkpointer);
    db_close(c->db);
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

static int start(struct committer *c, const char *path, const struct log *log, struct error *err)
{
    if (!(c->db = db_open(path, DB_WRITE, err)) ||
        !(c->checkpointer = checkpointer_new(path, log, err)))
        return -1;
    sqlite3_wal_hook(db_handle(c->db), count_pages, c);
    c->thread = thread_new("commit", 1, live, c, err);
    if (c->thread)
        thread_add(c->thread, &c->life);
    return c->thread ? 0 : -1;
}

struct committer *committer_new(const char *path, const struct log *log, struct error *err)
{
    struct committer *c = alloc_zero(1, sizeof *c);
    init_queue(c);
    if (start(c, path, log, err) == 0)
        return c;
    release(c);
    return NULL;
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
