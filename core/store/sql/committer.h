/* SPDX-License-Identifier: Apache-2.0 */
/* Groups the writes that wait, so that they share a transaction: on the thread of a caller where no
 * other commits, else on the commit thread. */
#ifndef STORE_SQL_COMMITTER_H
#define STORE_SQL_COMMITTER_H

#include "store/store.h"

enum { GROUP_MAX = 256 };

struct group_write {
    store_write_fn fn;
    void *arg;
    int rc;
    struct error err;
};

struct group {
    struct group_write *writes[GROUP_MAX];
    size_t n;
};

/* One thread at a time calls them. */
struct committer_hooks {
    /* Afterwards the writes with rc 0 are durable, and nothing is left of the others. */
    void (*commit)(void *ctx, const struct group *group);
    void (*answered)(void *ctx); /* after their callers were told; NULL: nothing */
};

struct committer;

struct committer *committer_new(const struct committer_hooks *hooks, void *ctx, struct error *err);
void committer_free(struct committer *committer); /* finishes what was handed over; NULL is fine */

int committer_write(struct committer *committer, store_write_fn fn, void *arg, struct error *err);
void committer_write_later(struct committer *committer, store_write_fn fn, store_written_fn done,
                           void *arg);

#endif
