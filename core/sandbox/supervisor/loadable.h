/* SPDX-License-Identifier: Apache-2.0 */
/* The policies that a supervisor gets, and whether a running sandbox can enforce one.  That holds
 * even if the chain has none of the voters that refuse such a policy.  Pure, any thread. */
#ifndef SANDBOX_SUPERVISOR_LOADABLE_H
#define SANDBOX_SUPERVISOR_LOADABLE_H

#include "base/error.h"
#include "policy/policy.h"

/* NULL with err: the text, which is JSON, is no policy. */
struct policy *sandbox_read_policy(const char *text, struct error *err);

/* built: the policy that the sandbox was started with; NULL: it starts with this one.  proxy: it
 * has a network.  Paths may be added: until the next start the sandbox sees less than the policy
 * opens.  -1: err says what it cannot do, and what to do. */
int sandbox_loadable(const struct sluice_policy *built, const struct sluice_policy *policy,
                     bool proxy, struct error *err);

#endif
