/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder share. */
#ifndef STORE_POSTGRES_PG_PARTS_H
#define STORE_POSTGRES_PG_PARTS_H

#include "store/postgres/pg.h"
#include "store/sql/rows.h"

/* What went wrong with a result (NULL: with the connection), and what to do.  Returns -1. */
int pg_fail(struct pg *pg, const PGresult *result, struct error *err);
/* Drops a connection that is of no more use. */
void pg_drop(struct pg *pg);

extern const struct sql_driver pg_driver;

#endif
