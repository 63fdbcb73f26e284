/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the log of a sandbox.
 *
 * Ownership: a follower belongs to the runtime; its maker may use it until runtime_logs_unfollow or
 * end. Threads: the loop's thread only.  Errors: NOT_FOUND. */
#ifndef RUNTIME_SESSIONS_LOGS_H
#define RUNTIME_SESSIONS_LOGS_H

#include "runtime/runtime.h"

struct log_follower;

struct log_follower_calls {
    void (*line)(void *ctx, const char *text, size_t len);
    void (*end)(void *ctx); /* the sandbox is gone, and the follower with it */
};

/* Adds what is kept of the log. */
int runtime_logs(struct runtime *runtime, const char *sandbox_id, struct buf *out,
                 struct error *err);
/* What comes from now on.  NULL: err. */
struct log_follower *runtime_logs_follow(struct runtime *runtime, const char *sandbox_id,
                                         const struct log_follower_calls *calls, void *ctx,
                                         struct error *err);
void runtime_logs_unfollow(struct log_follower *follower);  /* NULL is fine */

#endif
