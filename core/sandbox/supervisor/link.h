/* SPDX-License-Identifier: Apache-2.0 */
/* The supervisor's stream to its gateway, one message per line.  It reconnects for ever.
 *
 * A broken stream is dialled again after 20 ms, doubling to 1 s.  A gateway that is silent for
 * silence_ms counts as dead.  Callbacks come from the loop, never from inside one of
 * these functions.  Loop thread only. */
#ifndef SANDBOX_SUPERVISOR_LINK_H
#define SANDBOX_SUPERVISOR_LINK_H

#include <uv.h>

#include "sandbox/wire/protocol.h"

struct arena;
struct gateway_link;
struct log;

enum { LINK_RETRY_MIN_MS = 20, LINK_RETRY_MAX_MS = 1000, LINK_DIAL_MS = 5000 };

struct gateway_link_request {
    uv_loop_t *loop;
    const char *gateway, *token;                    /* needed until the link is closed */
    const char *path, *upgrade;                     /* static texts; NULL: those of a supervisor */
    const char *instance;                           /* of a host; NULL: it is none */
    unsigned silence_ms, dial_ms;                   /* 0: SANDBOX_SILENCE_MS, LINK_DIAL_MS */
    const struct log *log;
    void (*on_up)(void *ctx);                       /* what is sent first should be hello */
    void (*on_drained)(void *ctx); /* everything sent is with the kernel: there is room */
    /* The receiver owns the arena that the message lives in. */
    void (*on_message)(void *ctx, const struct sandbox_message *message, struct arena *arena);
    /* The gateway does not know this sandbox any more (410): it was deleted.  NULL: nobody asks. */
    void (*on_orphaned)(void *ctx);
    void (*on_down)(void *ctx);                     /* it is dialled again later; or NULL */
    void *ctx;
};

struct gateway_link *sandbox_link_open(const struct gateway_link_request *request);
bool sandbox_link_is_up(const struct gateway_link *link);
/* Up, and the gateway reads what it is sent: what can wait should wait otherwise, as a stream with
 * HTTP_TUNNEL_QUEUE_MAX unread bytes is ended. */
bool sandbox_link_has_room(const struct gateway_link *link);
/* False: the link is down, the message was not sent. */
bool sandbox_link_send(struct gateway_link *link, const struct sandbox_message *message);
/* Sends what is queued, waits a moment for the gateway to have it, and ends; then on_closed. */
void sandbox_link_close(struct gateway_link *link, void (*on_closed)(void *ctx), void *ctx);

#endif
