/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/grants.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "policy/rule.h"

/* ---- what is open to whom ---- */

static bool is_in_tree(const struct egress_caller *caller, const struct egress_granted *grant)
{
    bool is = caller->pid == grant->pid;
    /* A number that was read before the process had it may be another one's. */
    if (caller->at_ms < grant->pid_since_ms)
        return false;
    for (size_t i = 0; i < caller->n_ancestors && !is; i++)
        is = caller->ancestor_ids[i] == grant->pid;
    return is;
}

bool egress_grants_holds(const struct client *c, const struct egress_granted *grant)
{
    return c->route.use == grant->id || c->exchange.use == grant->id;
}

bool egress_grants_is_open(const struct client *c, const struct egress_granted *grant)
{
    if (grant->pid && !is_in_tree(&c->caller, grant))
        return false;
    return grant->uses_left != 0 || egress_grants_holds(c, grant);
}

void egress_grants_close(struct client *c)
{
    const struct egress_grants *grants = &c->proxy->grants;
    egress_route_open_all(&c->route);
    for (size_t i = 0; i < grants->n; i++)
        if (!egress_grants_is_open(c, &grants->items[i]))
            egress_route_close(&c->route, grants->items[i].rule);
}

/* ---- another policy ---- */

static struct egress_granted *find(const struct egress_grants *grants, const char *rule)
{
    for (size_t i = 0; i < grants->n; i++)
        if (strcmp(grants->items[i].rule, rule) == 0)
            return &grants->items[i];
    return NULL;
}

/* Uses never come back. */
static void add_given(struct egress_grants *to, struct egress_grants *from,
                      const struct egress_grant *given)
{
    struct egress_granted *old = find(from, given->rule), *grant = &to->items[to->n++];
    *grant = (struct egress_granted){
        .id = old ? old->id : ++to->ids, .rule = alloc_str(given->rule),
        .uses_left = given->uses_left, .pid = given->pid, .pid_since_ms = given->pid_since_ms};
    if (old && old->uses_left >= 0 && grant->uses_left > old->uses_left)
        grant->uses_left = old->uses_left;
}

static bool is_held(const struct egress_proxy *proxy, const struct egress_granted *grant)
{
    for (const struct client *c = proxy->clients; c; c = c->next)
        if (egress_grants_holds(c, grant))
            return true;
    return false;
}

/* Those whose last use somebody has. */
static void keep_held(struct egress_proxy *proxy, struct egress_grants *to)
{
    for (size_t i = 0; i < proxy->grants.n; i++) {
        const struct egress_granted *old = &proxy->grants.items[i];
        if (old->uses_left != 0 || find(to, old->rule) || !is_held(proxy, old))
            continue;
        to->items[to->n] = *old;
        to->items[to->n++].rule = alloc_str(old->rule);
    }
}

void egress_grants_free(struct egress_grants *grants)
{
    for (size_t i = 0; i < grants->n; i++)
        free(grants->items[i].rule);
    free(grants->items);
    *grants = (struct egress_grants){.ids = grants->ids};
}

/* NULL: there is nothing to add. */
static struct policy *with_held(const struct egress_proxy *proxy, struct policy *policy)
{
    const struct egress_grants *grants = &proxy->grants;
    const struct sluice_policy *model = policy_model(policy);
    struct sluice_policy more = *model;
    struct problems problems = {0};
    const struct sluice_rule **rules = alloc_zero(model->n_rules + grants->n + 1, sizeof *rules);
    for (size_t i = 0; i < model->n_rules; i++)
        rules[i] = model->rules[i];
    for (size_t i = 0; i < grants->n; i++) {
        const char *key = grants->items[i].rule;
        const struct sluice_rule *rule =
            proxy->policy && grants->items[i].uses_left == 0 && !policy_find_rule(model, key)
                ? policy_find_rule(policy_model(proxy->policy), key) : NULL;
        if (rule)
            rules[more.n_rules++] = rule;
    }
    more.rules = rules;
    struct policy *result = more.n_rules > model->n_rules ? policy_rebuild(&more, &problems) : NULL;
    problems_free(&problems);
    free(rules);
    return result;
}

struct policy *egress_grants_take(struct egress_proxy *proxy, struct policy *policy,
                                  const struct egress_grant *grants, size_t n)
{
    struct egress_grants next = {.ids = proxy->grants.ids};
    if (n + proxy->grants.n > 0)
        next.items = alloc_zero(n + proxy->grants.n, sizeof *next.items);
    for (size_t i = 0; i < n; i++)
        add_given(&next, &proxy->grants, &grants[i]);
    keep_held(proxy, &next);
    egress_grants_free(&proxy->grants);
    proxy->grants = next;
    struct policy *more = with_held(proxy, policy);
    return more ? more : policy_ref(policy);
}
