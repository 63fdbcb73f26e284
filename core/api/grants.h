/* SPDX-License-Identifier: Apache-2.0 */
/* Inside core/api: grants with an end in answers. */
#ifndef API_GRANTS_H
#define API_GRANTS_H

#include "api/call.h"
#include "policy/grant.h"

/* What remains of it.  NULL: null. */
json_t *api_grant_json(struct arena *arena, const struct policy_grant *grant, bool ended);
/* Those of a revision, [{chunk, rule, …}]; ended ones say so. */
json_t *api_grants_json(struct api_call *call, const struct store_sandbox *sandbox,
                        const struct store_revision *revision);

#endif
