/* SPDX-License-Identifier: Apache-2.0 */
/* add_rule.  A rule lets each of its binaries reach each of its endpoints, so what is added to a
 * rule reaches further than it says.  Only a rule whose whole product the operation names may be
 * widened. */
#include <string.h>

#include "policy/grant.h"
#include "policy/merge/merge.h"
#include "policy/merge/merge_parts.h"

/* An existing rule on its way to the merged one. */
struct widening {
    struct merge *m;
    const struct sluice_rule *old, *added;
    const struct sluice_endpoint **endpoints;       /* those of old, in order, and then new ones */
    size_t n_endpoints;
    struct merge_conflict *conflict;
};

/* The incoming rule in canonical form. */

static const struct sluice_endpoint *plain_endpoint(struct merge *m,
                                                    const struct sluice_endpoint *e)
{
    struct sluice_endpoint *plain = merge_with_ports(m, e, e->ports, e->n_ports);
    plain->rules = merge_requests(m, NULL, 0, e->rules, e->n_rules, &plain->n_rules);
    plain->deny_rules =
        merge_requests(m, NULL, 0, e->deny_rules, e->n_deny_rules, &plain->n_deny_rules);
    return plain;
}

static bool has_binary(const struct sluice_binary *const *list, size_t n, const char *path)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i]->path, path) == 0)
            return true;
    return false;
}

static void add_binaries(const struct sluice_binary **list, size_t *n,
                         const struct sluice_rule *from)
{
    for (size_t i = 0; i < from->n_binaries; i++)
        if (!has_binary(list, *n, from->binaries[i]->path))
            list[(*n)++] = from->binaries[i];
}

static const struct sluice_rule *plain_rule(struct merge *m, const struct sluice_rule *rule,
                                            const char *key)
{
    struct sluice_rule *plain = arena_alloc(m->arena, sizeof *plain);
    const struct sluice_endpoint **endpoints =
        arena_alloc(m->arena, (rule->n_endpoints + 1) * sizeof *endpoints);
    const struct sluice_binary **binaries =
        arena_alloc(m->arena, (rule->n_binaries + 1) * sizeof *binaries);
    *plain = *rule;
    plain->key = key;
    plain->name = rule->name && *rule->name ? rule->name : key;
    for (size_t i = 0; i < rule->n_endpoints; i++)
        endpoints[i] = plain_endpoint(m, rule->endpoints[i]);
    plain->endpoints = endpoints;
    plain->n_binaries = 0;
    add_binaries(binaries, &plain->n_binaries, rule);
    plain->binaries = plain->n_binaries ? binaries : NULL;
    return plain;
}

/* Sites. */

static bool same_site(const struct sluice_endpoint *a, const struct sluice_endpoint *b)
{
    return merge_same_host(a->host, b->host) && strcmp(a->path, b->path) == 0;
}

static bool overlap(const struct sluice_endpoint *a, const struct sluice_endpoint *b)
{
    for (size_t i = 0; i < a->n_ports; i++)
        if (merge_has_port(b, a->ports[i]))
            return same_site(a, b);
    return false;
}

static bool rules_overlap(const struct sluice_rule *a, const struct sluice_rule *b)
{
    for (size_t i = 0; i < a->n_endpoints; i++)
        for (size_t j = 0; j < b->n_endpoints; j++)
            if (overlap(a->endpoints[i], b->endpoints[j]))
                return true;
    return false;
}

/* Merging endpoints. */

/* Ports that the operation names and no endpoint of the site has yet.  They get what the operation
 * says about requests, and all else from the endpoint beside them. */
static void place_ports(struct widening *w, size_t beside, const struct sluice_endpoint *from,
                        const uint16_t *ports, size_t n)
{
    const struct sluice_endpoint *neighbour = w->endpoints[beside];
    struct sluice_endpoint *placed = merge_with_ports(w->m, neighbour, ports, n);
    if (from->n_rules || *from->access) {
        placed->rules = from->rules;
        placed->n_rules = from->n_rules;
        placed->access = from->access;
    }
    if (!merge_same_content(placed, neighbour)) {
        w->endpoints[w->n_endpoints++] = placed;
        return;
    }
    uint16_t *all = arena_alloc(w->m->arena, (neighbour->n_ports + n) * sizeof *all);
    memcpy(all, neighbour->ports, neighbour->n_ports * sizeof *all);
    memcpy(all + neighbour->n_ports, ports, n * sizeof *all);
    w->endpoints[beside] = merge_with_ports(w->m, neighbour, all, neighbour->n_ports + n);
}

static bool is_taken(const struct widening *w, const struct sluice_endpoint *from, uint16_t port)
{
    for (size_t i = 0; i < w->n_endpoints; i++)
        if (same_site(w->endpoints[i], from) && merge_has_port(w->endpoints[i], port))
            return true;
    return false;
}

static bool merge_one(struct widening *w, const struct sluice_endpoint *from)
{
    size_t first = SIZE_MAX, n_left = 0, n_before = w->n_endpoints;
    uint16_t *left = arena_alloc(w->m->arena, (from->n_ports + 1) * sizeof *left);
    for (size_t i = 0; i < n_before; i++) {
        if (!overlap(w->endpoints[i], from))
            continue;
        w->endpoints[i] = merge_endpoints(w->m, w->endpoints[i], from, w->conflict);
        if (!w->endpoints[i])
            return false;
        first = first == SIZE_MAX ? i : first;
    }
    if (first == SIZE_MAX) {
        w->endpoints[w->n_endpoints++] = from;
        return true;
    }
    for (size_t i = 0; i < from->n_ports; i++)
        if (!is_taken(w, from, from->ports[i]))
            left[n_left++] = from->ports[i];
    if (n_left)
        place_ports(w, first, from, left, n_left);
    return true;
}

/* Scope. */

static bool names_port(const struct widening *w, const struct sluice_endpoint *e, uint16_t port)
{
    for (size_t i = 0; i < w->added->n_endpoints; i++)
        if (same_site(w->added->endpoints[i], e) && merge_has_port(w->added->endpoints[i], port))
            return true;
    return false;
}

/* The ports of an existing endpoint that the operation does not name; NULL: it names them all. */
static const char *unnamed_ports(const struct widening *w, const struct sluice_endpoint *e)
{
    uint16_t *ports = arena_alloc(w->m->arena, (e->n_ports + 1) * sizeof *ports);
    size_t n = 0;
    for (size_t i = 0; i < e->n_ports; i++)
        if (!names_port(w, e, e->ports[i]))
            ports[n++] = e->ports[i];
    return n ? merge_port_list(w->m, ports, n) : NULL;
}

/* The operation either leaves requests out, and takes what is there, or lists all of them. */
static bool names_requests(const struct widening *w, const struct sluice_endpoint *e)
{
    for (size_t i = 0; i < w->added->n_endpoints; i++) {
        const struct sluice_endpoint *named = w->added->endpoints[i];
        if (!overlap(named, e) || (named->n_rules == 0 && !*named->access))
            continue;
        if (strcmp(named->access, e->access) != 0)
            return false;
        if (!merge_has_requests(named->rules, named->n_rules, e->rules, e->n_rules))
            return false;
    }
    return true;
}

static bool check_changed_ports(struct widening *w)
{
    for (size_t i = 0; i < w->old->n_endpoints; i++) {
        const struct sluice_endpoint *e = w->old->endpoints[i];
        const char *ports = unnamed_ports(w, e);
        if (ports && !merge_same_content(e, w->endpoints[i]))
            return merge_refuse(
                w->m, w->conflict, MERGE_SCOPE,
                "add-rule '%s' would change authorization for "
                "%s on undeclared ports [%s]; declare every port of the endpoint it modifies",
                w->added->key, e->host, ports);
    }
    return true;
}

/* The first binary that the rule does not have yet; NULL: it has them all. */
static const char *new_binary(const struct widening *w)
{
    for (size_t i = 0; i < w->added->n_binaries; i++)
        if (!has_binary(w->old->binaries, w->old->n_binaries, w->added->binaries[i]->path))
            return w->added->binaries[i]->path;
    return NULL;
}

/* What is true of one new binary is true of all: it gets every endpoint of the rule. */
static bool check_new_binaries(struct widening *w)
{
    const char *path = new_binary(w);
    if (!path)
        return true;
    for (size_t i = 0; i < w->old->n_endpoints; i++) {
        const struct sluice_endpoint *e = w->old->endpoints[i];
        const char *ports = unnamed_ports(w, e);
        if (ports)
            return merge_refuse(
                w->m, w->conflict, MERGE_SCOPE,
                "add-rule '%s' would grant binary '%s' "
                "undeclared authorization for %s on ports [%s]; also declare that endpoint",
                w->added->key, path, e->host, ports);
        if (!names_requests(w, e))
            return merge_refuse(
                w->m, w->conflict, MERGE_SCOPE,
                "add-rule '%s' would grant binary '%s' "
                "undeclared requests to %s; also declare the rules or access it has",
                w->added->key, path, merge_site(w->m, e));
    }
    return true;
}

/* The first endpoint that the rule did not have in this form. */
static const struct sluice_endpoint *changed_endpoint(const struct widening *w)
{
    for (size_t i = 0; i < w->n_endpoints; i++) {
        const struct sluice_endpoint *e = w->endpoints[i];
        if (i >= w->old->n_endpoints || e->n_ports != w->old->endpoints[i]->n_ports
            || !merge_same_content(e, w->old->endpoints[i]))
            return e;
    }
    return NULL;
}

static bool check_old_binaries(struct widening *w)
{
    const struct sluice_endpoint *e = changed_endpoint(w);
    const char *missing = "";
    for (size_t i = 0; i < w->old->n_binaries; i++)
        if (!has_binary(w->added->binaries, w->added->n_binaries, w->old->binaries[i]->path))
            missing = arena_printf(w->m->arena, "%s%s%s", missing, *missing ? ", " : "",
                                   w->old->binaries[i]->path);
    if (!e || !*missing)
        return true;
    return merge_refuse(w->m, w->conflict, MERGE_SCOPE,
                        "add-rule '%s' would grant existing binaries new or "
                        "changed authorization for %s on ports [%s]; also declare %s",
                        w->added->key, e->host, merge_port_list(w->m, e->ports, e->n_ports),
                        missing);
}

static bool check_scope(struct widening *w)
{
    return check_new_binaries(w) && check_old_binaries(w) && check_changed_ports(w);
}

/* The rule with the other added, or NULL with a conflict. */
static const struct sluice_rule *widen(struct merge *m, const struct sluice_rule *old,
                                       const struct sluice_rule *added,
                                       struct merge_conflict *conflict)
{
    struct widening w = {m, old, added, NULL, old->n_endpoints, conflict};
    /* Each added endpoint may leave ports over for one of its own. */
    w.endpoints =
        arena_alloc(m->arena, (old->n_endpoints + added->n_endpoints + 1) * sizeof *w.endpoints);
    if (old->n_endpoints)
        memcpy(w.endpoints, old->endpoints, old->n_endpoints * sizeof *w.endpoints);
    for (size_t i = 0; i < added->n_endpoints; i++)
        if (!merge_one(&w, added->endpoints[i]))
            return NULL;
    if (!check_scope(&w))
        return NULL;
    struct sluice_rule *merged = arena_alloc(m->arena, sizeof *merged);
    const struct sluice_binary **binaries =
        arena_alloc(m->arena, (old->n_binaries + added->n_binaries + 1) * sizeof *binaries);
    *merged = *old;
    merged->endpoints = w.endpoints;
    merged->n_endpoints = w.n_endpoints;
    merged->n_binaries = 0;
    add_binaries(binaries, &merged->n_binaries, old);
    add_binaries(binaries, &merged->n_binaries, added);
    merged->binaries = merged->n_binaries ? binaries : NULL;
    return merged;
}

/* Choosing the rule. */

static void pass_on(struct problems *to, struct problems *from)
{
    for (size_t i = 0; i < from->n; i++)
        problems_add(to, from->items[i].path, 0, 0, "%s", from->items[i].message);
    problems_free(from);
}

/* Warnings of an attempt that comes to nothing are about a merge that does not happen. */
static const struct sluice_rule *try_widening(struct merge *m, const struct sluice_rule *old,
                                              const struct sluice_rule *added,
                                              struct merge_conflict *conflict)
{
    struct problems own = {0}, *warnings = m->warnings;
    m->warnings = &own;
    const struct sluice_rule *merged = widen(m, old, added, conflict);
    m->warnings = warnings;
    if (merged)
        pass_on(warnings, &own);
    problems_free(&own);
    return merged;
}

static int add_to(struct merge *m, const struct sluice_rule *old, const struct sluice_rule *added)
{
    struct merge_conflict conflict = {0};
    const struct sluice_rule *merged = try_widening(m, old, added, &conflict);
    if (!merged)
        return merge_fail(m, "rule", "%s", conflict.why);
    if (strcmp(added->name, added->key) != 0 && strcmp(added->name, old->name) != 0)
        merge_warn(m, "rule.name", "rule '%s' keeps its name '%s'", old->key, old->name);
    merge_put(m, merged);
    return 0;
}

static int fold_into(struct merge *m, const struct sluice_rule *old,
                     const struct sluice_rule *added)
{
    struct merge_conflict conflict = {0};
    const struct sluice_rule *merged = try_widening(m, old, added, &conflict);
    if (conflict.kind == MERGE_CONTRACT)
        return merge_fail(m, "rule", "%s", conflict.why);
    if (merged)
        merge_warn(m, "rule_name",
                   "folded add-rule '%s' into rule '%s', which has an overlapping endpoint",
                   added->key, old->key);
    else
        merge_warn(m, "rule_name",
                   "kept add-rule '%s' on its own rule instead of folding it into overlapping "
                   "rule '%s': %s",
                   added->key, old->key, conflict.why);
    merge_put(m, merged ? merged : added);
    return 0;
}

static int check_incoming(struct merge *m)
{
    static const char reserved[] = "_provider_";
    const struct policy_operation *op = m->op;
    if (!*op->rule_name)
        return merge_fail(m, "rule_name", "add-rule operation requires a rule name");
    if (strncmp(op->rule_name, reserved, sizeof reserved - 1) == 0)
        return merge_fail(m, "rule_name",
                          "rule_name '%s' uses the prefix '%s', which is reserved for rules "
                          "composed from providers; choose another name",
                          op->rule_name, reserved);
    if (!op->rule || op->rule->n_endpoints == 0)
        return merge_fail(m, "rule", "add-rule '%s' must contain at least one endpoint",
                          op->rule_name);
    return 0;
}

static bool same_binaries(const struct sluice_rule *a, const struct sluice_rule *b)
{
    bool same = a->n_binaries == b->n_binaries;
    for (size_t i = 0; same && i < a->n_binaries; i++)
        same = has_binary(b->binaries, b->n_binaries, a->binaries[i]->path);
    return same;
}

static bool is_granted(const struct merge *m, const char *key)
{
    return m->granted && policy_grants_of_rule(m->granted, key);
}

int merge_add_rule(struct merge *m)
{
    if (check_incoming(m) != 0)
        return -1;
    const struct sluice_rule *added = plain_rule(m, m->op->rule, m->op->rule_name);
    size_t same = merge_find(m, added->key);
    if (same < m->n_rules && is_granted(m, added->key))
        return merge_fail(m, "rule_name",
                          "rule '%s' ends with the grant that it is of: add what is to stay under "
                          "another name",
                          added->key);
    if (same < m->n_rules && m->op->own_rule && !same_binaries(m->rules[same], added))
        return merge_fail(m, "rule_name", "rule '%s' has other binaries", added->key);
    if (same < m->n_rules)
        return add_to(m, m->rules[same], added);
    for (size_t i = 0; i < m->n_rules && !m->op->own_rule; i++)
        if (!merge_is_provider(m->rules[i]) && !is_granted(m, m->rules[i]->key) &&
            rules_overlap(m->rules[i], added))
            return fold_into(m, m->rules[i], added);
    merge_put(m, added);
    return 0;
}
