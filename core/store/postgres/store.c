/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "store/postgres/follower.h"
#include "store/postgres/migration.h"
#include "store/postgres/outbox.h"
#include "store/postgres/pg_parts.h"
#include "store/postgres/writer.h"

enum { READERS = 8 };

struct postgres_store {
    struct store store;                             /* first: core/store knows only this */
    struct pg_place *place;
    struct pg_writer *writer;
    const struct log *log;
    int64_t seq;                                    /* of the outbox, when it was joined */
    struct follower *follower;

    pthread_mutex_t lock;                           /* guards what follows */
    pthread_cond_t back;
    struct sql_tx readers[READERS];
    struct sql_tx *idle[READERS];                   /* the one given back last is lent first */
    size_t n_idle;
};

static struct postgres_store *of(struct store *store)
{
    return (struct postgres_store *)store;
}

static struct pg *pg_of(struct store_tx *tx)
{
    return (struct pg *)((struct sql_tx *)tx)->db;
}

/* What stands before "//" in the URL is the scheme alone. */
static struct pg_place *place_of(const char *place, struct error *err)
{
    char *url = alloc_printf("%s:%s", store_postgres.scheme, place);
    struct pg_place *made = pg_place_new(url, err);
    free(url);
    return made;
}

/* ---- life ---- */

static void postgres_close(struct store *store)
{
    struct postgres_store *s = of(store);
    follower_free(s->follower);
    pg_writer_free(s->writer);
    for (size_t i = 0; i < READERS; i++)
        pg_close((struct pg *)s->readers[i].db);
    pthread_cond_destroy(&s->back);
    pthread_mutex_destroy(&s->lock);
    pg_place_free(s->place);
    free(s);
}

/* Each connects when it is first needed. */
static void make_readers(struct postgres_store *s)
{
    for (size_t i = 0; i < READERS; i++) {
        struct pg *pg = pg_new(s->place, PG_READ);
        s->readers[i] = (struct sql_tx){.tx.backend = &store_postgres, .db = &pg->sql};
        s->idle[s->n_idle++] = &s->readers[i];
    }
}

static int start(struct postgres_store *s, const char *place, const struct log *log,
                 struct error *err)
{
    s->place = place_of(place, err);
    struct pg *pg = s->place ? pg_open(s->place, PG_WRITE, err) : NULL;
    if (!pg)
        return -1;
    if (migration_pg_run(pg, err) != 0) {
        pg_close(pg);
        return -1;
    }
    make_readers(s);
    s->log = log;
    s->writer = pg_writer_new(pg, log, err);
    return s->writer ? 0 : -1;
}

static struct store *postgres_open(const char *place, const struct log *log, struct error *err)
{
    struct postgres_store *s = alloc_zero(1, sizeof *s);
    s->store.backend = &store_postgres;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->back, NULL);
    if (start(s, place, log, err) == 0)
        return &s->store;
    postgres_close(&s->store);
    return NULL;
}

static int postgres_claim(struct store *store, struct error *err)
{
    return pg_writer_claim(of(store)->writer, err);
}

/* ---- several gateways ---- */

static int postgres_join(struct store *store, struct store_gateway *me, struct error *err)
{
    return pg_writer_join(of(store)->writer, me, &of(store)->seq, err);
}

static int postgres_follow(struct store *store, store_heard_fn *heard, void *ctx,
                           struct error *err)
{
    struct postgres_store *s = of(store);
    s->follower = follower_new(s->place, s->seq, heard, ctx, s->log, err);
    return s->follower ? 0 : -1;
}

static void postgres_unfollow(struct store *store)
{
    follower_free(of(store)->follower);
    of(store)->follower = NULL;
}

static const char *self(struct store_tx *tx)
{
    return pg_of(tx)->place->gateway;
}

static const char *own_id(const struct store *store)
{
    return ((const struct postgres_store *)store)->place->gateway;
}

static const struct store_gateways gateways = {
    .join = postgres_join,
    .list = outbox_gateways,
    .follow = postgres_follow,
    .unfollow = postgres_unfollow,
    .tell = outbox_tell,
    .self = self,
    .own_id = own_id,
};

/* ---- writing ---- */

static int postgres_write(struct store *store, store_write_fn fn, void *arg, struct error *err)
{
    return committer_write(pg_writer_committer(of(store)->writer), fn, arg, err);
}

static void postgres_write_later(struct store *store, store_write_fn fn, store_written_fn done,
                                 void *arg)
{
    committer_write_later(pg_writer_committer(of(store)->writer), fn, done, arg);
}

/* ---- reading ---- */

static struct store_tx *postgres_read(struct store *store)
{
    struct postgres_store *s = of(store);
    pthread_mutex_lock(&s->lock);
    while (!s->n_idle)
        pthread_cond_wait(&s->back, &s->lock);
    struct sql_tx *reader = s->idle[--s->n_idle];
    pthread_mutex_unlock(&s->lock);
    struct pg *pg = (struct pg *)reader->db;
    /* Without a connection each query says why. */
    if (pg_revive(pg, &pg->why) != 0)
        pg->failed = true;
    return &reader->tx;
}

static void postgres_end_read(struct store *store, struct store_tx *tx)
{
    struct postgres_store *s = of(store);
    pg_of(tx)->failed = false;
    pthread_mutex_lock(&s->lock);
    s->idle[s->n_idle++] = (struct sql_tx *)tx;
    pthread_cond_signal(&s->back);
    pthread_mutex_unlock(&s->lock);
}

static int begin_moment(struct store_tx *tx, struct error *err)
{
    return sql_run(&pg_of(tx)->sql, err, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "");
}

static void end_moment(struct store_tx *tx)
{
    pg_roll_back(pg_of(tx));
}

/* ---- snapshots ---- */

/* A snapshot that has its place for itself. */
struct inspection {
    struct sql_tx tx;                               /* first */
    struct pg_place *place;                         /* NULL: it is a store's */
};

static void end_snapshot(struct store_tx *tx)
{
    struct inspection *inspection = (struct inspection *)tx;
    pg_close(pg_of(tx));
    pg_place_free(inspection->place);
    free(inspection);
}

/* Takes own, which may be NULL. */
static struct store_tx *begin_snapshot(struct pg_place *place, struct pg_place *own, bool checked,
                                       struct error *err)
{
    struct pg *pg = place ? pg_open(place, PG_READ, err) : NULL;
    if (!pg || (!checked && migration_pg_check(pg, err) != 0) ||
        sql_run(&pg->sql, err, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "") != 0) {
        pg_close(pg);
        pg_place_free(own);
        return NULL;
    }
    struct inspection *inspection = alloc_zero(1, sizeof *inspection);
    inspection->tx = (struct sql_tx){.tx.backend = &store_postgres, .db = &pg->sql};
    inspection->place = own;
    return &inspection->tx.tx;
}

static struct store_tx *postgres_snapshot(struct store *store, struct error *err)
{
    return begin_snapshot(of(store)->place, NULL, true, err);
}

static struct store_tx *postgres_inspect(const char *place, struct error *err)
{
    struct pg_place *own = place_of(place, err);
    return begin_snapshot(own, own, false, err);
}

const struct store_backend store_postgres = {
    .scheme = "postgresql",
    .open = postgres_open,
    .close = postgres_close,
    .claim = postgres_claim,
    .write = postgres_write,
    .write_later = postgres_write_later,
    .read = postgres_read,
    .end_read = postgres_end_read,
    .begin_moment = begin_moment,
    .end_moment = end_moment,
    .snapshot = postgres_snapshot,
    .inspect = postgres_inspect,
    .end_snapshot = end_snapshot,
    .gateways = &gateways,
    SQL_ROWS,
};
