/* SPDX-License-Identifier: Apache-2.0 */
/* Follows the outbox on a connection and a thread of its own: woken by NOTIFY, and each second
 * without one, as one may be lost with its connection.  It also says that this gateway lives. */
#ifndef STORE_POSTGRES_FOLLOWER_H
#define STORE_POSTGRES_FOLLOWER_H

#include "store/gateways.h"
#include "store/postgres/pg.h"

struct follower;

/* From behind seq on. */
struct follower *follower_new(struct pg_place *place, int64_t seq, store_heard_fn *heard,
                              void *ctx, const struct log *log, struct error *err);
void follower_free(struct follower *follower);      /* no call comes after this; NULL is fine */

#endif
