/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/ceiling/ceiling.h"

#include "policy/effect/effect.h"

struct policy_ceiling_answer policy_within(const struct sluice_policy *ceiling,
                                           const struct sluice_policy *policy, struct arena *arena)
{
    struct sluice_policy bound = *ceiling;
    if (!bound.n_middlewares) {
        bound.middlewares = policy->middlewares;
        bound.n_middlewares = policy->n_middlewares;
    }
    const struct policy_effect *effect = policy_effect(&bound, policy, arena);
    bool within =
        effect->relation == SLUICE_SAME || effect->relation == SLUICE_TIGHTENS;
    return (struct policy_ceiling_answer){
        .within = within,
        .example = within              ? ""
                   : effect->n_gained  ? effect->gained[0]->example
                                       : effect->note,
        .n_outside = within ? 0 : effect->n_gained,
    };
}
