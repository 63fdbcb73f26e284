/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/rule.h"

#include <string.h>

const struct sluice_rule *policy_find_rule(const struct sluice_policy *policy, const char *key)
{
    for (size_t i = 0; i < policy->n_rules; i++)
        if (strcmp(policy->rules[i]->key, key) == 0)
            return policy->rules[i];
    return NULL;
}

const struct sluice_rule *policy_rule_parse(const char *json, struct arena *arena,
                                            struct problems *problems)
{
    struct doc_node *tree;
    void *rule;
    if (doc_parse(json, strlen(json), DOC_JSON, POLICY_BYTES_MAX, arena, &tree, problems) != 0)
        return NULL;
    return schema_decode(&policy_rule_schema, tree, "", arena, &rule, problems) == 0 ? rule : NULL;
}
