/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite/writer.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "store/sqlite/checkpointer.h"
#include "store/sqlite/group.h"

enum {
    WAL_PAGES_DUE = 1000,                           /* a checkpoint for this many more of the log */
    WAL_PAGES_MAX = 32000,                          /* 125 MiB: the next commit waits for one */
};

struct writer {
    struct committer *committer;
    struct db *db;                                  /* the rest is of whoever commits */
    struct checkpointer *checkpointer;
    int wal_pages, due;
};

static int count_pages(void *arg, sqlite3 *handle, const char *name, int pages)
{
    struct writer *w = arg;
    (void)handle;
    (void)name;
    w->wal_pages = pages;
    return SQLITE_OK;
}

static void commit(void *ctx, const struct group *group)
{
    group_commit(((struct writer *)ctx)->db, group);
}

/* The log begins anew when a write finds it checkpointed to its end.  While writes go on it seldom
 * is, so that a checkpoint after each would cost two syncs more and shorten nothing. */
static void keep_log_short(void *ctx)
{
    struct writer *w = ctx;
    if (w->wal_pages <= WAL_PAGES_DUE)
        w->due = WAL_PAGES_DUE;
    if (w->wal_pages > WAL_PAGES_MAX) {
        sqlite3_wal_checkpoint_v2(w->db->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    } else if (w->wal_pages > w->due) {
        w->due = w->wal_pages + WAL_PAGES_DUE;
        checkpointer_wake(w->checkpointer);
    }
}

static const struct committer_hooks hooks = {.commit = commit, .answered = keep_log_short};

static int start(struct writer *w, const char *path, const struct log *log, struct error *err)
{
    if (!(w->db = db_open(path, DB_WRITE, err)) ||
        !(w->checkpointer = checkpointer_new(path, log, err)))
        return -1;
    sqlite3_wal_hook(w->db->handle, count_pages, w);
    w->committer = committer_new(&hooks, w, err);
    return w->committer ? 0 : -1;
}

struct writer *writer_new(const char *path, const struct log *log, struct error *err)
{
    struct writer *w = alloc_zero(1, sizeof *w);
    if (start(w, path, log, err) == 0)
        return w;
    writer_free(w);
    return NULL;
}

void writer_free(struct writer *writer)
{
    if (!writer)
        return;
    committer_free(writer->committer);
    checkpointer_free(writer->checkpointer);
    db_close(writer->db);
    free(writer);
}

struct committer *writer_committer(struct writer *writer)
{
    return writer->committer;
}
