/* SPDX-License-Identifier: Apache-2.0 */
/* One client connection and what is under way on it.  For this folder; loop thread only.
 *
 * A connection is owned by its proxy's list and frees itself when the last of its handles is
 * closed.  Its timer serves one purpose at a time: the one of its state. */
#ifndef EGRESS_CONNECTION_H
#define EGRESS_CONNECTION_H

#include "egress/caller/callers.h"
#include "egress/dial.h"
#include "egress/hello.h"
#include "egress/links.h"
#include "egress/proxy.h"
#include "egress/resolver.h"
#include "egress/rewrite.h"
#include "egress/target.h"
#include "http/parser.h"
#include "net/stream.h"
#include "policy/match.h"

enum { EGRESS_HEAD_MAX = 16 * 1024 };

struct egress_proxy {
    uv_loop_t *loop;
    uv_tcp_t listener;
    struct egress_callers *callers;
    int root;                                       /* the sandbox's root folder */
    struct policy *policy;
    struct egress_resolver resolver;
    struct egress_dialer dialer;
    struct egress_limits limits;
    const struct log *log;
    void (*on_denial)(void *ctx, const struct egress_denial *denial);
    void (*on_line)(void *ctx, const struct egress_line *line);
    void *ctx;

    struct connection *connections;
    unsigned n_connections;                         /* all of them */
    unsigned n_refused;                             /* those that only get a 503 */
    bool waiting;                                   /* a client stands in the backlog */
    uint64_t allowed, denied;
    bool resolve_denied;
    unsigned n_lookups;                             /* of hosts of refused requests */

    bool closing, listener_closed;
    void (*on_closed)(void *ctx);
    void *closed_ctx;
};

enum connection_state {
    CONNECTION_HEAD,                                /* waits for a request, or the rest of one */
    CONNECTION_FOLLOWING,                           /* what the paths of the policy lead to */
    CONNECTION_RESOLVING,
    CONNECTION_DIALLING,
    CONNECTION_TUNNEL,
    CONNECTION_FORWARD,                             /* request and response are on their way */
    CONNECTION_ENDING,                              /* the last answer is being sent */
    CONNECTION_CLOSING,
};

/* One decision and what it is about. */
struct flow {
    struct http_head *head;
    bool connect;
    struct egress_target target;
    const char *path;                               /* forwarded: into head->target */
    const struct egress_caller *caller;             /* the connection's */
    struct egress_links links;
    struct buf hint;                                /* what a refusal says about the policy's paths */
    struct policy_decision decision;                /* points into the proxy's present policy */
    struct egress_addresses addresses;              /* all checked */
    size_t dialled;                                 /* the address that is connected */
};

struct report;

struct connection {
    struct egress_proxy *proxy;
    struct connection *prev, *next;
    enum connection_state state;
    unsigned handles;                               /* open ones; the last one frees it */
    bool refused;                                   /* one too many */
    bool served;                                    /* a request before this one was answered */
    struct net_stream *client, *upstream;        /* upstream: NULL until it is connected */
    uv_timer_t timer;
    struct egress_lookup *lookup;                   /* CONNECTION_RESOLVING, or NULL */
    struct egress_dial *dial;                       /* CONNECTION_DIALLING, or NULL */
    struct report *report;                          /* a denial whose host is looked up; NULL: none */
    struct egress_caller caller;                    /* who opened it; binary "" when that is not known */
    char *unidentified;                             /* why not, or NULL */
    struct http_parser *requests;
    struct buf pending;                             /* the client's bytes nobody has looked at */
    struct egress_hello *hello;                     /* CONNECTION_TUNNEL, until it is known whom TLS asks for */
    bool client_ended, upstream_ended;              /* their side */
    bool client_finished, upstream_finished;        /* our side, everything sent */
    struct flow flow;

    struct http_parser *responses;                  /* CONNECTION_FORWARD */
    struct http_head *response;                     /* the final head, once it is here */
    struct egress_framing framing;                  /* how the client gets the response */
    bool request_done, response_done;
};

extern const struct net_calls egress_connection_upstream_calls;

/* connection.c */
void egress_connection_new(struct egress_proxy *proxy);             /* accepts one */
void egress_connection_close(struct connection *c);                 /* at once; no answer */
/* Answers and closes, once the client has had the time to read it. */
void egress_connection_refuse(struct connection *c, struct egress_refusal *refusal);
void egress_connection_expect(struct connection *c, unsigned ms);   /* the timer anew; 0: none */
/* What requests says is wrong, as an answer. */
void egress_connection_malformed(struct connection *c);
void egress_connection_next_request(struct connection *c);
/* After an answer: nothing more is read as a request. */
void egress_connection_end(struct connection *c);
/* The client has ended its side.  Where no process holds its socket any more, now or later, that ends
 * the connection; a tunnel's other side may finish first. */
void egress_connection_client_ended(struct connection *c);
void egress_connection_drop_upstream(struct connection *c);

/* One handle, look-up or dial fewer; the last one frees the connection. */
void egress_connection_handle_closed(void *connection);

/* follow.c */
void egress_follow_links(struct connection *c);             /* then decides */

/* report.c */
/* To on_denial, with the addresses of the host. */
void egress_report(struct connection *c, const char *stage, const char *reason);
void egress_report_drop(struct connection *c);              /* what is being looked up is not reported */

/* decide.c */
void egress_decide(struct connection *c);                  /* the flow's head, target and links are set */
bool egress_decide_addresses(struct connection *c);        /* false: refused */
/* What a TLS client asks for within a tunnel.  False: it is not what the tunnel is for. */
bool egress_decide_hello(struct connection *c, enum egress_hello_state state);
void egress_decide_again(struct connection *c);            /* the policy has changed */
/* The question to the policy; borrows from the flow. */
struct policy_request egress_flow_request(const struct flow *flow);
void egress_flow_clear(struct flow *flow);
void egress_log_failure(const struct connection *c, const char *reason);

/* reach.c: resolve, check, dial; then egress_tunnel_begin or egress_forward_begin. */
void egress_reach(struct connection *c);
void egress_reach_client_read(struct connection *c, const char *bytes, ssize_t n);

/* tunnel.c */
void egress_tunnel_begin(struct connection *c);
void egress_tunnel_read(struct connection *c, bool from_client, const char *bytes, ssize_t n);
void egress_tunnel_drained(struct connection *c, bool client, int status);
void egress_tunnel_finished(struct connection *c);
void egress_tunnel_free(struct connection *c);              /* what it keeps of its own */

/* forward.c */
void egress_forward_begin(struct connection *c);
void egress_forward_client_read(struct connection *c, const char *bytes, ssize_t n);
void egress_forward_upstream_read(struct connection *c, const char *bytes, ssize_t n);
void egress_forward_drained(struct connection *c, bool client, int status);

/* proxy.c */
void egress_connection_gone(struct connection *c);

#endif
