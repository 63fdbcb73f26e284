/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a running sandbox can do as a policy says.  The voters refuse what it cannot, where the
 * chain has them; here is what holds when it has not.  Pure, any thread. */
#ifndef SANDBOX_SUPERVISOR_LOADABLE_H
#define SANDBOX_SUPERVISOR_LOADABLE_H

#include <sluice/policy.h>

#include "base/error.h"

/* built: the policy that the sandbox was started with; NULL: it starts with this one.  proxy: it has a
 * network.  Paths may be added: until the next start the sandbox sees less than the policy opens.
 * -1: err says what it cannot do, and what to do. */
int sandbox_loadable(const struct sluice_policy *built, const struct sluice_policy *policy, bool proxy,
                     struct error *err);

#endif
