/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the log of a sandbox, at whichever gateway it is.
 *
 * Ownership: a reader belongs to the runtime; its maker may use it until it closes it or hears of
 * its end.  Threads: the loop's thread only.  Errors: NOT_FOUND, STATE, and those of the
 * connection to another gateway. */
#ifndef RUNTIME_SESSIONS_LOG_READER_H
#define RUNTIME_SESSIONS_LOG_READER_H

#include "auth/auth.h"
#include "runtime/runtime.h"

struct log_reader;

struct log_reader_calls {
    /* Once, sometimes from within runtime_logs_read: what is kept, whole lines; or err.  The reader
     * is gone after err, and where nobody follows. */
    void (*kept)(void *ctx, const struct buf *text, const struct error *err);
    void (*line)(void *ctx, const char *text, size_t len);      /* what comes later */
    /* The sandbox is gone, and the reader with it; why: its gateway is lost, NULL: it is not. */
    void (*end)(void *ctx, const char *why);
};

/* who: whom the sandbox's gateway is told of.  NULL: kept was called, and nothing follows. */
struct log_reader *runtime_logs_read(struct runtime *runtime, const char *sandbox_id,
                                     const struct auth_principal *who, bool follow,
                                     const struct log_reader_calls *calls, void *ctx);
void runtime_logs_close(struct log_reader *reader);  /* NULL is fine */

#endif
