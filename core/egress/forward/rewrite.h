/* SPDX-License-Identifier: Apache-2.0 */
/* Message heads as a proxy passes them on: written anew from what was parsed, so that nothing
 * ambiguous passes.  Hop-by-hop fields (Connection and what it names, Keep-Alive, Proxy-*, TE,
 * Trailer, Transfer-Encoding, Upgrade) stay behind; framing and Via are our own.  Pure. */
#ifndef EGRESS_REWRITE_H
#define EGRESS_REWRITE_H

#include "base/buf.h"
#include "egress/destination/target.h"
#include "http/parser.h"

/* How a request is passed on. */
struct egress_rewrite {
    const char *path; /* what egress_target_url gave, or begins with '/' */
    const char *query; /* what follows, with its "?"; "" where path has it */
    uint16_t default_port;                          /* what the scheme implies */
    bool whole;                                     /* the body, of which this is the length: */
    size_t length;
    bool via;                                       /* the proxy names itself */
    bool last;      /* the origin is to end the connection after this request */
    bool plain;     /* the answer is to have no encoding */
    bool trailers;                                  /* of the response are asked for */
    bool websocket; /* a valid upgrade, which is asked for upstream, too */
    const char *extensions; /* of WebSocket: NULL: the client's; "": none */
};

/* The authority as the origin expects it: a default port is left out. */
void egress_rewrite_host(const struct egress_target *target, uint16_t default_port,
                         struct buf *out);
/* The upstream connection is kept.  100 Continue is not asked for: the proxy has said it. */
void egress_rewrite_request(const struct http_head *head, const struct egress_target *target,
                            const struct egress_rewrite *how, struct buf *out);

struct egress_framing {
    bool no_body;                                   /* whatever the head says */
    bool chunked;                                   /* for the client: HTTP/1.1 only */
    bool keep_alive;                                /* the client may ask again */
};

/* How the response to request is passed on. */
struct egress_framing egress_frame_response(const struct http_head *request,
                                            const struct http_head *response);
void egress_rewrite_response(const struct http_head *request, const struct http_head *response,
                             const struct egress_framing *framing, bool via, struct buf *out);
/* 101, which accepts a WebSocket upgrade; bare: with no field that is not of it. */
void egress_rewrite_upgrade(const struct http_head *response, bool bare, struct buf *out);
/* An interim response (100 to 199). */
void egress_rewrite_interim(const struct http_head *response, struct buf *out);

/* A piece of a body, and its end: with trailers, or NULL. */
void egress_frame_body(struct buf *out, bool chunked, const char *bytes, size_t len);
void egress_frame_end(struct buf *out, bool chunked, const struct http_head *trailers);

#endif
