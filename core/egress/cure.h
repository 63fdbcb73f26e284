/* SPDX-License-Identifier: Apache-2.0 */
/* The answer to a refused request carries its cure (policy/cure/cure.h), and what the voters would
 * say of that.  For this folder; loop thread only. */
#ifndef EGRESS_CURE_H
#define EGRESS_CURE_H

#include "egress/client.h"

/* As egress_client_refuse. */
void egress_cure_refuse(struct client *c, const struct egress_refusal *refusal);

/* Whether a rule could let what is refused pass, or the first call of its body that is refused.
 * Where there is no time left to find out: true. */
bool egress_cure_may_help(struct client *c, const struct egress_refusal *refusal);

#endif
