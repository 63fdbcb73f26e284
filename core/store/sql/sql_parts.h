/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this folder share. */
#ifndef STORE_SQL_SQL_PARTS_H
#define STORE_SQL_SQL_PARTS_H

#include "store/backend.h"
#include "store/sql/rows.h"
#include "store/sql/sql.h"

static inline struct sql_db *sql_of(struct store_tx *tx)
{
    return ((struct sql_tx *)tx)->db;
}

#endif
