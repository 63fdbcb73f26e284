/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/merge/merge.h"

#include <string.h>

#include "base/text.h"
#include "policy/merge/merge_parts.h"

static const char *const words[] = {
#define X(id, word, meaning) [POLICY_##id] = word,
    POLICY_OPERATIONS(X)
#undef X
};

static void report(struct merge *m, struct problems *list, const char *field, const char *format,
                   va_list args)
{
    const char *path = arena_printf(m->arena, "operations[%zu].%s%s%s", m->at, words[m->op->kind],
                                    *field ? "." : "", field);
    problems_add(list, path, 0, 0, "%s", arena_vprintf(m->arena, format, args));
}

int merge_fail(struct merge *m, const char *field, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report(m, m->problems, field, format, args);
    va_end(args);
    return -1;
}

void merge_warn(struct merge *m, const char *field, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report(m, m->warnings, field, format, args);
    va_end(args);
}

void *merge_refuse(struct merge *m, struct merge_conflict *conflict, int kind, const char *format,
                   ...)
{
    va_list args;
    va_start(args, format);
    conflict->kind = kind;
    conflict->why = arena_vprintf(m->arena, format, args);
    va_end(args);
    return NULL;
}

/* Rules. */

size_t merge_find(const struct merge *m, const char *key)
{
    size_t i = 0;
    while (i < m->n_rules && strcmp(m->rules[i]->key, key) != 0)
        i++;
    return i;
}

void merge_put(struct merge *m, const struct sluice_rule *rule)
{
    size_t i = merge_find(m, rule->key);
    if (i < m->n_rules) {
        m->rules[i] = rule;
        return;
    }
    for (i = 0; i < m->n_rules && strcmp(m->rules[i]->key, rule->key) < 0; i++)
        ;
    const struct sluice_rule **grown = arena_alloc(m->arena, (m->n_rules + 1) * sizeof *grown);
    if (i)
        memcpy(grown, m->rules, i * sizeof *grown);
    grown[i] = rule;
    if (i < m->n_rules)
        memcpy(grown + i + 1, m->rules + i, (m->n_rules - i) * sizeof *grown);
    m->rules = grown;
    m->n_rules++;
}

void merge_drop(struct merge *m, size_t i)
{
    m->n_rules--;
    memmove(m->rules + i, m->rules + i + 1, (m->n_rules - i) * sizeof *m->rules);
}

bool merge_is_provider(const struct sluice_rule *rule)
{
    static const char prefix[] = "_provider_";
    return strncmp(rule->key, prefix, sizeof prefix - 1) == 0;
}

const char *merge_hint(struct merge *m, const char *wanted, const char *what,
                       const char *const *known)
{
    enum { SHOWN_MAX = 10 };
    const char *near = text_nearest(wanted, known), *list = "";
    size_t n = 0;
    if (near)
        return arena_printf(m->arena, "; did you mean '%s'?", near);
    for (; known[n] && n < SHOWN_MAX; n++)
        list = arena_printf(m->arena, "%s%s%s", list, n ? ", " : "", known[n]);
    if (n == 0)
        return arena_printf(m->arena, "; it has no %s", what);
    return arena_printf(m->arena, "; it has the %s %s%s", what, list, known[n] ? ", …" : "");
}

const char *merge_rule_hint(struct merge *m, const char *wanted)
{
    const char **keys = arena_alloc(m->arena, (m->n_rules + 1) * sizeof *keys);
    for (size_t i = 0; i < m->n_rules; i++)
        keys[i] = m->rules[i]->key;
    keys[m->n_rules] = NULL;
    return merge_hint(m, wanted, "rules", keys);
}

/* The whole. */

static int apply(struct merge *m)
{
    static int (*const appliers[POLICY_OPERATION_COUNT])(struct merge *m) = {
        [POLICY_ADD_RULE] = merge_add_rule,
        [POLICY_REMOVE_ENDPOINT] = merge_remove_endpoint,
        [POLICY_REMOVE_RULE] = merge_remove_rule,
        [POLICY_ADD_DENY_RULES] = merge_add_requests,
        [POLICY_ADD_ALLOW_RULES] = merge_add_requests,
        [POLICY_REMOVE_BINARY] = merge_remove_binary,
    };
    return appliers[m->op->kind](m);
}

/* The first operation that cannot be applied ends it: the next ones stand on its result. */
static int apply_all(struct merge *m, const struct policy_operations *operations)
{
    for (m->at = 0; m->at < operations->n; m->at++) {
        m->op = &operations->items[m->at];
        if (apply(m) != 0)
            return -1;
    }
    return 0;
}

int policy_merge_model(const struct sluice_policy *base, const struct policy_operations *operations,
                       struct arena *arena, struct problems *problems, struct problems *warnings,
                       struct sluice_policy *out)
{
    struct merge m = {.arena = arena, .problems = problems, .warnings = warnings,
                      .granted = operations->granted};
    m.n_rules = base->n_rules;
    m.rules = arena_alloc(arena, (m.n_rules + 1) * sizeof *m.rules);
    if (m.n_rules)
        memcpy(m.rules, base->rules, m.n_rules * sizeof *m.rules);
    if (apply_all(&m, operations) != 0 || merge_check_contracts(&m, base) != 0)
        return -1;
    *out = *base;
    out->rules = m.rules;
    out->n_rules = m.n_rules;
    return 0;
}

struct policy *policy_merge(const struct policy *base, const struct policy_operations *operations,
                            struct problems *problems, struct problems *warnings)
{
    static const struct sluice_policy nothing = {.size = sizeof nothing, .version = 1};
    struct arena *arena = arena_new();
    struct policy *merged = NULL;
    struct sluice_policy model;
    if (policy_merge_model(base ? policy_model(base) : &nothing, operations, arena, problems,
                           warnings, &model) == 0)
        merged = policy_rebuild(&model, problems);
    arena_free(arena);
    return merged;
}
