/* SPDX-License-Identifier: Apache-2.0 */
/* A connection after 101 Switching Protocols: bytes both ways.
 *
 * A tunnel belongs to whoever has it until on_close, which is called exactly once, always from the
 * loop and never from inside one of these functions, and is the last thing heard of it.  It closes
 * when http_tunnel_close is called, when both sides have ended (theirs read to its end, ours shut
 * down), when the connection breaks, when its server closes, or when more than
 * HTTP_TUNNEL_QUEUE_MAX bytes are queued.  What is written is copied.  Loop thread only. */
#ifndef HTTP_TUNNEL_H
#define HTTP_TUNNEL_H

#include "http/request.h"
#include "net/stream.h"

enum {
    HTTP_TUNNEL_QUEUE_HIGH = 256 * 1024,  /* http_tunnel_write returns false from here on */
    HTTP_TUNNEL_QUEUE_MAX = 8 * 1024 * 1024,
};

struct http_tunnel;

struct http_tunnel_callbacks {
    /* Bytes of the peer; len 0 once, when it has ended its side.  bytes[len] may not be read. */
    void (*on_read)(struct http_tunnel *tunnel, void *ctx, const char *bytes, size_t len);
    /* Everything that was queued has been taken by the kernel.  NULL: not of interest. */
    void (*on_drain)(struct http_tunnel *tunnel, void *ctx);
    /* why is NULL when it was closed here or ended on both sides.  NULL: not of interest. */
    void (*on_close)(void *ctx, const struct error *why);
};

/* Answers 101 with "Upgrade: protocol" and consumes req.  The caller has checked that the request
 * asks for it: http_upgrade_asked.  Bytes that came after the request are delivered first; no
 * callback comes before this returns.  NULL: the peer is gone, no callback is called. */
struct http_tunnel *http_upgrade(struct http_request *req, const char *protocol,
                                 const struct http_tunnel_callbacks *callbacks, void *ctx);
/* Whether the request asks to upgrade to the protocol (Connection, Upgrade and HTTP/1.1). */
bool http_upgrade_asked(const struct http_request *req, const char *protocol);

/* For a tunnel of http_client, which is silent at first: sets the callbacks and begins to read.
 * on_read may be called before this returns. Also changes the callbacks of a running tunnel. */
void http_tunnel_start(struct http_tunnel *tunnel, const struct http_tunnel_callbacks *callbacks,
                       void *ctx);
/* A tunnel that no request began, with a peer who speaks its bytes at once.  Takes the stream;
 * silent until http_tunnel_start. */
struct http_tunnel *http_tunnel_of(struct net_stream *stream);
/* False: enough is queued, wait for on_drain (the bytes were taken nevertheless); after
 * http_tunnel_shutdown or while closing they are dropped. */
bool http_tunnel_write(struct http_tunnel *tunnel, const void *bytes, size_t len);
/* The same; the buffer is empty afterwards, and on_drain always follows unless they are dropped. */
void http_tunnel_send(struct http_tunnel *tunnel, struct buf *bytes);
size_t http_tunnel_queued(const struct http_tunnel *tunnel);
/* No on_read until resumed. */
void http_tunnel_pause(struct http_tunnel *tunnel);
void http_tunnel_resume(struct http_tunnel *tunnel);
/* Ends our side when everything queued is sent; reading goes on. */
void http_tunnel_shutdown(struct http_tunnel *tunnel);
/* From now on the end of the peer's side closes the tunnel at once, also while it is paused and
 * bytes of the peer are unread: for protocols whose streams have an end of their own. */
void http_tunnel_close_at_end(struct http_tunnel *tunnel);
/* Closes at once; what is still queued is lost. */
void http_tunnel_close(struct http_tunnel *tunnel);

/* The tunnel as a stream of net/: paused, and owned by whoever owns the stream.  Its former
 * callbacks are not called any more; what the tunnel closes for breaks the stream. */
struct net_stream *http_tunnel_stream(struct http_tunnel *tunnel, const struct net_calls *calls,
                                      void *owner);

#endif
