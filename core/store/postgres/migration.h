/* SPDX-License-Identifier: Apache-2.0 */
/* The schema, as the numbered steps that lead to it. */
#ifndef STORE_POSTGRES_MIGRATION_H
#define STORE_POSTGRES_MIGRATION_H

#include "store/postgres/pg.h"

/* Brings the database of a write connection up to our schema.  Refuses a newer schema, and a
 * database that is another program's. */
int migration_pg_run(struct pg *pg, struct error *err);
/* -1 unless the database is ours and of our schema. */
int migration_pg_check(struct pg *pg, struct error *err);

#endif
