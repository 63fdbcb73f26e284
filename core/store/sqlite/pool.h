/* SPDX-License-Identifier: Apache-2.0 */
/* A few connections for reading, lent to one thread at a time.  Any thread. */
#ifndef STORE_SQLITE_POOL_H
#define STORE_SQLITE_POOL_H

#include "store/sqlite/sqlite_parts.h"

enum { DB_READERS = 8 };

struct db_pool;

struct db_pool *db_pool_new(const char *path, struct error *err);
void db_pool_free(struct db_pool *pool);            /* all connections must be back; NULL is fine */
struct store_tx *db_pool_take(struct db_pool *pool);    /* waits for one; never NULL */
void db_pool_give(struct db_pool *pool, struct store_tx *tx);

#endif
