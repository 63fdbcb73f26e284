/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder know of the store: where a read and a write find a connection. */
#ifndef STORE_SQLITE_INNER_H
#define STORE_SQLITE_INNER_H

#include <pthread.h>

#include "store/sqlite/db.h"
#include "store/sqlite/pool.h"
#include "store/store.h"

struct store {
    char *path;
    struct committer *committer;
    struct db_pool *readers;
    pthread_mutex_t verifying;                      /* held while the audit chain is */
};

struct store_tx {
    struct db *db;
    struct arena *arena;                            /* until the function returns */
};

/* traffic.c: after a sandbox was deleted, drops the rows of those deleted long before it. */
int store_tx_traffic_trim(struct store_tx *tx, struct error *err);

#endif
