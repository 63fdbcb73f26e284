/* SPDX-License-Identifier: Apache-2.0 */
/* One connection to a PostgreSQL server, and its driver for core/store/sql.
 *
 * Statements are sent in libpq's pipeline mode: one that nobody waits for (changed is NULL) travels
 * with the next one that somebody does.  If it fails, that one fails too, and the transaction is
 * over.
 *
 * A connection that is lost is made again by pg_revive, at most as often as its gate lets. */
#ifndef STORE_POSTGRES_PG_H
#define STORE_POSTGRES_PG_H

#include <pthread.h>

#include "base/buf.h"
#include "store/postgres/libpq.h"
#include "store/sql/sql.h"

enum { PG_CONNECT_S = 5 };                          /* how long a connection may take to be made */

enum pg_mode {
    PG_WRITE,
    PG_READ,                                        /* refuses writes */
};

/* A server that does not answer is asked again after a while, which grows with each failure; until
 * then every use of a lost connection fails at once with the same words. */
struct pg_gate {
    pthread_mutex_t lock;
    uint64_t next_ms, delay_ms;                     /* monotonic */
    struct error why;
};

/* Where a store is, for all its connections. */
struct pg_place {
    struct libpq pq;
    char *url;                                      /* may hold a password: never say it */
    char *label;                                    /* the same without, for messages */
    char name[32];                                  /* application_name; no other store has it */
    char gateway[64];                               /* the id that joined, "": none */
    _Atomic bool accompanied;                       /* another gateway was alive lately */
    struct pg_gate gate;
};

struct pg_statement {
    const char *sql;
    unsigned id;
};

struct pg {
    struct sql_db sql;                              /* first */
    struct pg_place *place;
    enum pg_mode mode;
    PGconn *conn;                                   /* NULL: lost */
    struct pg_statement *cache;
    size_t n_cached, n_prepared;                    /* prepared: those that the server confirmed */
    unsigned next_id;
    size_t n_sent;                                  /* commands whose results were not read */
    bool failed;                                    /* a statement did: the transaction is over */
    struct error why;
    uint64_t n_runs;                                /* statements that may have changed something */
    struct buf told;                                /* by this group, for the outbox (outbox.h) */
};

struct pg_place *pg_place_new(const char *url, struct error *err);
void pg_place_free(struct pg_place *place);         /* NULL is fine */

/* Connects and checks that the server will do.  NULL: err. */
struct pg *pg_open(struct pg_place *place, enum pg_mode mode, struct error *err);
/* Without a connection yet. */
struct pg *pg_new(struct pg_place *place, enum pg_mode mode);
void pg_close(struct pg *pg);                       /* NULL is fine */

/* Whether the server still answers, as far as can be told without asking. */
bool pg_alive(struct pg *pg);
/* Connects unless it is alive.  ERROR_UNAVAILABLE: it cannot. */
int pg_revive(struct pg *pg, struct error *err);

/* Reads the results of all that was sent.  -1: one failed. */
int pg_settle(struct pg *pg, struct error *err);
/* Ends a transaction that failed, so that the connection can begin another. */
void pg_roll_back(struct pg *pg);
/* Runs SQL of any length without parameters, outside a pipeline. */
int pg_script(struct pg *pg, const char *sql, struct error *err);

#endif
