/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of the tables `gateway` and `outbox`: who works in the store, and what each tells the
 * others.  The outbox is in the order in which groups were committed, as they take turns. */
#ifndef STORE_POSTGRES_OUTBOX_H
#define STORE_POSTGRES_OUTBOX_H

#include "store/postgres/pg.h"
#include "store/sql/rows.h"

#define OUTBOX_CHANNEL "sluice"

enum { OUTBOX_READ_MAX = 512 };                     /* rows */

/* Makes me a row, or finds it, and fills its number; *seq: the newest row of the outbox. */
int outbox_register(struct pg *pg, struct store_gateway *me, int64_t *seq, struct error *err);
int outbox_gateways(struct store_tx *tx, struct arena *arena, struct store_gateway **out,
                    size_t *n, struct error *err);
/* Keeps the change in pg->told, which outbox_write writes when the group is committed. */
int outbox_tell(struct store_tx *tx, const struct store_change *change, struct error *err);
void outbox_write(struct pg *pg);
/* The next rows after *seq, at most OUTBOX_READ_MAX; *seq: of the last of them. */
int outbox_read(struct pg *pg, int64_t *seq, struct arena *arena, struct store_change **out,
                size_t *n, struct error *err);
/* The gateway lives, and rows up to seq are removed.  Notes whether another one lives as well. */
int outbox_beat(struct pg *pg, int64_t seq, struct error *err);

#endif
