/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder share. */
#ifndef STORE_SQLITE_SQLITE_PARTS_H
#define STORE_SQLITE_SQLITE_PARTS_H

#include "store/sql/rows.h"
#include "store/sqlite/db.h"

static inline struct db *db_of(struct store_tx *tx)
{
    return (struct db *)((struct sql_tx *)tx)->db;
}

#endif
