/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/rule.h"

#include <string.h>

const struct sluice_rule *policy_rule_parse(const char *json, struct arena *arena,
                                            struct problems *problems)
{
    struct doc_node *tree;
    void *rule;
    if (doc_parse(json, strlen(json), DOC_JSON, POLICY_BYTES_MAX, arena, &tree, problems) != 0)
        return NULL;
    return schema_decode(&policy_rule_schema, tree, "", arena, &rule, problems) == 0 ? rule : NULL;
}
