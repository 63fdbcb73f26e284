/* SPDX-License-Identifier: Apache-2.0 */
/* Writes that share one transaction.
 *
 * One that fails undoes only itself: if it has changed something by then, the group runs again with
 * a savepoint for each.  When the group cannot be committed (full disk, I/O error) each of its
 * writes is tried once more alone, so that one that is too large fails no other; what fails then is
 * undone entirely. */
#ifndef STORE_SQLITE_GROUP_H
#define STORE_SQLITE_GROUP_H

#include "store/sql/committer.h"
#include "store/sqlite/db.h"

/* Afterwards the writes with rc 0 are durable, and nothing is left of the others. */
void group_commit(struct db *db, const struct group *group);

#endif
