/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <strings.h>

#include "base/glob.h"
#include "policy/check/check_parts.h"
#include "policy/match/match.h"

enum { MIDDLEWARES_MAX = 10, PATTERNS_MAX = 32 };

static void check_patterns(struct check *c, const struct sluice_middleware *m, const char *list,
                           const char *const *patterns, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *odd = check_host_pattern(c, patterns[i]);
        if (odd)
            check_problem(c, m->doc_path, check_item(c, list, i),
                          "endpoint selector pattern '%s' is invalid: %s",
                          check_shown(c, patterns[i]), odd);
    }
}

static void check_selector(struct check *c, const struct sluice_middleware *m)
{
    size_t n = m->n_include + m->n_exclude;
    if (n == 0)
        check_problem(c, m->doc_path, "endpoints", "endpoint selector is required");
    else if (m->n_include == 0)
        check_problem(c, m->doc_path, "endpoints",
                      "endpoint selector must include at least one host pattern");
    if (n > PATTERNS_MAX)
        check_problem(c, m->doc_path, "endpoints",
                      "middleware config '%s' has too many selector patterns "
                      "(%zu > %d)",
                      check_shown(c, m->name), n, PATTERNS_MAX);
    check_patterns(c, m, "endpoints.include", m->include, m->n_include);
    check_patterns(c, m, "endpoints.exclude", m->exclude, m->n_exclude);
}

static bool selects(const struct sluice_middleware *m, const struct sluice_endpoint *e)
{
    for (size_t i = 0; i < m->n_exclude; i++)
        if (strcasecmp(m->exclude[i], e->host) == 0
            || (!strchr(e->host, '*') && policy_host_match(m->exclude[i], e->host)))
            return false;
    for (size_t i = 0; i < m->n_include; i++)
        if (!*e->host
            || glob_overlap(m->include[i], e->host, '.', GLOB_FOLD_CASE | GLOB_RUN_NOT_EMPTY, NULL))
            return true;
    return false;
}

/* A middleware that must not be skipped cannot work where TLS hides everything from it. */
static void check_hidden(struct check *c, const struct sluice_middleware *m)
{
    if (check_is(m->on_error, "fail_open") || m->n_include + m->n_exclude > PATTERNS_MAX)
        return;
    for (size_t i = 0; i < c->policy->n_rules; i++) {
        const struct sluice_rule *rule = c->policy->rules[i];
        for (size_t j = 0; j < rule->n_endpoints; j++)
            if (check_is(rule->endpoints[j]->tls, "skip") && selects(m, rule->endpoints[j]))
                check_problem(c, m->doc_path, "endpoints",
                              "middleware config '%s' selects network policy "
                              "'%s' tls: skip endpoint '%s'",
                              check_shown(c, m->name), check_shown(c, rule->name),
                              check_shown(c, rule->endpoints[j]->host));
    }
}

static void check_order(struct check *c, size_t i)
{
    const struct sluice_middleware *m = c->policy->middlewares[i];
    for (size_t j = 0; j < i; j++)
        if (c->policy->middlewares[j]->order == m->order)
            check_problem(c, m->doc_path, "order",
                          "middleware configs '%s' and '%s' use duplicate order %d",
                          check_shown(c, c->policy->middlewares[j]->name), check_shown(c, m->name),
                          (int)m->order);
}

void check_middlewares(struct check *c)
{
    size_t n = c->policy->n_middlewares;
    if (n > MIDDLEWARES_MAX) {
        check_problem(c, "", "network_middlewares", "too many middleware configs (%zu > %d)", n,
                      MIDDLEWARES_MAX);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        check_order(c, i);
        check_selector(c, c->policy->middlewares[i]);
        check_hidden(c, c->policy->middlewares[i]);
    }
}
