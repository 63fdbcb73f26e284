/* SPDX-License-Identifier: Apache-2.0 */
/* A ceiling is a policy that other policies must lie within: nothing may be reached by them that
 * the ceiling does not let through, as sets (effect/effect.h).  Static sections have no part in it.
 * A ceiling without network_middlewares says nothing about them; one that has some wants the same.
 *
 * Pure, any thread.  Results live in the arena and point into what was given. */
#ifndef POLICY_CEILING_H
#define POLICY_CEILING_H

#include "base/arena.h"
#include "policy/grant.h"
#include "policy/policy.h"

struct policy_ceiling_answer {
    bool within;
    const char *example; /* what lies outside: "/usr/bin/curl may now reach a.example:443"; or "" */
    size_t n_outside;                               /* how many such lines there are */
};

struct policy_ceiling_answer policy_within(const struct sluice_policy *ceiling,
                                           const struct sluice_policy *policy,
                                           struct arena *arena);

struct policy_tightened {
    struct policy *policy;                          /* kept by the arena */
    bool changed;
    /* It is all that both allow.  False: the intersection cannot be written as a policy, or not be
     * proven, and this is less. */
    bool exact;
};

/* The part of a policy that lies within every ceiling.  What it returns is proven to lie within
 * each of them and within the policy; where nothing else can be proven, no rule is left.
 * One rule may become several, except the rule of a grant: the end of the grant takes out the rule
 * with its key alone, and would leave the others in force. */
struct policy_tightened policy_tighten(struct policy *policy, const struct policy_grants *grants,
                                       const struct sluice_policy *const *ceilings, size_t n,
                                       struct arena *arena);

#endif
