/* SPDX-License-Identifier: Apache-2.0 */
/* Collects requests that the proxy refused and sends them to the gateway.
 *
 * The first denial of a host, port, binary, stage and request is due at once, up to
 * DENIALS_AT_ONCE_MAX a second; repeats are counted and due a second later.  Each costs the gateway
 * a write: so it gets DENIALS_MAX at once and DENIALS_PER_SECOND from then on, the oldest first,
 * and last those of a program that has more than half of them.
 * A denial also says how many held requests wait for the decision about it: it stays as long as
 * there are any, and is due when their number changes.
 * What cannot be sent (no gateway, or one that does not read) waits, up to DENIALS_MAX different
 * denials; then the oldest is dropped, of the program that has more than half of them if there is
 * one.  The workload controls the lengths of the texts by the paths of its programs and requests,
 * so they are bounded.  Loop thread only. */
#ifndef SANDBOX_SUPERVISOR_DENIALS_H
#define SANDBOX_SUPERVISOR_DENIALS_H

#include <uv.h>

#include "sandbox/wire/protocol.h"

struct denial_book;

enum {
    DENIALS_MAX = 512,
    DENIALS_INTERVAL_MS = 1000,
    DENIALS_AT_ONCE_MAX = 50,
    DENIALS_PER_SECOND = 50,
    DENIALS_BATCH = 32,                             /* in one message */
    DENIALS_ANCESTORS_MAX = 16,                     /* and as many links */
    DENIALS_ADDRESSES_MAX = 16,                     /* the worst ones, where a host has more */
    DENIALS_TEXT_MAX = 8 * 1024,                    /* of one; ancestors beyond it are left out */
    DENIALS_METHOD_MAX = 32,                        /* a request with more is not told */
    DENIALS_PATH_MAX = 4096,                        /* the same */
    DENIALS_CALL_MAX = 200,                         /* the same, for each text of a call */
};

/* A byte of a program's path may take six in JSON; a method and a request's path are printable. */
_Static_assert(DENIALS_BATCH *(6 * (DENIALS_TEXT_MAX + 1024 + 4 * DENIALS_CALL_MAX) +
                               DENIALS_METHOD_MAX + DENIALS_PATH_MAX) < SANDBOX_LINE_MAX,
               "a batch of denials fits into a line");

/* False: no gateway or no room; call sandbox_denials_flush when that changes. */
typedef bool sandbox_denials_sender(void *ctx, const struct sandbox_denials *denials);

struct denial_book *sandbox_denials_new(uv_loop_t *loop, sandbox_denials_sender *send, void *ctx);
/* Texts are copied; count, the times and waiting are the book's. */
void sandbox_denials_add(struct denial_book *book, const struct sandbox_denial *denial);
/* So many held requests wait for the decision about it, whatever its stage.  Of a denial that was
 * not added nothing is told. */
void sandbox_denials_set_waiting(struct denial_book *book, const struct sandbox_denial *denial,
                                 unsigned waiting);
/* The gateway knows nothing of what waits. */
void sandbox_denials_connected(struct denial_book *book);
void sandbox_denials_flush(struct denial_book *book);
void sandbox_denials_close(struct denial_book *book);       /* freed once its timer has closed */

#endif
