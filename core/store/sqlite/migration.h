/* SPDX-License-Identifier: Apache-2.0 */
/* The schema, as the numbered steps that lead to it. */
#ifndef STORE_SQLITE_MIGRATION_H
#define STORE_SQLITE_MIGRATION_H

#include "store/sqlite/db.h"

/* Brings the database of a write connection up to our schema.  Refuses a newer schema, and a
 * database that is another program's. */
int migration_run(struct db *db, const char *path, struct error *err);
/* -1 unless the database is ours and of our schema. */
int migration_check(struct db *db, const char *path, struct error *err);

#endif
