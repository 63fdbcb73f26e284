/* SPDX-License-Identifier: Apache-2.0 */
/* One rule as JSON, for those who keep rules apart from a policy.  Its key travels beside it. */
#ifndef POLICY_RULE_H
#define POLICY_RULE_H

#include "policy/policy.h"

/* In the arena; NULL: problems says why, with paths that begin at the rule. */
const struct sluice_rule *policy_rule_parse(const char *json, struct arena *arena,
                                            struct problems *problems);

#endif
