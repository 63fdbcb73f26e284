/* SPDX-License-Identifier: Apache-2.0 */
/* A connection and its streams, as the files of this folder share them.
 *
 * What comes from the peer is read by nghttp2, whose callbacks (callbacks.c) only take notes.  What
 * owners are to be told is told afterwards, by settling each stream that has something due. */
#ifndef HTTP2_PARTS_H
#define HTTP2_PARTS_H

#include <nghttp2/nghttp2.h>

#include "base/rate.h"
#include "http/parser.h"
#include "http2/block.h"
#include "http2/http2.h"
#include "http2/websocket.h"
#include "net/transport.h"

struct http2_stream {
    struct net_stream stream;
    struct http2 *h;
    struct http2_stream *prev, *next;
    struct http2_stream *next_due;
    bool due;                                       /* in the list of those */
    int32_t id;                                     /* 0: of a client, nothing is sent yet */
    bool known;                                     /* nghttp2 tells of it */
    bool untold;                                    /* its owner has not seen it yet */
    bool to_head;                                   /* the request is HEAD */
    bool is_connect;                                /* of a server: bytes follow, but no body */
    bool refused;
    int broken;                                     /* an error of libuv, or 0 */
    char websocket_key[HTTP2_WEBSOCKET_KEY_SIZE];   /* of a WebSocket request, else "" */
    bool switched;                                  /* both sides are bytes now */

    /* To the owner: text, then body, then the end. */
    struct buf text, body, trailers;
    bool final;                                     /* the head is here, not only interim ones */
    bool chunked;
    bool in_ended;                                  /* the peer's message is complete */
    bool reading, end_told, eof_told;

    /* From the owner. */
    struct http_parser *parser;
    struct http_head *head;                         /* not sent yet */
    struct buf data;                                /* of the body */
    bool message_begun;                             /* not only interim responses */
    bool message_ended; /* nothing follows data but the parser's trailers */
    bool end_sent;                                  /* nghttp2 has the end */
    bool drain_due, finish_due;
    uint64_t moved_ms;                              /* when the peer took something last */
};

struct http2 {
    uv_loop_t *loop;
    struct net_stream *below;
    nghttp2_session *session;
    const struct http2_calls *calls;
    void *owner;
    struct http2_limits limits;
    bool server, secure;

    struct http2_stream *streams, *due, **due_end;
    unsigned n_streams;
    struct http2_block block;                       /* the one that is coming */
    struct rate resets, idle_frames;
    const char *fault;                              /* why the peer is sent away, or NULL */
    char problem[160];                              /* what nghttp2 says of it */
    struct buf early;                               /* read before the connection began */
    struct buf out;                                 /* frames for the stream below */

    enum { HTTP2_OPEN, HTTP2_ENDING, HTTP2_ENDED } state;
    bool in_session;                                /* nghttp2 calls back */
    bool settling;                                  /* owners are called */
    bool congested;                                 /* the stream below has enough */
    bool peer_leaves, leaving;                      /* no new streams */
    bool settled, settled_due;                      /* the server's settings are here */
    bool requires_http_1_1;
    bool closing, resume_closing;
    unsigned handles;
    uv_idle_t resume;
    uv_timer_t timer;
    uint64_t begun_ms;
    uint64_t idle_ms;                               /* since when there is no stream */
};

/* ---- session.c ---- */

/* Something of the stream is to be told from the loop. */
void http2_wake(struct http2_stream *s);
/* Sends what nghttp2 has to send, as long as the stream below takes it. */
void http2_pump(struct http2 *h);

/* ---- stream.c ---- */

struct http2_stream *http2_stream_new(struct http2 *h);
/* Tells all that is due; frees the stream if it is closed. */
void http2_stream_settle(struct http2_stream *s);
void http2_stream_break(struct http2_stream *s, int status);
void http2_stream_reset(struct http2_stream *s, uint32_t code, int status);
/* Both messages are complete, or the owner has closed it. */
void http2_stream_over(struct http2_stream *s);
/* The peer has not taken everything yet. */
bool http2_stream_has_data(const struct http2_stream *s);

/* ---- receive.c ---- */

/* A header block is complete: its head is text from here on. */
void http2_have_request(struct http2_stream *s, bool ended);
void http2_have_response(struct http2_stream *s, bool ended);
/* Gives the owner what has come, as long as it reads. */
void http2_deliver(struct http2_stream *s);

/* ---- send.c ---- */

/* Bytes of the owner's message become frames. */
void http2_take(struct http2_stream *s, const char *bytes, size_t len);
/* The owner has ended its side. */
void http2_take_end(struct http2_stream *s);

/* ---- callbacks.c ---- */

void http2_session_new(struct http2 *h);

#endif
