/* SPDX-License-Identifier: Apache-2.0 */
#include "store/sqlite/pool.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/alloc.h"

struct db_pool {
    pthread_mutex_t lock;
    pthread_cond_t back;
    struct sql_tx readers[DB_READERS];
    /* The one given back last is lent first: its cache is warm. */
    struct store_tx *idle[DB_READERS];
    size_t n_idle;
};

struct db_pool *db_pool_new(const char *path, struct error *err)
{
    struct db_pool *pool = alloc_zero(1, sizeof *pool);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->back, NULL);
    while (pool->n_idle < DB_READERS) {
        struct sql_tx *reader = &pool->readers[pool->n_idle];
        struct db *db = db_open(path, DB_READ, err);
        *reader = (struct sql_tx){.tx.backend = &store_sqlite, .db = db ? &db->sql : NULL};
        if (!db) {
            db_pool_free(pool);
            return NULL;
        }
        pool->idle[pool->n_idle++] = &reader->tx;
    }
    return pool;
}

void db_pool_free(struct db_pool *pool)
{
    if (!pool)
        return;
    for (size_t i = 0; i < pool->n_idle; i++)
        db_close(db_of(pool->idle[i]));
    pthread_cond_destroy(&pool->back);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

struct store_tx *db_pool_take(struct db_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    while (!pool->n_idle)
        pthread_cond_wait(&pool->back, &pool->lock);
    struct store_tx *tx = pool->idle[--pool->n_idle];
    pthread_mutex_unlock(&pool->lock);
    return tx;
}

void db_pool_give(struct db_pool *pool, struct store_tx *tx)
{
    pthread_mutex_lock(&pool->lock);
    pool->idle[pool->n_idle++] = tx;
    pthread_cond_signal(&pool->back);
    pthread_mutex_unlock(&pool->lock);
}
