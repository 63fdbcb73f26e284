/* SPDX-License-Identifier: Apache-2.0 */
/* The merge operations.  Nothing is dropped silently: what cannot be carried over is an error.
 * Pure, any thread. */
#ifndef POLICY_MERGE_H
#define POLICY_MERGE_H

#include "policy/policy.h"

#define POLICY_OPERATIONS(X)                                                     \
    X(ADD_RULE,        "add_rule",        "adds a rule, or widens the one of that name") \
    X(REMOVE_ENDPOINT, "remove_endpoint", "takes a host and port out of one rule or all") \
    X(REMOVE_RULE,     "remove_rule",     "takes a rule out")                     \
    X(ADD_DENY_RULES,  "add_deny_rules",  "denies requests at an inspected endpoint") \
    X(ADD_ALLOW_RULES, "add_allow_rules", "allows requests at an inspected endpoint") \
    X(REMOVE_BINARY,   "remove_binary",   "takes a binary out of a rule")

enum policy_operation_kind {
#define X(id, word, meaning) POLICY_##id,
    POLICY_OPERATIONS(X)
#undef X
    POLICY_OPERATION_COUNT
};

/* One operation.  Texts are "" and pointers NULL where the kind has no use for them. */
struct policy_operation {
    enum policy_operation_kind kind;
    const char *rule_name;
    const struct sluice_rule *rule;                 /* add_rule */
    bool own_rule; /* add_rule: only a rule of that name with the same
                    * binaries is widened; not part of a document */
    const char *host;
    uint16_t port;
    const struct sluice_l7_rule *const *l7_rules;   /* add_deny_rules, add_allow_rules */
    size_t n_l7_rules;
    const char *binary_path;
};

struct policy_grants;

struct policy_operations {
    const struct policy_operation *items;
    size_t n;
    /* Grants whose rules nothing is added to, as it would end with them; NULL: none. */
    const struct policy_grants *granted;
};

enum { POLICY_OPERATIONS_MAX = 256 };

/* Decodes {operations:[{add_rule:{rule_name, rule}}, …]} in the arena. */
int policy_operations_decode(const struct doc_node *node, struct arena *arena,
                             struct policy_operations *out, struct problems *problems);
/* What that document looks like, for descriptions: decoding it is the function's alone. */
extern const struct schema policy_operations_schema;

/* Applies all or nothing.  Returns the new policy, or NULL with problems (paths such as
 * operations[0].add_rule.rule.endpoints[1]).  Warnings say what was kept otherwise than written. */
struct policy *policy_merge(const struct policy *base, const struct policy_operations *operations,
                            struct problems *problems, struct problems *warnings);
/* The same for a model: the new one lives in the arena and points into both. -1 with problems. */
int policy_merge_model(const struct sluice_policy *base, const struct policy_operations *operations,
                       struct arena *arena, struct problems *problems, struct problems *warnings,
                       struct sluice_policy *out);

#endif
