/* SPDX-License-Identifier: Apache-2.0 */
/* One accepted connection: the stream, who is calling, and what is under way on it.  For this
 * folder; loop thread only.
 *
 * A client is in one state at a time; a state is a table of handlers for what may happen.  A client
 * is owned by its proxy's list and frees itself when the last of its handles is closed.  Its timer
 * serves one purpose at a time: the one of its state. */
#ifndef EGRESS_CLIENT_H
#define EGRESS_CLIENT_H

#include "egress/answer/tools.h"
#include "egress/caller/callers.h"
#include "egress/cures.h"
#include "egress/destination/dial.h"
#include "egress/destination/resolver.h"
#include "egress/dns/names.h"
#include "egress/exchange.h"
#include "egress/inspect/trust.h"
#include "egress/local/call.h"
#include "egress/proxy.h"
#include "egress/tunnel/hello.h"
#include "egress/waiting.h"

enum { EGRESS_HEAD_MAX = 16 * 1024 };

struct client;
struct egress_holds;
struct egress_origin;
struct generate_call;
struct http2;
struct egress_approvals;
struct inspectors;
struct report;

/* A rule that is not open to everybody (grants.h). */
struct egress_granted {
    uint64_t id;                                    /* what its uses are known by; never 0 */
    char *rule;                                     /* key */
    int64_t uses_left;                              /* -1: they are not counted */
    pid_t pid;                                      /* 0: open to every process */
    int64_t pid_since_ms;                           /* by CLOCK_BOOTTIME */
};

struct egress_grants {
    struct egress_granted *items;
    size_t n;
    uint64_t ids;                                   /* so far */
};

struct egress_proxy {
    uv_loop_t *loop;
    uv_tcp_t listener;
    uv_tcp_t transparent;                           /* for connects that were redirected */
    struct egress_callers *callers;
    struct egress_names *names;
    int root;                                       /* the sandbox's root folder */
    struct policy *policy;
    uint64_t generation;                            /* of the policy: counts from 1 */
    struct egress_grants grants;
    const struct secret_credentials *credentials;   /* NULL: none */
    struct egress_resolver resolver;
    struct egress_dialer dialer;
    struct egress_settings settings;
    struct egress_limits limits;
    struct egress_inspection inspection;
    const struct log *log;
    void (*on_denial)(void *ctx, const struct egress_denial *denial);
    void (*on_waiting)(void *ctx, const struct egress_waiting *waiting);
    void (*on_audited)(void *ctx, const struct egress_passed *audited);
    void (*on_passed)(void *ctx, const struct egress_passed *passed);
    void (*on_line)(void *ctx, const struct egress_line *line);
    struct egress_forecast (*forecast)(void *ctx, uint64_t id, const char *operations);
    bool (*propose)(void *ctx, const struct agent_proposal *proposal);
    bool (*look_up)(void *ctx, const struct agent_query *query);
    void (*on_use)(void *ctx, const char *rule);
    void (*on_approval_used)(void *ctx, const char *chunk, int64_t used, bool ended);
    void *ctx;
    struct local_service local;
    struct inference_routes *inference;             /* of inference.local; NULL: none */

    struct client *clients;
    unsigned n_clients;                             /* all of them */
    unsigned n_refused;                             /* those that only get a 503 */
    unsigned n_streams;                             /* those that are streams of others */
    bool waiting;                                   /* a client stands in the backlog */
    uint64_t allowed, denied;
    unsigned n_lookups;                             /* of hosts of refused requests */
    uint64_t n_cures;                               /* so far; they are numbered */
    struct egress_cures cures;
    uint64_t cures_second, cures_ns; /* how long they took in that second of the loop's clock */
    struct inspectors *inspectors;                  /* voters on requests; NULL: there are none */
    char *no_inspectors;                            /* why requests cannot be judged, or NULL */
    const struct sluice_sandbox *sandbox;           /* as voters see it */
    struct egress_approvals *approvals; /* of requests that they hold; NULL: there are none */
    unsigned n_questions;                           /* to them that wait for an answer */
    size_t questions_bytes;                         /* of bodies that are held for them */
    size_t messages_memory;                         /* bytes of WebSocket messages that are held */
    struct egress_tools_room tools;                 /* for answers that are reduced */
    struct waiting_keys held_for;                   /* what requests wait for */
    struct egress_holds *holds; /* refused requests that wait for a decision; NULL: none may */

    bool closing;
    unsigned n_listeners;                           /* open ones */
    void (*on_closed)(void *ctx);
    void *closed_ctx;
};

/* What is done about an event.  NULL: nothing, but that a client whose stream is broken, or whose
 * time is up, is closed, and an upstream with which TLS fails is dropped. */
struct client_state {
    void (*enter)(struct client *c);                /* the state begins */
    void (*again)(struct client *c); /* the same request, for which there is no upstream */
    void (*client_read)(struct client *c, const char *bytes, ssize_t n);
    void (*upstream_read)(struct client *c, const char *bytes, ssize_t n);
    void (*client_drained)(struct client *c, int status);
    void (*upstream_drained)(struct client *c, int status);
    void (*client_finished)(struct client *c);      /* our side has ended, everything is sent */
    void (*upstream_finished)(struct client *c);
    void (*client_secured)(struct client *c, int status);       /* TLS is established, or failed */
    void (*upstream_secured)(struct client *c, int status);
    void (*timed_out)(struct client *c);
    void (*policy_changed)(struct client *c);
    bool outlives_client; /* the upstream may finish after the client is gone */
};

/* A service of the proxy's own at the end of a tunnel, which no rule is asked about.  It sends
 * requests on to a server of its own choice. */
struct client_service {
    bool (*secure)(const struct client *c);         /* that server speaks TLS */
    void (*print)(struct client *c, struct buf *out);       /* the request as that server gets it */
    /* More of the answer is here.  False: it ends, as there is too much of it. */
    bool (*received)(struct client *c, size_t n);
    void (*end)(struct client *c);                  /* the answer is with the client */
    void (*fail)(struct client *c, const struct egress_refusal *why);       /* it cannot be had */
    void (*timed_out)(struct client *c);
};

/* Whether its requests come within a tunnel. */
enum client_inspection { NOT_INSPECTED, INSPECTED_PLAIN, INSPECTED_TLS };

struct client {
    struct egress_proxy *proxy;
    struct client *prev, *next;
    void (*gone)(struct client *c); /* the last thing heard of it, before it is freed */
    const struct client_state *state;
    const struct client_state *idle;                /* between two requests */
    unsigned handles;                               /* open ones; the last one frees it */
    bool refused;                                   /* one too many */
    bool served;                                    /* a request before this one was answered */
    enum client_inspection inspected;
    const char *tls; /* the version of TLS towards it, once that is established; else NULL */
    /* By HTTP/2 each request is a client of its own, a stream of its carrier (multiplex/): */
    struct client *carrier;                         /* of a stream, else NULL */
    struct http2 *http2;                            /* of a carrier, else NULL */
    /* Of a carrier: what its streams share; of a client of HTTP/1.1: where the origin speaks
     * HTTP/2. */
    struct egress_origin *origin;
    struct client *next_waiting;                    /* for a connection to the origin */
    enum egress_protocols protocols;                /* that the origin is asked for */
    void (*reach)(struct client *c, void (*next)(struct client *c)); /* NULL: as reach.h does */
    void (*dropped)(struct client *c);              /* its upstream is given up; or NULL */
    void (*closing)(struct client *c);              /* it is closed; or NULL */
    struct net_stream *stream;
    bool ended, finished;                           /* their side; our side, everything sent */
    uv_timer_t timer;
    struct egress_caller caller; /* who opened it; binary "" when that is not known */
    char *unidentified;                             /* why not, or NULL */
    bool transparent; /* its program knows no proxy (transparent.h): */
    struct egress_connect *connect; /* suspended until it is known what becomes of it, or NULL */
    bool admitted_early; /* it succeeded while its destination was reached */
    struct in_addr held; /* the synthetic address that it connected to, or 0 */
    struct http_parser *requests;
    struct buf pending; /* the client's bytes that nobody has looked at */
    struct egress_hello *hello; /* of a tunnel, until it is known whom TLS asks for */
    void (*turn)(struct client *c);                 /* work that waits for the loop */
    void (*reached)(struct client *c);              /* what follows when this is over: */
    struct egress_lookup *lookup;                   /* under way, or NULL */
    struct egress_dial *dial;                       /* under way, or NULL */
    struct report *report;                          /* a denial whose host is looked up, or NULL */
    struct route route;
    struct exchange exchange;
    struct upstream upstream;
    struct local_call *local;                       /* to policy.local; else NULL */
    const struct client_service *service;           /* what its tunnel leads to; NULL: an origin */
    struct generate_call *generate;                 /* of inference.local, which is one */
    struct egress_websocket *websocket;             /* messages are judged; else NULL */
};

/* A client without a stream, in the state between two requests; whose it is (caller) and the stream
 * follow. */
struct client *egress_client_new(struct egress_proxy *proxy, const struct client_state *idle,
                                 void (*gone)(struct client *c));
/* The stream, which is connected, belongs to the client from here on. */
void egress_client_attach(struct client *c, struct net_stream *stream);
void egress_client_close(struct client *c);         /* at once; no answer */
/* Its suspended connect succeeds, if it has not already.  False: its caller is gone. */
bool egress_client_admit(struct client *c);
/* Answers and closes, once the client has had the time to read it.  A suspended connect fails;
 * one that was admitted early is reset. */
void egress_client_refuse(struct client *c, const struct egress_refusal *refusal);
/* The same with the answer at hand, which is read: no suspended connect waits. */
void egress_client_answer(struct client *c, const struct buf *answer);
/* After an answer: nothing more is read as a request. */
void egress_client_end(struct client *c);
void egress_client_expect(struct client *c, unsigned ms);       /* the timer anew; 0: none */
/* Work that may take milliseconds, such as judging a body.  A loop that has been busy for long
 * first looks at its sockets, so that the gateway and other programs get their turn: then the work
 * is done later, and the timer is in use until then. */
void egress_client_take_turn(struct client *c, void (*work)(struct client *c));
bool egress_client_turn_is_over(const struct client *c);
/* The request is over; the client waits for another one.  The upstream connection is kept. */
void egress_client_next(struct client *c);
/* The client has ended its side.  Where no process holds its socket any more, now or later, that
 * ends the connection. */
void egress_client_has_ended(struct client *c);
/* A stream to the route's target, or none. */
void egress_client_set_upstream(struct client *c, struct net_stream *stream);
void egress_client_drop_upstream(struct client *c);
/* The upstream is the caller's from here on; its stream has another owner next. */
struct upstream egress_client_give_upstream(struct client *c);
void egress_client_take_upstream(struct client *c, const struct upstream *upstream);
/* The caller has read all bytes that it needs of pending: more may come. */
bool egress_client_has_room(const struct client *c);

/* The request, or the message after it, that rules were asked about; call NULL: no call in its body
 * decided.  Borrows from the client. */
struct egress_refused_request egress_client_request(const struct client *c,
                                                    const struct policy_call *call);

/* One handle, look-up, dial or piece of work fewer; the last one frees the client. */
void egress_client_release(void *client);

extern const struct net_calls egress_client_calls, egress_upstream_calls;

#endif
