/* SPDX-License-Identifier: Apache-2.0 */
/* The middlewares that a policy selects for a host.  For the egress folder; loop thread only. */
#ifndef EGRESS_VOTERS_STAGES_H
#define EGRESS_VOTERS_STAGES_H

#include "chain/inspect/inspect.h"
#include <sluice/policy.h>

enum { EGRESS_STAGES_MAX = 10 };

struct egress_stages {
    struct inspect_middleware items[EGRESS_STAGES_MAX];     /* borrows from the policy */
    size_t n;
};

/* Those whose include patterns have the host and whose exclude patterns do not, by order, then by
 * key.  Port, rule and program do not matter. */
void egress_stages_select(const struct sluice_policy *policy, const char *host,
                          struct egress_stages *out);
/* The first that is fail_closed; NULL: there is none. */
const struct inspect_middleware *egress_stages_required(const struct egress_stages *stages);

#endif
