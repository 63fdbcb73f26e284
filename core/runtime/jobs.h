/* SPDX-License-Identifier: Apache-2.0 */
/* Blocking work on libuv's worker pool.
 *
 * Jobs with the same key run one after another, in the order they were added: updates of a sandbox
 * wait in this queue instead of conflicting in the store.  Jobs without a key are not ordered. Loop
 * thread only; work runs on a worker thread, done on the loop thread. */
#ifndef RUNTIME_JOBS_H
#define RUNTIME_JOBS_H

#include <stdbool.h>
#include <uv.h>

#include "store/store.h"

struct jobs;

struct jobs *jobs_new(uv_loop_t *loop);
void jobs_free(struct jobs *jobs);                  /* only when idle */
/* key is copied; NULL: no order.  arg is borrowed until done was called. */
void jobs_run(struct jobs *jobs, const char *key, void (*work)(void *arg),
              void (*done)(void *arg), void *arg);
/* A write that no worker waits for (store_write_later); done runs on the loop thread. */
void jobs_write(struct jobs *jobs, struct store *store, store_write_fn fn, store_written_fn done,
                void *arg);
bool jobs_idle(const struct jobs *jobs);
/* Called once, when the last job that is under way or queued is done (at once if there is none). */
void jobs_when_idle(struct jobs *jobs, void (*fn)(void *ctx), void *ctx);

#endif
