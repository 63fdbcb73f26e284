/* SPDX-License-Identifier: Apache-2.0 */
/* A policy without the parts that nothing on record needed: rules, programs, endpoints, and entries
 * of method and path or of a call.
 *
 * A part is used where it takes something on record, alone and whatever else takes it too.  One
 * that was not in the policy all the time is kept, as its record is too short to say.  Entries of
 * an endpoint on which nothing but a connection is on record stay, as do deny rules, presets and
 * options: they are no parts.
 *
 * The result allows no more than before, by the effect, and everything on record that the policy
 * allows, by the decisions of core/policy/match.
 *
 * Pure, any thread.  Results live in the arena and borrow what was given. */
#ifndef POLICY_LEARN_PRUNE_H
#define POLICY_LEARN_PRUNE_H

#include "policy/learn/seen.h"
#include "policy/policy.h"

struct error;

struct policy_pruning {
    const struct sluice_policy *policy;
    const struct policy_seen *seen;                 /* since the time that is asked about */
    size_t n;
    /* Those in force since then, the first of them at that time; none: it has no record. */
    const struct sluice_policy *const *before;
    size_t n_before;
};

struct policy_pruned {
    struct policy *policy;                          /* kept by the arena */
    const char *const *unused;                      /* parts that are gone, in words */
    size_t n_unused;
    const char *const *young;                       /* unused parts that are kept */
    size_t n_young;
};

int policy_prune(const struct policy_pruning *pruning, struct arena *arena,
                 struct policy_pruned *out, struct error *err);

#endif
