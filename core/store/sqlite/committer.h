/* SPDX-License-Identifier: Apache-2.0 */
/* Groups the writes that wait into one transaction (group.h), on the thread of a caller where no
 * other commits, else on the commit thread; and the checkpoint thread that carries the log's pages
 * into the database while nobody waits for it. */
#ifndef STORE_SQLITE_COMMITTER_H
#define STORE_SQLITE_COMMITTER_H

#include "base/log.h"
#include "store/store.h"

struct committer;

/* path: an existing database. */
struct committer *committer_new(const char *path, const struct log *log, struct error *err);
void committer_free(struct committer *committer); /* finishes what was handed over; NULL is fine */

int committer_write(struct committer *committer, store_write_fn fn, void *arg, struct error *err);
void committer_write_later(struct committer *committer, store_write_fn fn, store_written_fn done,
                           void *arg);

#endif
