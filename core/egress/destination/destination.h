/* SPDX-License-Identifier: Apache-2.0 */
/* Which addresses an allowed request may be connected to; an address of this machine counts as
 * internal, which the kernel is asked for.  Any thread. */
#ifndef EGRESS_DESTINATION_H
#define EGRESS_DESTINATION_H

#include "egress/destination/target.h"
#include "policy/match/match.h"

/* localhost and metadata names, before anything is resolved.  NULL when the host is none of them,
 * else what kind of check failed, with the reason in refusal. */
const char *egress_check_host(const struct egress_target *target, struct egress_refusal *refusal);

/* All of the addresses: one bad one refuses the request, as it could be the one that is used. */
const char *egress_check_addresses(const struct policy_decision *decision,
                                   const struct egress_target *target,
                                   const struct ipaddr *addresses, size_t n,
                                   struct egress_refusal *refusal);

#endif
