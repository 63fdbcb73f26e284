/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2 (RFC 9113) on a byte stream, for a server and for a client.
 *
 * Each request and its response are a stream of net/stream.h that carries HTTP/1.1 messages.  A
 * server's stream yields one request and takes one response, interim ones before it; a client's
 * takes one request and yields the response.  So whoever speaks HTTP/1.1 over a stream speaks
 * HTTP/2: bodies are sent with Content-Length where it is known and in chunks elsewhere, trailers
 * of responses follow the last chunk, trailers of requests are left out, and fields about the
 * connection never cross.  A WebSocket (RFC 8441) is an upgrade on such a stream.
 *
 * What is read of a stream is acknowledged when its owner has taken it, so a paused stream stops
 * its sender.  A server's stream ends (UV_EOF) after its response, a client's after the response
 * that it yields.  net_close before both messages are complete resets the stream; if the peer
 * resets it, read gets UV_ECONNRESET.
 *
 * A peer that costs more than it should is sent away with GOAWAY: many resets, control frames or
 * empty frames without use, header blocks in endless pieces.  Priorities are ignored, and push is
 * switched off.
 *
 * Ownership: the connection owns the stream below from the call on.  It is freed after http2_close
 * and when each of its streams is closed; closed(owner) is the last callback.  Callbacks come from
 * the loop.  Threads: the loop's thread only. */
#ifndef HTTP2_HTTP2_H
#define HTTP2_HTTP2_H

#include "net/stream.h"

struct http2;

/* 0: the default. */
struct http2_limits {
    unsigned streams;                               /* of a client at a time: 100 */
    unsigned head_bytes;                            /* of a header list: 16384 */
    unsigned window;                                /* bytes of a stream that wait for its owner */
    unsigned stall_ms; /* a stream that the peer takes nothing of is reset: 300000 */
    unsigned idle_ms;  /* a connection without streams ends: 60000 */
    unsigned settings_ms; /* in which a server has to send its settings: 10000 */
};

struct http2_calls {
    /* Of a server: the stream has the beginning of a request.  net_set_owner takes it. */
    void (*request)(void *owner, struct net_stream *stream);
    /* Of a client: the server speaks HTTP/2, its settings are here.  NULL: of no interest. */
    void (*settled)(void *owner);
    /* Once: the connection is of no more use, and all of its streams have ended; it is to be
     * closed.  why: what went wrong, or "" where nothing did.  Not after http2_close. */
    void (*ended)(void *owner, const char *why);
    void (*closed)(void *owner);
};

/* below: connected, or TLS that still shakes hands; first: what was read of it already.  secure:
 * requests have the scheme https. */
struct http2 *http2_server_new(struct net_stream *below, const void *first, size_t n_first,
                               bool secure, const struct http2_limits *limits,
                               const struct http2_calls *calls, void *owner);
struct http2 *http2_client_new(struct net_stream *below, bool secure,
                               const struct http2_limits *limits, const struct http2_calls *calls,
                               void *owner);

/* Of a client: whether another request may be sent now. */
bool http2_may_open(const struct http2 *h);
/* A stream for one request. */
struct net_stream *http2_open(struct http2 *h, const struct net_calls *calls, void *owner);
/* The stream has broken before the server did anything about its request: it may be sent again,
 * over HTTP/1.1 where the server asks for that. */
bool http2_was_refused(const struct net_stream *stream);
/* Streams that are not closed yet. */
unsigned http2_streams(const struct http2 *h);
/* The server takes WebSocket requests; known once its settings are here. */
bool http2_takes_websockets(const struct http2 *h);
/* The server has reset a stream with HTTP_1_1_REQUIRED (RFC 9113, 7). */
bool http2_requires_http_1_1(const struct http2 *h);
/* Takes no further requests; the connection ends when its streams have. */
void http2_leave(struct http2 *h);
/* At once; the streams break. */
void http2_close(struct http2 *h);

#endif
