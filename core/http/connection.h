/* SPDX-License-Identifier: Apache-2.0 */
/* The server's inside: connections, exchanges and streams, for the http folder only.
 *
 *        first byte    head routed    body complete    answer given    answer sent
 *   IDLE ────────▶ HEAD ────────▶ BODY ────────▶ RUNNING ────────▶ WRITING ───────▶ IDLE
 *                   │              │                │ stream          │ last answer
 *                   └─ violation ──┴─▶ WRITING      └──▶ STREAMING ───┴──▶ LINGER ─▶ closed
 *
 * LINGER ends the write side and discards what still comes, so that a peer that is still sending
 * reads the answer before it meets a reset.
 *
 * A connection whose first bytes are the preface of a protocol that carries many requests is
 * CARRYING: its requests are connections of their own, one each (carrier.c).  Loop thread only. */
#ifndef HTTP_CONNECTION_H
#define HTTP_CONNECTION_H

#include "base/error.h"
#include "http/limits.h"
#include "http/request.h"
#include "http/router.h"
#include "http/tunnel_parts.h"
#include "net/stream.h"

enum connection_state {
    CONNECTION_IDLE,
    CONNECTION_HEAD,
    CONNECTION_BODY,
    CONNECTION_RUNNING,
    CONNECTION_WRITING,
    CONNECTION_STREAMING,
    CONNECTION_LINGER,
    CONNECTION_CARRYING,
};

enum {
    CONNECTION_INPUT_MAX = 64 * 1024,               /* pipelined bytes kept while a request runs */
    CONNECTION_LINGER_MS = 2000,
    CONNECTION_REFUSED_MAX = 64,                    /* beyond the limit, being told so */
    LOOKING_MAX = 16,
};

/* A request on its way, from its head to its answer. */
struct http_exchange {
    struct http_request req;
    struct http_connection *connection;             /* NULL: broken or closed meanwhile */
    void *ctx;                                      /* of the handler */
    bool gone;                                      /* the peer does not wait any more */
    bool handed;                                    /* a handler owns it */
    struct http_head *head;                         /* NULL: it could not be read */
    char *path;
    char **segments;
    char *type;                                     /* http_request_type */
    struct http_peer peer;
    struct buf headers;                             /* of the answer, http_header */
};

struct http_stream {
    struct http_connection *connection;
    void (*on_close)(void *ctx, const struct error *why);
    void (*on_drain)(void *ctx);
    void *ctx;
    http_body_read *on_body;                        /* of the request, which goes on meanwhile */
    void *on_body_ctx;
    size_t max_queued;
    struct buf trailers;
    bool chunked, closing;
    bool broken;
    struct error why;                               /* broken */
};

struct http_source {
    enum http_address_kind kind;
    bool is_user;                                   /* of this machine, by its uid */
    uid_t uid;
    unsigned char address[8];                       /* IPv4, or the network of IPv6 */
};

struct http_connection {
    struct http_server *server;
    struct http_connection *prev, *next;
    enum connection_state state;
    struct net_stream *socket;                      /* NULL: closed or handed to a tunnel */
    uv_timer_t timer;                               /* what the state may last */
    /* Socket or session, timer, and what is carried, until they are closed. */
    unsigned open_parts;
    bool closing;
    bool fresh;                                     /* no request yet */
    bool eof;                                       /* the peer has ended its side */
    bool last;                                      /* the answer under way is the last */
    bool read_paused;
    struct http_parser *parser;
    struct buf input;                               /* read, from parsed on not yet parsed */
    size_t parsed;
    struct http_exchange *exchange;
    struct http_stream *stream;
    bool body_open; /* the handler runs, and reads the rest of the body */
    bool body_paused;
    bool processing;
    struct http_peer peer;
    struct http_source source;
    struct tls_server *tls;                         /* of its listener; NULL: clear text */
    struct net_certificate *certificate;            /* that the peer has shown, or NULL */
    unsigned epoch;                                 /* of the authorities that verified it */
    bool shaking;                                   /* the TLS handshake is not over */
    struct http_connection *carrier;                /* whose stream the socket is, or NULL */
    void *session;                                  /* of the protocol, while it is CARRYING */
    unsigned n_carried;
};

struct http_listener;
struct http_protocol;
struct http_router;
struct http_service;

struct http_server {
    uv_loop_t *loop;
    struct http_limits limits;
    const struct http_router *router;
    const struct http_protocol *protocol;           /* beside HTTP/1.1, or NULL */
    void *ctx;
    struct http_offered {
        const struct http_service *service;
        void *ctx;
    } services[HTTP_SERVICES_MAX];                  /* beside the router */
    size_t n_services;
    const struct log *log;
    struct http_listener *listeners;
    size_t n_listeners;                             /* until they are closed */
    unsigned n_looking;                             /* connections whose peer is being looked for */
    struct http_connection *connections;
    struct http_tunnels tunnels;
    struct http_stats stats;
    uv_timer_t timer;                               /* to call back from the loop */
    bool draining, drained, closing, timer_closed;
    void (*on_drained)(void *ctx);
    void *drained_ctx;
    void (*on_closed)(void *ctx);
    void *closed_ctx;
};

/* Accepts the connection that waits at the listener. */
void connection_begin(struct http_listener *listener, enum net_kind kind);
/* The TLS handshake is over; status: 0, or why it failed. */
void connection_shaken(struct http_connection *c, int status);
/* room.c */
void http_source_read(const struct http_peer *peer, struct http_source *out);
enum connection_room {
    ROOM_IS, /* perhaps because the oldest idle one was closed */
    ROOM_NOT_FOR_SOURCE, /* which has its share of the connections by TCP */
    ROOM_NOT,
    ROOM_NOT_TO_SAY_SO,                             /* too many are being told so already */
};
enum connection_room connection_make_room(struct http_connection *newcomer);
/* Handshakes under way have a limit too: the oldest gives way to the newcomer. */
void connection_bound_handshakes(struct http_connection *newcomer);
/* Of one that is carried. */
bool connection_has_stream_room(const struct http_connection *newcomer);

/* carrier.c */
/* Of one that has had no request: whether it is not HTTP/1.1, or may not be. */
bool carrier_is_asked(struct http_connection *c);
void carrier_lose(struct http_connection *c);       /* which it carried */
void carrier_close(struct http_connection *carrier);
void carrier_drain(struct http_connection *carrier);

/* A connection without a socket yet, whose owner opens it with connection_calls. */
struct http_connection *connection_new(struct http_server *server);
extern const struct net_calls connection_calls;
void connection_part_closed(void *connection);
/* The state, and what it may last (0: without end). */
void connection_enter(struct http_connection *c, enum connection_state state, unsigned ms);
/* Answers what is wrong with the request, or with the time it takes; then the connection ends. */
void connection_refuse(struct http_connection *c, int status, const char *detail);
/* Whatever it does; a request that a handler has stays valid. */
void connection_close(struct http_connection *c);
/* Closes it now if it is idle, else after the answer under way. */
void connection_drain(struct http_connection *c);
/* The answer (taken), or the end of a stream, goes out; then the next request is read, or the
 * connection ends. */
void connection_answer(struct http_connection *c, struct buf *answer);
/* The head (taken) of an answer without a known end goes out. */
void connection_stream(struct http_connection *c, struct buf *head, struct http_stream *stream);
/* Sends what is queued, then the end of the stream, unless it ends already. */
void connection_end_stream(struct http_connection *c);
/* Closes, and the owner of the stream is told why. */
void connection_break_stream(struct http_connection *c, const char *why);
/* Whoever reads the body wants more of it now, or not. */
void connection_read_body(struct http_connection *c, bool wanted);
/* The socket leaves the connection, which ends; unread gets the bytes that were read already. */
struct net_stream *connection_release(struct http_connection *c, struct buf *unread);

struct http_exchange *exchange_new(struct http_connection *c, struct http_head *head);
/* The peer waits no more: tells whoever has the request, once. */
void exchange_peer_gone(struct http_exchange *x);
void exchange_free(struct http_exchange *x);
/* Finds the route and lets "before" look.  False: it is answered already. */
bool exchange_route(struct http_exchange *x);
/* Status line and header fields but for those of framing, without the empty line. */
void exchange_put_head(const struct http_exchange *x, const struct http_connection *c,
                       struct buf *out, int status, const char *type);
/* A field line; control bytes in value become spaces. */
void http_put_field(struct buf *out, const char *name, const char *value);
/* Ends the exchange on its connection, if it still has one (else NULL): the caller answers there,
 * and frees the exchange. */
struct http_connection *exchange_detach(struct http_exchange *x);

void http_server_check(struct http_server *server);                /* something has closed */

#endif
