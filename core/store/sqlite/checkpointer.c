/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite/checkpointer.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/thread.h"

struct checkpointer {
    struct db *db;
    const struct log *log;
    struct thread *thread;
};

/* One checkpoint for all requests that came meanwhile. */
static void checkpoint(void *ctx, struct thread_item *requests)
{
    struct checkpointer *c = ctx;
    struct error err;
    for (struct thread_item *next; requests; requests = next) {
        next = requests->next;
        free(requests);
    }
    int rc =
        sqlite3_wal_checkpoint_v2(c->db->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    if (rc == SQLITE_OK || (rc & 0xff) == SQLITE_BUSY)
        return;
    db_fail(c->db, &err);
    log_warn(c->log, "the write-ahead log keeps growing, its pages cannot be stored: %s", err.text);
}

void checkpointer_wake(struct checkpointer *checkpointer)
{
    thread_add(checkpointer->thread, alloc_zero(1, sizeof(struct thread_item)));
}

struct checkpointer *checkpointer_new(const char *path, const struct log *log, struct error *err)
{
    struct checkpointer *c = alloc_zero(1, sizeof *c);
    c->log = log;
    c->db = db_open(path, DB_WRITE, err);
    c->thread = c->db ? thread_new("checkpoint", 0, checkpoint, c, err) : NULL;
    if (c->thread)
        return c;
    checkpointer_free(c);
    return NULL;
}

void checkpointer_free(struct checkpointer *checkpointer)
{
    if (!checkpointer)
        return;
    thread_free(checkpointer->thread);
    db_close(checkpointer->db);
    free(checkpointer);
}
