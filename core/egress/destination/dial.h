/* SPDX-License-Identifier: Apache-2.0 */
/* Connects to the first of several addresses that answers (RFC 8305): the families by turns, a new
 * attempt every 250 ms or as soon as one fails, and one deadline for all.  Where all refuse, they
 * are tried again for up to a second, as a service that is being restarted soon listens.  The
 * caller has judged every address; no other one is dialled.
 *
 * Ownership: a dial frees itself; its dialer outlives it.  Loop thread only. */
#ifndef EGRESS_DIAL_H
#define EGRESS_DIAL_H

#include "egress/destination/silent.h"
#include "net/stream.h"

enum {
    EGRESS_DIALS_MAX = 8,                           /* addresses tried for one request */
    EGRESS_ATTEMPT_MS = 250,                        /* RFC 8305: Connection Attempt Delay */
    EGRESS_AGAIN_MS = 100,                          /* between the rounds of those that refuse */
    EGRESS_PATIENCE_MS = 1000,                      /* for all such rounds */
};

struct egress_dialer {
    uv_loop_t *loop;
    unsigned dial_ms;                               /* for a dial as a whole */
    struct egress_silent silent;
};

struct egress_dial_result {
    int status; /* 0, or a libuv error: of the last attempt, or UV_ETIMEDOUT */
    struct net_stream *socket; /* connected; the owner's from then on; see net_set_owner */
    size_t index;                                   /* its address */
    size_t tried;
};

struct egress_dial;

struct egress_dial_calls {
    /* From the loop, at most once; the dial ends with it. */
    void (*done)(void *owner, const struct egress_dial_result *result);
    void (*closed)(void *owner);                    /* from the loop, the last thing heard of it */
};

/* The order in which the addresses are tried, as indexes; returns how many, EGRESS_DIALS_MAX at
 * most. It starts with the family of the first address, then the families take turns; silent ones
 * last. */
size_t egress_dial_order(const struct egress_silent *silent, const struct ipaddr *addresses,
                         size_t n, uint16_t port, uint64_t now_ms, size_t order[EGRESS_DIALS_MAX]);

struct egress_dial *egress_dial_start(struct egress_dialer *dialer, const struct ipaddr *addresses,
                                      size_t n, uint16_t port,
                                      const struct egress_dial_calls *calls, void *owner);
void egress_dial_cancel(struct egress_dial *dial);  /* done is not called any more */

#endif
