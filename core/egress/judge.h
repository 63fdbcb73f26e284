/* SPDX-License-Identifier: Apache-2.0 */
/* The decision about what a client asks for, as far as it can be made with what is known.  It says
 * what is to happen and does nothing: the caller logs, answers, looks up or goes on.  For this
 * folder; loop thread only. */
#ifndef EGRESS_JUDGE_H
#define EGRESS_JUDGE_H

#include "egress/client.h"

enum egress_verdict {
    VERDICT_ALLOWED,
    VERDICT_REFUSED,                                /* the refusal says why */
    VERDICT_NEEDS_BODY, /* what the request's body asks for decides */
    VERDICT_NEEDS_ADDRESSES,                        /* allowed, if the addresses of the host are */
};

/* The present policy is asked about the route, the request and all addresses of the route; once
 * there is an upstream connection, about that address alone.  reason gets what is audited. */
enum egress_verdict egress_judge(struct client *c, struct egress_refusal *refusal,
                                 struct buf *reason);

/* What rules say about a request, or about a message after it, as a refusal. */
void egress_judge_refuse_request(const struct client *c, const char *reason,
                                 struct egress_refusal *refusal);

/* Whether it is known without waiting that the connection is allowed; then the route has that.  The
 * links of the policy's paths may have to be waited for. */
bool egress_judge_as_it_stands(struct client *c);

/* Whether what was let through would be without the rules of these keys. */
bool egress_judge_passes_without(const struct client *c, const char *const *closed, size_t n);

/* What a TLS client asks for within a tunnel: NULL, or why that is not what the tunnel is for; the
 * caller frees it. */
char *egress_judge_hello(const struct client *c, enum egress_hello_state state);

#endif
