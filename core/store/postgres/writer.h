/* SPDX-License-Identifier: Apache-2.0 */
/* The connection that commits, which also holds the store's claim.
 *
 * A group of writes is one transaction, which writes a random mark with the rest.  Where the
 * connection is lost before the answer to COMMIT, the mark that the database has says what became
 * of it. */
#ifndef STORE_POSTGRES_WRITER_H
#define STORE_POSTGRES_WRITER_H

#include "base/log.h"
#include "store/gateways.h"
#include "store/postgres/pg.h"
#include "store/sql/committer.h"

struct pg_writer;

/* Takes pg, a connection of the mode PG_WRITE. */
struct pg_writer *pg_writer_new(struct pg *pg, const struct log *log, struct error *err);
void pg_writer_free(struct pg_writer *writer); /* finishes what was handed over; NULL is fine */
struct committer *pg_writer_committer(struct pg_writer *writer);
/* Before the first write. */
int pg_writer_claim(struct pg_writer *writer, struct error *err);
/* The same as one of several gateways; *seq as of outbox_register. */
int pg_writer_join(struct pg_writer *writer, struct store_gateway *me, int64_t *seq,
                   struct error *err);

#endif
