/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite/checkpointer.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/thread.h"

struct checkpointer {
    struct db *db;
    const struct log *log;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    bool due, closing;
};

static void checkpoint(struct checkpointer *c)
{
    struct error err;
    int rc =
        sqlite3_wal_checkpoint_v2(db_handle(c->db), NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    if (rc == SQLITE_OK || (rc & 0xff) == SQLITE_BUSY)
        return;
    db_fail(c->db, &err);
    log_warn(c->log, "the write-ahead log keeps growing, its pages cannot be stored: %s", err.text);
}

static void *run(void *arg)
{
    struct checkpointer *c = arg;
    pthread_mutex_lock(&c->lock);
    while (!c->closing) {
        if (!c->due) {
            pthread_cond_wait(&c->woken, &c->lock);
            continue;
        }
        c->due = false;
        pthread_mutex_unlock(&c->lock);
        checkpoint(c);
        pthread_mutex_lock(&c->lock);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

static void tell(struct checkpointer *c, bool *flag)
{
    pthread_mutex_lock(&c->lock);
    *flag = true;
    pthread_cond_signal(&c->woken);
    pthread_mutex_unlock(&c->lock);
}

void checkpointer_wake(struct checkpointer *checkpointer)
{
    tell(checkpointer, &checkpointer->due);
}

static void release(struct checkpointer *c)
{
    pthread_cond_destroy(&c->woken);
    pthread_mutex_destroy(&c->lock);
    db_close(c->db);
    free(c);
}

struct checkpointer *checkpointer_new(const char *path, const struct log *log, struct error *err)
{
    struct checkpointer *c = alloc_zero(1, sizeof *c);
    c->log = log;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->woken, NULL);
    c->db = db_open(path, DB_WRITE, err);
    if (c->db && thread_start(&c->thread, "checkpoint", run, c, err) == 0)
        return c;
    release(c);
    return NULL;
}

void checkpointer_free(struct checkpointer *checkpointer)
{
    if (!checkpointer)
        return;
    tell(checkpointer, &checkpointer->closing);
    pthread_join(checkpointer->thread, NULL);
    release(checkpointer);
}
