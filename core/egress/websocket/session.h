/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of an inspected WebSocket connection.  Plain values; loop thread only. */
#ifndef EGRESS_WEBSOCKET_SESSION_H
#define EGRESS_WEBSOCKET_SESSION_H

#include "egress/websocket/messages.h"

/* What one of both sends. */
struct websocket_side {
    struct messages messages;
    uint64_t began_ms;                              /* the message that is held, if any */
    uint64_t due_ms; /* when the rest of it has to be here; 0: never */
    bool blocked;                                   /* the other side does not take what is sent */
    bool voting;                                    /* a message waits for the verdict of voters */
    bool late;                                      /* messages wait for their turn */
};

struct egress_websocket {
    struct websocket_side client, server;           /* pending of the client: in struct client */
    bool judges_server; /* messages of the server are held from the one under way on */
    struct buf pending; /* bytes of the server behind a message that waits */
    size_t counted; /* bytes of memory that the proxy has on its account for this session */
    unsigned status;                                /* of the Close; 0: open */
    char *reason;
    bool told;                                      /* the client has the Close */
};

/* deflate: permessage-deflate is in use; context: the server keeps what it knows of one message for
 * the next. */
struct egress_websocket *egress_websocket_new(bool deflate, bool context);
void egress_websocket_free(struct egress_websocket *w); /* NULL is fine */
/* How many bytes of messages it keeps in memory. */
size_t egress_websocket_memory(const struct egress_websocket *w);

/* Looks where frames of the server end, which pass as they come.  Returns len, or with stop how
 * many bytes there are up to the first end. */
size_t egress_websocket_track(struct egress_websocket *w, const char *bytes, size_t len, bool stop);
/* The client has no frame but whole ones. */
bool egress_websocket_at_border(const struct egress_websocket *w);

#endif
