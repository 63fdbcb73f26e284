/* SPDX-License-Identifier: Apache-2.0 */
/* What the workload asked the proxy for, counted on its way to the gateway's traffic record.
 *
 * Requests that agree in verdict, host, port, program and rule are one entry.  What is permitted is
 * counted once more, and what endpoints only audit again, where method, path and call agree, too.
 * The first request of an entry is due at once, up to TRAFFIC_AT_ONCE_MAX times a second, and
 * repeats TRAFFIC_INTERVAL_MS later, in batches, one at a time; a full one is followed by the next
 * after TRAFFIC_PACE_MS.
 * A batch is kept and sent again, unchanged and with its number, until it is acknowledged.
 * Each class (STORE_TRAFFIC_CLASSES) has room for TRAFFIC_MAX entries of its own, "passed" for
 * TRAFFIC_PASSED_MAX, so refused and audited requests take no place of permitted ones.  Where all
 * of them wait for the gateway, further requests are counted in one entry of that class without a
 * host.  Loop thread only. */
#ifndef SANDBOX_SUPERVISOR_TRAFFIC_H
#define SANDBOX_SUPERVISOR_TRAFFIC_H

#include <uv.h>

#include "egress/proxy.h"
#include "sandbox/wire/protocol.h"

struct traffic_book;

enum {
    TRAFFIC_MAX = 1024,
    TRAFFIC_PASSED_MAX = 4096,                      /* the same of what is permitted, one by one */
    TRAFFIC_BATCH = 48,
    TRAFFIC_INTERVAL_MS = 1000,
    TRAFFIC_AT_ONCE_MAX = 10,
    TRAFFIC_PACE_MS = 100,
    TRAFFIC_RETRY_MS = 5000,
    TRAFFIC_FINISH_MS = 1000,
    TRAFFIC_BINARY_MAX = 512,
    TRAFFIC_METHOD_MAX = 32,
    TRAFFIC_PATH_MAX = 4096,
    TRAFFIC_TEXT_MAX = 256, /* host, rule, reason, and each of the four texts of a call */
};

/* A byte may take six in JSON. */
_Static_assert(TRAFFIC_BATCH * 6 * (TRAFFIC_BINARY_MAX + TRAFFIC_METHOD_MAX + TRAFFIC_PATH_MAX +
                                    8 * TRAFFIC_TEXT_MAX) < SANDBOX_LINE_MAX,
               "a batch of the traffic record fits into a line");

/* Returns false when there is nobody to send to now; call sandbox_traffic_connected when there
 * is. */
typedef bool sandbox_traffic_sender(void *ctx, const struct sandbox_traffic *batch);

struct traffic_book *sandbox_traffic_new(uv_loop_t *loop, sandbox_traffic_sender *send, void *ctx);
void sandbox_traffic_add(struct traffic_book *book, const struct egress_line *line);
void sandbox_traffic_add_audited(struct traffic_book *book, const struct egress_passed *audited);
void sandbox_traffic_add_passed(struct traffic_book *book, const struct egress_passed *passed);
void sandbox_traffic_acknowledged(struct traffic_book *book, const struct sandbox_traffic *ack);
void sandbox_traffic_connected(struct traffic_book *book);
/* Sends what is left and calls done once it is acknowledged, or after TRAFFIC_FINISH_MS; at once if
 * nothing is left or nobody is there. */
void sandbox_traffic_finish(struct traffic_book *book, void (*done)(void *ctx), void *ctx);
void sandbox_traffic_close(struct traffic_book *book);      /* freed once its timer has closed */

#endif
