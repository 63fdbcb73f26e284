/* SPDX-License-Identifier: Apache-2.0 */
/* One rule: of a policy, by its key, and as JSON for those who keep rules apart from a policy; then
 * its key travels beside it. */
#ifndef POLICY_RULE_H
#define POLICY_RULE_H

#include "policy/policy.h"

/* NULL: the policy has none of that key. */
const struct sluice_rule *policy_find_rule(const struct sluice_policy *policy, const char *key);

/* In the arena; NULL: problems says why, with paths that begin at the rule. */
const struct sluice_rule *policy_rule_parse(const char *json, struct arena *arena,
                                            struct problems *problems);

#endif
