/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite/committer.h"

#include <semaphore.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/thread.h"
#include "store/sqlite/checkpointer.h"
#include "store/sqlite/sqlite_parts.h"

enum {
    GROUP_MAX = 256,                                /* writes in one transaction */
    WAL_PAGES_DUE = 1000,                           /* a checkpoint for this many more of the log */
    WAL_PAGES_MAX = 32000,                          /* 125 MiB: the next commit waits for one */
};

/* One write, on its caller's stack until it is answered. */
struct job {
    struct thread_item item;                        /* first: the thread hands it back */
    store_write_fn fn;
    void *arg;
    sem_t answered;
    int rc;
    struct error err;
};

struct group {
    struct job *jobs[GROUP_MAX];
    size_t n;
};

struct committer {
    struct db *db;
    struct checkpointer *checkpointer;
    struct thread *thread;
    int wal_pages, due;                             /* the commit thread's */
};

/* ---- a transaction ---- */

static int call(struct committer *c, struct job *job)
{
    struct sqlite_tx tx = {{&store_sqlite, arena_new()}, c->db};
    int rc = job->fn(&tx.tx, job->arg, &job->err);
    arena_free(tx.tx.arena);
    return rc;
}

static void run_job(struct committer *c, struct job *job)
{
    sqlite3 *handle = db_handle(c->db);
    job->err = (struct error){0};
    job->rc = db_run(c->db, &job->err, "SAVEPOINT job", "");
    if (job->rc)
        return;
    job->rc = call(c, job);
    if (sqlite3_get_autocommit(handle))
        return;                                     /* SQLite gave up the whole transaction */
    if (job->rc && db_run(c->db, NULL, "ROLLBACK TO job", ""))
        sqlite3_exec(handle, "ROLLBACK", NULL, NULL, NULL);
    else
        db_run(c->db, NULL, "RELEASE job", "");
}

static int run_and_commit(struct committer *c, const struct group *group, struct error *err)
{
    sqlite3 *handle = db_handle(c->db);
    for (size_t i = 0; i < group->n; i++) {
        run_job(c, group->jobs[i]);
        if (sqlite3_get_autocommit(handle))
            return error_set(err, ERROR_IO, "the transaction was given up: %s",
                             group->jobs[i]->err.text);
    }
    if (db_run(c->db, err, "COMMIT", "") == 0)
        return 0;
    if (!sqlite3_get_autocommit(handle))
        sqlite3_exec(handle, "ROLLBACK", NULL, NULL, NULL);
    return -1;
}

static void fail(const struct group *group, const struct error *err)
{
    for (size_t i = 0; i < group->n; i++) {
        group->jobs[i]->rc = -1;
        group->jobs[i]->err = *err;
    }
}

/* Afterwards the writes with rc 0 are durable, and nothing is left of the others. */
static void commit(struct committer *c, const struct group *group)
{
    struct error err = {0};
    bool begun = db_run(c->db, &err, "BEGIN IMMEDIATE", "") == 0;
    if (begun && run_and_commit(c, group, &err) == 0)
        return;
    if (!begun || group->n == 1) {
        fail(group, &err);
        return;
    }
    for (size_t i = 0; i < group->n; i++)
        commit(c, &(struct group){{group->jobs[i]}, 1});
}

/* ---- the thread ---- */

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

static void run_group(void *ctx, struct thread_item *items)
{
    struct committer *c = ctx;
    struct group group;
    group.n = 0;
    for (; items; items = items->next)
        group.jobs[group.n++] = (struct job *)items;
    commit(c, &group);
    for (size_t i = 0; i < group.n; i++)
        sem_post(&group.jobs[i]->answered);         /* and the job is gone */
    keep_log_short(c);
}

/* ---- handing over ---- */

int committer_write(struct committer *committer, store_write_fn fn, void *arg, struct error *err)
{
    struct job job = {.fn = fn, .arg = arg};
    sem_init(&job.answered, 0, 0);
    thread_add(committer->thread, &job.item);
    while (sem_wait(&job.answered) != 0)
        ;                                           /* a signal came in between */
    sem_destroy(&job.answered);
    if (job.rc && err)
        *err = job.err;
    return job.rc;
}

/* ---- life ---- */

static void release(struct committer *c)
{
    checkpointer_free(c->checkpointer);
    db_close(c->db);
    free(c);
}

static int start(struct committer *c, const char *path, const struct log *log, struct error *err)
{
    if (!(c->db = db_open(path, DB_WRITE, err)) ||
        !(c->checkpointer = checkpointer_new(path, log, err)))
        return -1;
    sqlite3_wal_hook(db_handle(c->db), count_pages, c);
    c->thread = thread_new("commit", GROUP_MAX, run_group, c, err);
    return c->thread ? 0 : -1;
}

struct committer *committer_new(const char *path, const struct log *log, struct error *err)
{
    struct committer *c = alloc_zero(1, sizeof *c);
    if (start(c, path, log, err) == 0)
        return c;
    release(c);
    return NULL;
}

void committer_free(struct committer *committer)
{
    if (!committer)
        return;
    thread_free(committer->thread);
    release(committer);
}
