/* SPDX-License-Identifier: Apache-2.0 */
/* A held update whose policy went on without it. */
#include "drafts/rules.h"

struct rebasing {
    const struct sluice_policy *base, *asked, *now;
    const struct sluice_rule **rules;
    size_t n;
    struct error *err;
};

static bool same_rule(const struct sluice_rule *a, const struct sluice_rule *b)
{
    return a == b || (a && b && drafts_same(&policy_rule_schema, a, b));
}

/* What the rule of this key is to be; any of the three may lack it. */
static int add_rule(struct rebasing *r, const char *key)
{
    const struct sluice_rule *base = policy_find_rule(r->base, key);
    const struct sluice_rule *asked = policy_find_rule(r->asked, key);
    const struct sluice_rule *now = policy_find_rule(r->now, key);
    if (!same_rule(now, base) && !same_rule(asked, base) && !same_rule(asked, now))
        return error_set(r->err, ERROR_STATE,
                         "rule '%s' was changed since this update was held: reject it and ask for "
                         "it anew", key);
    const struct sluice_rule *rule = same_rule(asked, base) ? now : asked;
    if (rule)
        r->rules[r->n++] = rule;
    return 0;
}

static int add_rules(struct rebasing *r)
{
    for (size_t i = 0; i < r->now->n_rules; i++)
        if (add_rule(r, r->now->rules[i]->key))
            return -1;
    for (size_t i = 0; i < r->asked->n_rules; i++)
        if (!policy_find_rule(r->now, r->asked->rules[i]->key) &&
            add_rule(r, r->asked->rules[i]->key))
            return -1;
    return 0;
}

/* Static sections and middlewares go together. */
static const struct policy *frame(const struct policy *base, const struct policy *asked,
                                  const struct policy *now, struct error *err)
{
    if (drafts_same_but_rules(asked, base))
        return now;
    if (drafts_same_but_rules(now, base) || drafts_same_but_rules(now, asked))
        return asked;
    error_set(err, ERROR_STATE, "more than rules was changed since this update was held: reject it "
              "and ask for it anew");
    return NULL;
}

struct policy *drafts_rebase(const struct policy *base, const struct policy *asked,
                             const struct policy *now, struct error *err)
{
    struct rebasing r = {policy_model(base), policy_model(asked), policy_model(now), NULL, 0, err};
    const struct policy *rest = frame(base, asked, now, err);
    struct arena *arena = arena_new();
    struct policy *result = NULL;
    r.rules = arena_alloc(arena, (r.now->n_rules + r.asked->n_rules + 1) * sizeof *r.rules);
    if (rest && add_rules(&r) == 0)
        result = drafts_with_rules(policy_model(rest), r.rules, r.n, err);
    arena_free(arena);
    return result;
}
