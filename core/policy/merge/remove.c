/* SPDX-License-Identifier: Apache-2.0 */
/* Removals.  What is not there is an error, never a silent success. */
#include <string.h>

#include "policy/merge/merge.h"
#include "policy/merge/merge_parts.h"

int merge_remove_rule(struct merge *m)
{
    size_t i = merge_find(m, m->op->rule_name);
    if (i == m->n_rules)
        return merge_fail(m, "rule_name", "rule '%s' was not found in the current policy%s",
                          m->op->rule_name, merge_rule_hint(m, m->op->rule_name));
    merge_drop(m, i);
    return 0;
}

/* Binaries. */

static const char *binary_hint(struct merge *m, const struct sluice_rule *rule)
{
    const char **paths = arena_alloc(m->arena, (rule->n_binaries + 1) * sizeof *paths);
    for (size_t i = 0; i < rule->n_binaries; i++)
        paths[i] = rule->binaries[i]->path;
    paths[rule->n_binaries] = NULL;
    return merge_hint(m, m->op->binary_path, "binaries", paths);
}

/* A rule without binaries would let nobody through: it goes, rather than looking like an open one.
 */
int merge_remove_binary(struct merge *m)
{
    size_t at = merge_find(m, m->op->rule_name), n = 0;
    if (at == m->n_rules)
        return merge_fail(m, "rule_name", "rule '%s' was not found in the current policy%s",
                          m->op->rule_name, merge_rule_hint(m, m->op->rule_name));
    const struct sluice_rule *rule = m->rules[at];
    const struct sluice_binary **kept =
        arena_alloc(m->arena, (rule->n_binaries + 1) * sizeof *kept);
    for (size_t i = 0; i < rule->n_binaries; i++)
        if (strcmp(rule->binaries[i]->path, m->op->binary_path) != 0)
            kept[n++] = rule->binaries[i];
    if (n == rule->n_binaries)
        return merge_fail(m, "binary_path", "rule '%s' has no binary '%s'%s", rule->key,
                          m->op->binary_path, binary_hint(m, rule));
    if (n == 0) {
        merge_warn(m, "",
                   "rule '%s' is removed with its last binary: without one it lets nobody through",
                   rule->key);
        merge_drop(m, at);
        return 0;
    }
    struct sluice_rule *copy = arena_alloc(m->arena, sizeof *copy);
    *copy = *rule;
    copy->binaries = kept;
    copy->n_binaries = n;
    m->rules[at] = copy;
    return 0;
}

/* Endpoints. */

static const struct sluice_endpoint *without_port(struct merge *m, const struct sluice_endpoint *e)
{
    uint16_t *ports = arena_alloc(m->arena, e->n_ports * sizeof *ports);
    size_t n = 0;
    for (size_t i = 0; i < e->n_ports; i++)
        if (e->ports[i] != m->op->port)
            ports[n++] = e->ports[i];
    return n ? merge_with_ports(m, e, ports, n) : NULL;
}

/* The rule without the host and port; the same rule when it has none. */
static const struct sluice_rule *without_endpoint(struct merge *m, const struct sluice_rule *rule)
{
    const struct sluice_endpoint **kept =
        arena_alloc(m->arena, (rule->n_endpoints + 1) * sizeof *kept);
    bool found = false;
    size_t n = 0;
    for (size_t i = 0; i < rule->n_endpoints; i++) {
        const struct sluice_endpoint *e = rule->endpoints[i];
        if (merge_same_host(e->host, m->op->host) && merge_has_port(e, m->op->port)) {
            found = true;
            e = without_port(m, e);
        }
        if (e)
            kept[n++] = e;
    }
    if (!found)
        return rule;
    struct sluice_rule *copy = arena_alloc(m->arena, sizeof *copy);
    *copy = *rule;
    copy->endpoints = kept;
    copy->n_endpoints = n;
    return copy;
}

static bool remove_from(struct merge *m, size_t at)
{
    const struct sluice_rule *rule = m->rules[at], *rest = without_endpoint(m, rule);
    if (rest == rule)
        return false;
    m->rules[at] = rest;
    if (rest->n_endpoints == 0) {
        merge_warn(m, "", "rule '%s' is removed with its last endpoint", rule->key);
        merge_drop(m, at);
    }
    return true;
}

const char *merge_site_hint(struct merge *m, const char *wanted, const char *rule_name)
{
    size_t n = 0, max = 1;
    for (size_t i = 0; i < m->n_rules; i++)
        max += m->rules[i]->n_endpoints;
    const char **sites = arena_alloc(m->arena, max * sizeof *sites);
    for (size_t i = 0; i < m->n_rules; i++)
        for (size_t j = 0; j < m->rules[i]->n_endpoints; j++)
            if (!*rule_name || strcmp(rule_name, m->rules[i]->key) == 0)
                sites[n++] = merge_site(m, m->rules[i]->endpoints[j]);
    sites[n] = NULL;
    return merge_hint(m, wanted, "endpoints", sites);
}

static int not_found(struct merge *m)
{
    const char *site = arena_printf(m->arena, "%s:%u", m->op->host, m->op->port);
    const char *hint = merge_site_hint(m, site, m->op->rule_name);
    if (*m->op->rule_name)
        return merge_fail(m, "", "endpoint %s was not found in rule '%s'%s", site, m->op->rule_name,
                          hint);
    return merge_fail(m, "", "endpoint %s was not found in the current policy%s", site, hint);
}

int merge_remove_endpoint(struct merge *m)
{
    const char *only = m->op->rule_name;
    bool found = false;
    if (*only && merge_find(m, only) == m->n_rules)
        return merge_fail(m, "rule_name", "rule '%s' was not found in the current policy%s", only,
                          merge_rule_hint(m, only));
    /* From the back, since a rule may go. */
    for (size_t i = m->n_rules; i-- > 0;)
        if (!*only || strcmp(m->rules[i]->key, only) == 0)
            found |= remove_from(m, i);
    return found ? 0 : not_found(m);
}
