/* SPDX-License-Identifier: Apache-2.0 */
/* The commit thread: groups the writes that are waiting into one transaction, and the checkpoint
 * thread that carries the log's pages into the database while nobody waits for it.
 *
 * Every write has a savepoint of its own, so one that fails undoes only itself.  When the group
 * cannot be committed (full disk, I/O error) each of its writes is tried once more alone, so that
 * one that is too large fails no other; what fails then is undone entirely. */
#ifndef STORE_SQLITE_COMMITTER_H
#define STORE_SQLITE_COMMITTER_H

#include "base/log.h"
#include "store/store.h"

struct committer;

/* path: an existing database. */
struct committer *committer_new(const char *path, const struct log *log, struct error *err);
void committer_free(struct committer *committer); /* finishes what was handed over; NULL is fine */

int committer_write(struct committer *committer, store_write_fn fn, void *arg, struct error *err);

#endif
