/* SPDX-License-Identifier: Apache-2.0 */
/* Request rules: the expansion of access presets, and the operations that add to an endpoint that
 * is named by host and port alone. */
#include <string.h>

#include "policy/merge/merge.h"
#include "policy/merge/merge_parts.h"
#include "policy/preset.h"

/* Each request rule as text, made once: comparing all with all is then cheap. */
static const char **texts_of(const struct sluice_l7_rule *const *list, size_t n,
                             struct arena *arena)
{
    const char **texts = arena_alloc(arena, (n + 1) * sizeof *texts);
    struct buf json = {0};
    for (size_t i = 0; i < n; i++) {
        buf_clear(&json);
        schema_encode_json(&policy_l7_rule_schema, list[i], &json);
        texts[i] = arena_strn(arena, json.data, json.len);
    }
    buf_free(&json);
    return texts;
}

static bool has_text(const char *const *texts, size_t n, const char *text)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(texts[i], text) == 0)
            return true;
    return false;
}

bool merge_has_requests(const struct sluice_l7_rule *const *list, size_t n,
                        const struct sluice_l7_rule *const *wanted, size_t n_wanted)
{
    struct arena *arena = arena_new();
    const char **own = texts_of(list, n, arena), **others = texts_of(wanted, n_wanted, arena);
    bool all = true;
    for (size_t i = 0; all && i < n_wanted; i++)
        all = has_text(own, n, others[i]);
    arena_free(arena);
    return all;
}

const struct sluice_l7_rule *const *
merge_requests(struct merge *m, const struct sluice_l7_rule *const *list, size_t n,
               const struct sluice_l7_rule *const *more, size_t n_more, size_t *n_out)
{
    struct arena *scratch = arena_new();
    const struct sluice_l7_rule **all = arena_alloc(m->arena, (n + n_more + 1) * sizeof *all);
    const char **added = texts_of(more, n_more, scratch);
    const char **texts = arena_alloc(scratch, (n + n_more + 1) * sizeof *texts);
    if (n) {
        memcpy(all, list, n * sizeof *all);
        memcpy(texts, texts_of(list, n, scratch), n * sizeof *texts);
    }
    for (size_t i = 0; i < n_more; i++) {
        if (has_text(texts, n, added[i]))
            continue;
        all[n] = more[i];
        texts[n++] = added[i];
    }
    arena_free(scratch);
    *n_out = n;
    return n ? all : NULL;
}

/* Presets. */

static const struct sluice_l7_rule *whole_method(struct merge *m, const char *method)
{
    struct sluice_l7_rule *r = arena_alloc(m->arena, sizeof *r);
    *r = (struct sluice_l7_rule){
        .size = sizeof *r, .doc_path = "", .method = method, .path = "**",
        .command = "", .operation_type = "", .operation_name = "",
    };
    return r;
}

const struct sluice_l7_rule *const *merge_preset(struct merge *m, const char *protocol,
                                                 const char *access, size_t *n)
{
    const char *const *methods = policy_preset(protocol, access);
    if (!methods)
        return NULL;
    for (*n = 0; methods[*n];)
        ++*n;
    const struct sluice_l7_rule **rules = arena_alloc(m->arena, *n * sizeof *rules);
    for (size_t i = 0; i < *n; i++)
        rules[i] = whole_method(m, methods[i]);
    return rules;
}

/* Adding to one endpoint. */

struct target {
    size_t rule, endpoint, n;                       /* the last one found, and how many there are */
    const char *rules;                              /* the keys of all, for a message */
};

static struct target find_target(struct merge *m)
{
    struct target t = {0, 0, 0, ""};
    for (size_t i = 0; i < m->n_rules; i++) {
        const struct sluice_rule *rule = m->rules[i];
        for (size_t j = 0; j < rule->n_endpoints && !merge_is_provider(rule); j++) {
            const struct sluice_endpoint *e = rule->endpoints[j];
            if (!merge_same_host(e->host, m->op->host) || !merge_has_port(e, m->op->port))
                continue;
            t.rules = arena_printf(m->arena, "%s%s'%s' endpoint[%zu]", t.rules, t.n ? ", " : "",
                                   rule->key, j);
            t.rule = i;
            t.endpoint = j;
            t.n++;
        }
    }
    return t;
}

static int check_target(struct merge *m, const struct target *t)
{
    const char *site = arena_printf(m->arena, "%s:%u", m->op->host, m->op->port);
    if (t->n == 0)
        return merge_fail(m, "", "endpoint %s was not found in the current policy%s", site,
                          merge_site_hint(m, site, ""));
    if (t->n > 1)
        return merge_fail(
            m, "",
            "endpoint %s resolves to %s; this operation selects its target by host and "
            "port alone, so it cannot say which binary scope and L7 surface to widen. Replace "
            "the policy with the full YAML instead",
            site, t->rules);
    const struct sluice_endpoint *e = m->rules[t->rule]->endpoints[t->endpoint];
    if (!*e->protocol)
        return merge_fail(m, "", "endpoint %s has no L7 inspection configured (protocol is empty)",
                          site);
    if (strcmp(e->protocol, "rest") != 0 && strcmp(e->protocol, "websocket") != 0)
        return merge_fail(m, "",
                          "endpoint %s uses unsupported protocol '%s'; this operation currently "
                          "supports only protocol 'rest' or 'websocket'",
                          site, e->protocol);
    if (m->op->kind == POLICY_ADD_DENY_RULES && !e->n_rules && !*e->access)
        return merge_fail(
            m, "",
            "endpoint %s has no base allow set; configure access or explicit allow rules "
            "before adding deny rules",
            site);
    return 0;
}

static void expand_access(struct merge *m, struct sluice_endpoint *e)
{
    if (!*e->access)
        return;
    e->rules = merge_preset(m, e->protocol, e->access, &e->n_rules);
    merge_warn(m, "", "expanded access preset '%s' to explicit rules for endpoint %s", e->access,
               merge_site(m, e));
    e->access = "";
}

static void add_requests(struct merge *m, struct sluice_endpoint *e)
{
    const struct policy_operation *op = m->op;
    if (op->kind == POLICY_ADD_DENY_RULES) {
        e->deny_rules = merge_requests(m, e->deny_rules, e->n_deny_rules, op->l7_rules,
                                       op->n_l7_rules, &e->n_deny_rules);
        return;
    }
    expand_access(m, e);
    e->rules = merge_requests(m, e->rules, e->n_rules, op->l7_rules, op->n_l7_rules, &e->n_rules);
}

/* The other ports of the endpoint keep what they had: they become an endpoint of their own. */
static const struct sluice_endpoint *split_off(struct merge *m, const struct sluice_endpoint *e)
{
    uint16_t *others = arena_alloc(m->arena, e->n_ports * sizeof *others);
    size_t n = 0;
    for (size_t i = 0; i < e->n_ports; i++)
        if (e->ports[i] != m->op->port)
            others[n++] = e->ports[i];
    if (n == 0)
        return NULL;
    merge_warn(m, "", "endpoint %s is split: only port %u is changed, port(s) %s stay as they are",
               merge_site(m, e), m->op->port, merge_port_list(m, others, n));
    return merge_with_ports(m, e, others, n);
}

int merge_add_requests(struct merge *m)
{
    struct target t = find_target(m);
    if (check_target(m, &t) != 0)
        return -1;
    const struct sluice_rule *rule = m->rules[t.rule];
    const struct sluice_endpoint *old = rule->endpoints[t.endpoint], *rest = NULL;
    struct sluice_endpoint *changed = merge_with_ports(m, old, &m->op->port, 1);
    add_requests(m, changed);
    if (merge_same_content(old, changed))
        return 0;
    rest = split_off(m, old);
    const struct sluice_endpoint **all =
        arena_alloc(m->arena, (rule->n_endpoints + 1) * sizeof *all);
    memcpy(all, rule->endpoints, rule->n_endpoints * sizeof *all);
    all[t.endpoint] = changed;
    if (rest)
        all[rule->n_endpoints] = rest;
    struct sluice_rule *copy = arena_alloc(m->arena, sizeof *copy);
    *copy = *rule;
    copy->endpoints = all;
    copy->n_endpoints += rest != NULL;
    m->rules[t.rule] = copy;
    return 0;
}
