/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of an inspected WebSocket connection.  Plain values; loop thread only. */
#ifndef EGRESS_WEBSOCKET_SESSION_H
#define EGRESS_WEBSOCKET_SESSION_H

#include "egress/websocket/messages.h"

struct egress_websocket {
    struct messages messages;                       /* of the client */
    struct frame_reader server;                     /* knows where its frames end */
    uint64_t began_ms;                              /* the message that is held, if any */
    size_t counted; /* bytes of memory that the proxy has on its account for this session */
    bool blocked;                                   /* the origin does not take what is sent */
    bool voting;                                    /* a message waits for the verdict of voters */
    bool late;                                      /* messages wait for their turn, in pending */
    unsigned status;                                /* of the Close; 0: open */
    char *reason;
    bool told;                                      /* the client has the Close */
};

struct egress_websocket *egress_websocket_new(bool deflate);
void egress_websocket_free(struct egress_websocket *w); /* NULL is fine */
/* How many bytes of messages it keeps in memory. */
size_t egress_websocket_memory(const struct egress_websocket *w);

/* Looks where frames of the server end.  Returns len, or with stop how many bytes there are up to
 * the first end. */
size_t egress_websocket_track(struct egress_websocket *w, const char *bytes, size_t len, bool stop);

#endif
