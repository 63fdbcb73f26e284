/* SPDX-License-Identifier: Apache-2.0 */
/* Stored rules, and revoking what an approval changed.  Pure, any thread. */
#ifndef DRAFTS_RULES_H
#define DRAFTS_RULES_H

#include "base/error.h"
#include "policy/policy.h"
#include "policy/rule.h"
#include <sluice/transition.h>

/* In the arena.  NULL: err. */
const struct sluice_rule *drafts_rule_decode(const char *json, struct arena *arena,
                                             struct error *err);
const char *drafts_rule_encode(const struct sluice_rule *rule, struct arena *arena);

/* Whether two records have the same canonical text. */
bool drafts_same(const struct schema *schema, const void *a, const void *b);
bool drafts_same_but_rules(const struct policy *a, const struct policy *b);
/* The policy with these rules in place of its own, in any order.  Shares no memory with either.  A
 * new reference, NULL: err. */
struct policy *drafts_with_rules(const struct sluice_policy *policy,
                                 const struct sluice_rule *const *rules, size_t n,
                                 struct error *err);

/* What an approval changed, as the store keeps it.  hash: of the policy that it made, "" when it
 * was no revision; whole: it changed more than rules. */
const char *drafts_change_encode(const struct sluice_diff *diff, uint64_t base_revision,
                                 const char *hash, bool whole, struct arena *arena);

struct drafts_change {
    uint64_t base_revision;
    const char *hash;
    bool whole;
    struct policy *before, *after;                  /* only the rules that were changed */
};

/* In the arena, which also drops the policies. */
int drafts_change_decode(const char *json, struct arena *arena, struct drafts_change *out,
                         struct error *err);

/* current without what the change added.  Every other grant stays, also later ones in the same
 * rule; for that a rule may be split.  Returns a new reference; NULL when that is not possible, and
 * err says what to do. */
struct policy *drafts_revoke(const struct policy *current, const struct drafts_change *change,
                                struct error *err);

/* A held update was made from base and asks for the policy asked; now is the policy by now.  The
 * same change made to now: nothing that others changed meanwhile is lost.  A new reference; NULL
 * where both changed the same thing, err says which. */
struct policy *drafts_rebase(const struct policy *base, const struct policy *asked,
                             const struct policy *now, struct error *err);

#endif
