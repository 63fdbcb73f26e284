/* SPDX-License-Identifier: Apache-2.0 */
/* A request is over because it is refused or did not work: told to the log, to the supervisor and
 * to the client.  For this folder. */
#ifndef EGRESS_DENY_H
#define EGRESS_DENY_H

#include "egress/client.h"

void egress_deny(struct client *c, const struct egress_refusal *refusal);
/* As egress_deny; the request was permitted before the policy changed. */
void egress_deny_changed(struct client *c, struct egress_refusal *refusal);
/* Judges what is under way by a new policy.  False: it is refused, and its connection is closed. */
bool egress_still_permitted(struct client *c);
/* Permitted, but what it was for cannot be had. */
void egress_fail(struct client *c, const struct egress_refusal *refusal);

#endif
