/* SPDX-License-Identifier: Apache-2.0 */
#include "findings.h"

#include <fnmatch.h>
#include <string.h>
#include <strings.h>

/* ---- methods, as a set of bits ---- */

static const char *const methods[] = {"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"};

enum {
    N_METHODS = sizeof methods / sizeof methods[0],
    GET = 1, HEAD = 2, POST = 8,
    READ_ONLY = 7, READ_WRITE = 63, ALL = (1 << N_METHODS) - 1,
};

static unsigned named_methods(const char *name)
{
    for (int i = 0; i < N_METHODS; i++)
        if (strcasecmp(name, methods[i]) == 0)
            return i == 0 ? GET | HEAD : 1u << i;
    return strcmp(name, "*") == 0 ? ALL : 0;
}

/* What is no HTTP method stands for one: a query reads, any other operation writes. */
static unsigned rule_methods(const struct sluice_l7_rule *rule)
{
    unsigned named = named_methods(rule->method);
    if (named)
        return named;
    return strcmp(rule->operation_type, "query") == 0 ? GET : POST;
}

/* Deny rules are left out of account: they forbid some paths of a method, hardly the method. */
static unsigned allowed_methods(const struct sluice_endpoint *e)
{
    unsigned set = 0;
    if (!*e->protocol || strcmp(e->tls, "skip") == 0 || strcmp(e->access, "full") == 0
        || (e->mcp && e->mcp->allow_all_known_mcp_methods))
        return ALL;
    if (*e->access)
        return strcmp(e->access, "read-only") == 0 ? READ_ONLY : READ_WRITE;
    for (size_t i = 0; i < e->n_rules; i++)
        set |= rule_methods(e->rules[i]);
    return set;
}

/* ---- credentials ---- */

static bool uses_credential(const struct sluice_endpoint *e)
{
    return *e->credential_provider || *e->credential_signing || e->websocket_credential_rewrite
        || e->request_body_credential_rewrite;
}

/* What the current policy lets a program do with a credential at a host and port. */
struct known {
    bool reached;
    unsigned methods;
};

static bool has_port(const struct sluice_endpoint *e, uint16_t port)
{
    for (size_t i = 0; i < e->n_ports; i++)
        if (e->ports[i] == port)
            return true;
    return false;
}

static bool has_binary(const struct sluice_rule *rule, const char *path)
{
    for (size_t i = 0; i < rule->n_binaries; i++)
        if (strcmp(rule->binaries[i]->path, path) == 0)
            return true;
    return false;
}

static void add_known(const struct sluice_rule *rule, const struct finding *f, struct known *out)
{
    for (size_t i = 0; i < rule->n_endpoints; i++) {
        const struct sluice_endpoint *e = rule->endpoints[i];
        if (!uses_credential(e) || strcasecmp(e->host, f->endpoint->host) != 0
            || !has_port(e, f->port) || !has_binary(rule, f->binary))
            continue;
        out->reached = true;
        out->methods |= allowed_methods(e);
    }
}

static struct known look_up(const struct sluice_policy *current, const struct finding *f)
{
    struct known known = {0};
    for (size_t i = 0; current && i < current->n_rules; i++)
        add_known(current->rules[i], f, &known);
    return known;
}

/* Judged by the last component, which may be a glob: one that could be such a program counts. */
static bool bypasses(const struct search *s, const char *binary)
{
    const char *slash = strrchr(binary, '/'), *name = slash ? slash + 1 : binary;
    for (size_t i = 0; i < s->n_bypass; i++)
        if (fnmatch(name, s->bypass[i], 0) == 0)
            return true;
    return false;
}

/* ---- the search ---- */

static void report(const struct search *s, enum risk risk, const char *method,
                   const struct finding *at)
{
    s->found(s->ctx, &(struct finding){risk, at->endpoint, at->port, at->binary, method});
}

static void judge_methods(const struct search *s, const struct finding *at, unsigned added)
{
    for (int i = 0; i < N_METHODS; i++)
        if (added & 1u << i)
            report(s, RISK_CAPABILITY, methods[i], at);
}

static void judge_credential(const struct search *s, const struct sluice_policy *current,
                             const struct finding *at)
{
    struct known known = look_up(current, at);
    bool bypass = bypasses(s, at->binary);
    if (!known.reached)
        report(s, bypass ? RISK_BYPASS : RISK_CREDENTIAL, "", at);
    else if (!bypass)
        judge_methods(s, at, allowed_methods(at->endpoint) & ~known.methods);
}

static bool is_near(const struct search *s, const struct sluice_endpoint *e)
{
    if (s->host->host_blocked(s->host, e->host))
        return true;
    for (size_t i = 0; i < e->n_allowed_ips; i++)
        if (s->host->cidr_blocked(s->host, e->allowed_ips[i]))
            return true;
    return false;
}

static void judge_ports(const struct search *s, const struct sluice_policy *current,
                        const struct sluice_endpoint *e, const char *binary)
{
    for (size_t i = 0; i < e->n_ports; i++)
        judge_credential(s, current, &(struct finding){.endpoint = e, .port = e->ports[i],
                                                       .binary = binary});
}

static void judge_rule(const struct search *s, const struct sluice_policy *current,
                       const struct sluice_rule *rule)
{
    for (size_t i = 0; i < rule->n_endpoints; i++) {
        const struct sluice_endpoint *e = rule->endpoints[i];
        if (is_near(s, e)) {
            report(s, RISK_LINK_LOCAL, "", &(struct finding){.endpoint = e, .port = e->ports[0],
                                                             .binary = ""});
            continue;
        }
        for (size_t j = 0; uses_credential(e) && j < rule->n_binaries; j++)
            judge_ports(s, current, e, rule->binaries[j]->path);
    }
}

void find_risks(const struct search *s, const struct sluice_transition *t)
{
    for (size_t i = 0; i < t->diff->n_added; i++)
        judge_rule(s, t->current, t->diff->added[i]);
    for (size_t i = 0; i < t->diff->n_changed; i++)
        judge_rule(s, t->current, t->diff->changed[i]->after);
}
