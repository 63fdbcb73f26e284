/* SPDX-License-Identifier: Apache-2.0 */
/* The connection that commits, with the thread that carries the log's pages into the database while
 * nobody waits for it. */
#ifndef STORE_SQLITE_WRITER_H
#define STORE_SQLITE_WRITER_H

#include "base/log.h"
#include "store/sql/committer.h"

struct writer;

/* path: an existing database. */
struct writer *writer_new(const char *path, const struct log *log, struct error *err);
void writer_free(struct writer *writer); /* finishes what was handed over; NULL is fine */
struct committer *writer_committer(struct writer *writer);

#endif
