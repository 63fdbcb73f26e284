/* SPDX-License-Identifier: Apache-2.0 */
/* One request and what becomes of it: plain data, filled in by the steps of the proxy in turn.  For
 * this folder; loop thread only. */
#ifndef EGRESS_EXCHANGE_H
#define EGRESS_EXCHANGE_H

#include "egress/caller/caller.h"
#include "egress/destination/resolver.h"
#include "egress/destination/target.h"
#include "egress/forward/rewrite.h"
#include "egress/links.h"
#include "egress/refusal.h"
#include "http/parser.h"
#include "net/stream.h"
#include "policy/match/calls.h"
#include "policy/match/http.h"
#include "secret/placeholder.h"

struct egress_tools;

/* Where requests go, and what the policy says of it.  A tunnel whose traffic is inspected keeps its
 * route for all requests within it; forwarded requests in a row to the same place share one. */
struct route {
    struct egress_target target;
    struct egress_links links;
    struct buf hint; /* what a refusal says about the policy's paths */
    uint64_t generation; /* of the policy that the next two point into; 0: none */
    struct policy_decision decision;
    struct policy_candidates candidates;            /* none: requests are not judged */
    struct egress_addresses addresses;              /* all checked */
    uint64_t use;                                   /* of a grant, by the connection; 0: none */
    char **closed; /* keys of rules that are not open to the client (grants.h) */
    size_t n_closed;
};

/* A connection to the route's target, kept for the next request to the same place. */
struct upstream {
    struct net_stream *stream;                      /* NULL until it is connected */
    char authority[EGRESS_AUTHORITY_SIZE];
    struct ipaddr address;
    bool tls, secured, http2;                       /* http2: a stream of such a connection */
    bool used;                                      /* it has served a request */
    bool ended, finished;                           /* their side; our side, everything sent */
    struct http_parser *responses;
};

enum exchange_kind {
    EXCHANGE_CONNECT,
    EXCHANGE_FORWARD,                               /* the target is a URL */
    EXCHANGE_INSPECTED,                             /* within a tunnel */
};

/* The answer to a refused request, as long as it waits for the forecast of its cure. */
struct exchange_refused {
    uint64_t id;
    enum egress_refusal_kind kind;
    char *policy;                                   /* key of the rule that decided; NULL: none */
    struct buf body;                                /* up to the forecast */
};

/* Part of what whoever made it knows of the wait. */
struct exchange_wait {
    void (*leave)(struct exchange_wait *wait);      /* nobody waits (any more) */
    void (*free)(struct exchange_wait *wait);
};

/* Part of what whoever asked voters knows of the question. */
struct exchange_question {
    void (*leave)(struct exchange_question *question);      /* nobody waits for an answer */
    void (*free)(struct exchange_question *question);
};

/* Placeholders of credentials in the request (inspect/credentials.h). */
struct exchange_secrets {
    bool in_head;                                   /* or in a body that was read whole */
    bool refused;                                   /* one in the body, which nobody gets */
    size_t n_tail;                                  /* the last bytes of the body so far: */
    char tail[SECRET_TRACE_MAX];
};

struct exchange {
    enum exchange_kind kind;
    struct http_head *head;
    const char *path;                               /* with its query, as sent; into head->target */
    struct buf canonical; /* the path as rules see it; empty where none are asked */
    struct buf shown;     /* the same for voters, where they are asked and no rules are */
    const char *query; /* of path, without "?"; "" where there is none */
    bool websocket;                                 /* a valid WebSocket upgrade */
    struct buf body; /* read whole, as the rules are about what it asks for: */
    struct policy_calls calls;            /* without protocol: not read */
    struct policy_http_decision rules;
    bool counted;                                   /* the log has its verdict */
    uint64_t use;                                   /* of a grant, by the request; 0: none */
    bool retried;
    bool continued;                                 /* the client was told to send its body */
    unsigned connections;                           /* to the origin, that were made for it */

    struct http_head *response;                     /* the final head, once it is here */
    struct egress_framing framing;                  /* how the client gets the response */
    struct egress_tools *tools; /* lists of tools in the response are reduced; NULL: it is not */
    unsigned interims;                              /* responses before the final one, so far */
    bool reusable;                                  /* the upstream connection, once this is over */
    bool request_done, response_done;
    bool switched;                                  /* the response accepts another protocol */
    bool deflate;                                   /* WebSocket with permessage-deflate */
    bool deflate_context; /* the server's messages cannot be inflated one by one */
    const char *override; /* the method that a field asks for, and that rules refuse; or NULL */
    struct exchange_refused refused;
    struct exchange_wait *wait; /* for a decision (hold.h), now or before; NULL: neither */
    struct exchange_question *question; /* to voters (voters/question.h); NULL: none was asked */
    struct exchange_question *server_question; /* about the server's messages after the upgrade */
    struct exchange_secrets secrets;
    const char *message;                            /* how rules call what is judged after the
                                                     * upgrade; NULL: the request itself */
};

void egress_route_clear(struct route *route);
/* The rules that the policy is asked without: none; one more. */
void egress_route_open_all(struct route *route);
void egress_route_close(struct route *route, const char *rule);
/* For another request within the same tunnel; to is {0}. */
void egress_route_copy(struct route *to, const struct route *from);
/* Between two forwarded requests: what the policy says of the connection stays for another request
 * to the same place, unless that depends on links, which the workload may change. The name is
 * resolved anew. */
void egress_route_keep(struct route *route);
void egress_exchange_clear(struct exchange *exchange);
/* Frees what was read to judge a body, which nobody asks about any more. */
/* Nobody waits for what voters say. */
void egress_exchange_leave_questions(struct exchange *exchange);
void egress_exchange_forget_body(struct exchange *exchange);
/* The question to the policy about the connection; borrows from both. */
struct policy_request egress_route_request(const struct route *route,
                                           const struct egress_caller *caller);
/* The question to the policy about the request; borrows from the exchange. */
struct policy_http_request egress_exchange_request(const struct exchange *exchange);
/* The same about a text message after its upgrade. */
struct policy_http_request egress_exchange_message(const struct exchange *exchange);
/* Either of them: what is judged now. */
struct policy_http_request egress_exchange_judged(const struct exchange *exchange);
/* How rules call what is judged. */
const char *egress_exchange_method(const struct exchange *exchange);
/* The rules of requests were asked. */
bool egress_exchange_is_judged(const struct exchange *exchange);
/* The path that rules or voters saw, without the query, which the origin gets; NULL: nobody did. */
const char *egress_exchange_seen_path(const struct exchange *exchange);

#endif
