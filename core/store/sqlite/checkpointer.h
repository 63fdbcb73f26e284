/* SPDX-License-Identifier: Apache-2.0 */
/* The checkpoint thread: carries the pages of the write-ahead log into the database while nobody
 * waits for it.  Commits and reads go on meanwhile.  Any thread may wake it. */
#ifndef STORE_SQLITE_CHECKPOINTER_H
#define STORE_SQLITE_CHECKPOINTER_H

#include "base/log.h"
#include "store/sqlite/db.h"

struct checkpointer;

struct checkpointer *checkpointer_new(const char *path, const struct log *log, struct error *err);
void checkpointer_free(struct checkpointer *checkpointer);          /* NULL is fine */
void checkpointer_wake(struct checkpointer *checkpointer);

#endif
