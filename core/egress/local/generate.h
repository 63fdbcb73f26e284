/* SPDX-License-Identifier: Apache-2.0 */
/* https://inference.local: calls of models, which the proxy sends to the server of a route with the
 * route's key.  Any program may call it; no rule of the policy is asked.  Loop thread only. */
#ifndef EGRESS_LOCAL_GENERATE_H
#define EGRESS_LOCAL_GENERATE_H

#include "egress/client.h"

enum {
    GENERATE_BODY_MAX = 10 * 1024 * 1024,
    GENERATE_BODIES_MAX = 64 * 1024 * 1024,         /* of all clients */
    GENERATE_BODY_MS = 60000,                       /* for all of a body */
    GENERATE_IDLE_MS = 120000,                      /* between two pieces of an answer */
    GENERATE_ANSWER_MAX = 32 * 1024 * 1024,
};

/* What is known of a client of inference.local. */
struct generate_call {
    const struct inference_route *route;            /* until the request is with its server */
    struct egress_target own;                       /* inference.local */
    bool secure;                                    /* the route's server speaks TLS */
    size_t received;                                /* of the answer */
};

bool egress_generate_is(const struct egress_target *target);
/* A tunnel to it, by CONNECT or from a program that knows no proxy. */
void egress_generate_open(struct client *c);
/* The head of a request in such a tunnel is there. */
void egress_generate_begin(struct client *c);
/* The routes go: what is not with its server yet ends. */
void egress_generate_forget_routes(struct egress_proxy *proxy);

#endif
