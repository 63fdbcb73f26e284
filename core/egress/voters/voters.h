/* SPDX-License-Identifier: Apache-2.0 */
/* Voters on a request that the policy lets through: those of the gateway's chain, then the
 * middlewares of the policy.  They are asked after the policy and before credentials are put in, in
 * the same way however the request came.  For the egress folder; loop thread only. */
#ifndef EGRESS_VOTERS_VOTERS_H
#define EGRESS_VOTERS_VOTERS_H

#include "egress/client.h"

/* Whether the request may go on now.  False: it is refused, or waits for the verdict or for its
 * body; then again is called once it is to be judged anew, and the next call here says true unless
 * something has changed meanwhile. */
bool egress_voters_pass(struct client *c, void (*again)(struct client *c));
/* The policy refuses the request.  True: the body is not the client's any more, and the request was
 * refused for that. */
bool egress_voters_refuse_transformed(struct client *c, const struct egress_refusal *refusal);

#endif
