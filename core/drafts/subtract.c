/* SPDX-License-Identifier: Apache-2.0 */
#include "drafts/subtract.h"

#include <string.h>
#include <strings.h>

#include "drafts/rules.h"
#include "policy/preset.h"

bool drafts_same_terms(const struct sluice_endpoint *a, const struct sluice_endpoint *b)
{
    static const uint16_t port = 1;
    struct sluice_endpoint x = *a, y = *b;
    x.ports = y.ports = &port;
    x.n_ports = y.n_ports = 1;
    x.host = y.host = "";
    return drafts_same(&policy_endpoint_schema, &x, &y);
}

bool drafts_same_but_requests(const struct sluice_endpoint *a, const struct sluice_endpoint *b)
{
    struct sluice_endpoint x = *a, y = *b;
    x.access = y.access = "";
    x.n_rules = y.n_rules = 0;
    return drafts_same_terms(&x, &y);
}

static bool has_rule(const struct sluice_endpoint *e, const struct sluice_l7_rule *rule)
{
    for (size_t i = 0; i < e->n_rules; i++)
        if (drafts_same(&policy_l7_rule_schema, e->rules[i], rule))
            return true;
    return false;
}

/* Rules may be made of a preset: each of its methods with every path. */
static bool preset_has(const struct sluice_endpoint *e, const struct sluice_l7_rule *rule)
{
    const char *const *methods = policy_preset(e->protocol, e->access);
    if (strcmp(rule->path, "**") != 0 || rule->n_query)
        return false;
    for (size_t i = 0; methods && methods[i]; i++)
        if (strcasecmp(methods[i], rule->method) == 0)
            return true;
    return false;
}

struct kept {
    const struct sluice_l7_rule **rules;
    size_t n;
};

static const struct sluice_endpoint *with_rules(const struct sluice_endpoint *e,
                                                const struct kept *kept, struct arena *arena)
{
    if (!kept->n)
        return NULL;
    struct sluice_endpoint *copy = arena_alloc(arena, sizeof *copy);
    *copy = *e;
    copy->rules = kept->rules;
    copy->n_rules = kept->n;
    return copy;
}

const struct sluice_endpoint *drafts_subtract(const struct sluice_endpoint *e,
                                              const struct sluice_endpoint *made,
                                              const struct sluice_endpoint *was,
                                              struct arena *arena)
{
    struct kept kept = {arena_alloc(arena, (e->n_rules + 1) * sizeof *kept.rules), 0};
    for (size_t i = 0; i < e->n_rules; i++) {
        const struct sluice_l7_rule *rule = e->rules[i];
        if (!has_rule(made, rule) || (was && (has_rule(was, rule) || preset_has(was, rule))))
            kept.rules[kept.n++] = rule;
    }
    return with_rules(e, &kept, arena);
}

const struct sluice_endpoint *drafts_intersect(const struct sluice_endpoint *e,
                                               const struct sluice_endpoint *made,
                                               struct arena *arena)
{
    struct kept kept = {arena_alloc(arena, (e->n_rules + 1) * sizeof *kept.rules), 0};
    for (size_t i = 0; i < e->n_rules; i++)
        if (has_rule(made, e->rules[i]))
            kept.rules[kept.n++] = e->rules[i];
    return with_rules(e, &kept, arena);
}
