/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that the rules of an inspected endpoint refused: whether a policy lets one through, and
 * the rule that would.  Pure, any thread. */
#ifndef DRAFTS_REQUEST_H
#define DRAFTS_REQUEST_H

#include "drafts/mapper.h"
#include "policy/match/match.h"

/* Whether the policy lets the target's request through.  caller: who sends it, and to where. */
bool drafts_request_allowed(const struct sluice_policy *policy, const struct policy_request *caller,
                            const struct drafts_target *target);

/* The rule that opens the target's request, and no other, for its program.  The endpoint agrees
 * with the one that refused it in everything but the requests.  NULL, or why no rule can open
 * it. */
const char *drafts_request_rule(const struct sluice_policy *policy,
                                const struct policy_request *caller,
                                const struct drafts_target *target, struct arena *arena,
                                const struct sluice_rule **out);

#endif
