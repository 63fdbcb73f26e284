/* SPDX-License-Identifier: Apache-2.0 */
/* Rules that are open for a number of uses, or for the process tree of one process.
 *
 * A use is a connection, or a request or text message where rules are about those; it is counted
 * at the moment it is let through.  Whoever has one keeps it until the connection, the request or
 * the message is over, also when the last use is gone: then the rule stays in the proxy for those
 * alone, although the policy does not have it any more.
 *
 * For this folder; loop thread only. */
#ifndef EGRESS_GRANTS_H
#define EGRESS_GRANTS_H

#include "egress/client.h"

/* The rules that are not open to the client become those that its route leaves out. */
void egress_grants_close(struct client *c);
/* Whether the rule is open to the client; whether that is so by a use that it has. */
bool egress_grants_is_open(const struct client *c, const struct egress_granted *grant);
bool egress_grants_holds(const struct client *c, const struct egress_granted *grant);
/* The policy in force with what its clients hold: a new reference. */
struct policy *egress_grants_take(struct egress_proxy *proxy, struct policy *policy,
                                  const struct egress_grant *grants, size_t n);
void egress_grants_free(struct egress_grants *grants);

#endif
