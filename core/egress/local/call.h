/* SPDX-License-Identifier: Apache-2.0 */
/* What policy.local keeps: of one request, and of all of them.  For the egress folders. */
#ifndef EGRESS_LOCAL_CALL_H
#define EGRESS_LOCAL_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/rate.h"
#include "egress/local/denials.h"
#include "egress/local/route.h"

enum {
    LOCAL_CALLS_MAX = 64,       /* requests at once, those whose answer is not read among them */
    LOCAL_WAITS_MAX = 32,       /* of them those that wait for a decision */
    LOCAL_PROPOSALS_MAX = 4,    /* of them proposals that the gateway looks at */
    LOCAL_BURST = 64,           /* questions to the gateway at once, one for each operation ... */
    LOCAL_PER_SECOND = 5,       /* ... and from then on */
    LOCAL_BODY_MS = 15000,      /* for all of a body */
    LOCAL_GATEWAY_MS = 30000,   /* for an answer of the gateway */
    LOCAL_RELOAD_MS = 500,      /* at least, for the policy that was approved */
};

struct local_call {
    struct local_route route;
    struct buf body;                                /* of the request */
    uint64_t id;                                    /* of the question to the gateway; 0: none */
    uint64_t deadline_ms;                           /* of the loop's clock; WAIT */
    struct buf chunk;                               /* its members, as the gateway said last */
    uint64_t revision;                              /* that approved it; 0: it waits for that */
};

struct local_service {
    struct local_denials denials;
    uint64_t n_asked;                               /* questions so far; they are numbered */
    unsigned n_calls, n_waits, n_proposals;
    struct rate questions;                          /* to the gateway */
    uint64_t revision;                              /* that the sandbox enforces */
};

void local_service_init(struct local_service *service, uint64_t now_ms);
struct local_call *local_call_new(struct local_service *service);
void local_call_free(struct local_service *service, struct local_call *call);   /* NULL is fine */
void local_service_free(struct local_service *service);

#endif
