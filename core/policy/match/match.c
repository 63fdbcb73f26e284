/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/match/match.h"

#include <string.h>
#include <strings.h>

#include "base/glob.h"
#include "base/ipaddr.h"

/* Wildcards stand for names: an address is matched by itself alone. */
static bool is_address(const char *host)
{
    const char *dot = strrchr(host, '.'), *last = dot ? dot + 1 : host;
    return strchr(host, ':') || last[strspn(last, "0123456789")] == '\0';
}

/* A policy keeps hosts as their author wrote them: with brackets, another spelling of an address,
 * or the dot of the DNS root. */
static const char *plain(const char *written, char buffer[IPADDR_HOST_SIZE])
{
    size_t len = strlen(written);
    bool rooted = len > 1 && written[len - 1] == '.';
    if (!rooted && !strchr(written, ':'))
        return written;
    if (ipaddr_canonical_host(written, len, buffer) == 0)
        return buffer;
    if (!rooted || len > IPADDR_HOST_SIZE)
        return written;
    memcpy(buffer, written, len - 1);
    buffer[len - 1] = '\0';
    return buffer;
}

bool policy_host_match(const char *pattern, const char *host)
{
    char of_pattern[IPADDR_HOST_SIZE], of_host[IPADDR_HOST_SIZE];
    pattern = plain(pattern, of_pattern);
    host = plain(host, of_host);
    if (!strchr(pattern, '*'))
        return strcasecmp(pattern, host) == 0;
    return !is_address(host) && glob_match(pattern, host, '.', GLOB_FOLD_CASE | GLOB_RUN_NOT_EMPTY);
}

bool policy_binary_match(const char *pattern, const char *path)
{
    if (!glob_has_wildcard(pattern))
        return strcmp(pattern, path) == 0;
    return glob_match(pattern, path, '/', 0);
}

static bool has_port(const struct sluice_endpoint *e, uint16_t port)
{
    for (size_t i = 0; i < e->n_ports; i++)
        if (e->ports[i] == port)
            return true;
    return false;
}

bool policy_endpoint_takes_host(const struct sluice_endpoint *e, const struct policy_request *r)
{
    if (!has_port(e, r->port))
        return false;
    return *e->host ? policy_host_match(e->host, r->host) : e->n_allowed_ips > 0;
}

static bool binary_matches(const struct sluice_rule *rule, const char *path)
{
    for (size_t i = 0; i < rule->n_binaries; i++)
        if (policy_binary_match(rule->binaries[i]->path, path))
            return true;
    return false;
}

/* The nearest that the rule names by its own path. */
static const char *named_caller(const struct sluice_rule *rule, const struct policy_request *r)
{
    if (binary_matches(rule, r->binary))
        return r->binary;
    for (size_t i = 0; i < r->n_ancestors; i++)
        if (binary_matches(rule, r->ancestors[i]))
            return r->ancestors[i];
    return NULL;
}

bool policy_link_leads_to(const struct policy_link *link, const struct policy_request *r)
{
    if (strcmp(link->program, r->binary) == 0)
        return true;
    for (size_t i = 0; i < r->n_ancestors; i++)
        if (strcmp(link->program, r->ancestors[i]) == 0)
            return true;
    return false;
}

static bool has_path(const struct sluice_rule *rule, const char *path)
{
    for (size_t i = 0; i < rule->n_binaries; i++)
        if (strcmp(rule->binaries[i]->path, path) == 0)
            return true;
    return false;
}

static const struct policy_link *find_link(const struct sluice_rule *rule,
                                           const struct policy_request *r)
{
    for (size_t i = 0; i < r->n_links; i++)
        if (policy_link_leads_to(&r->links[i], r) && has_path(rule, r->links[i].path))
            return &r->links[i];
    return NULL;
}

static bool is_closed(const struct sluice_rule *rule, const struct policy_request *r)
{
    for (size_t i = 0; i < r->n_closed; i++)
        if (strcmp(rule->key, r->closed[i]) == 0)
            return true;
    return false;
}

bool policy_rule_takes_caller(const struct sluice_rule *rule, const struct policy_request *request)
{
    return !is_closed(rule, request) &&
           (named_caller(rule, request) || find_link(rule, request));
}

const char *policy_rule_program(const struct sluice_rule *rule,
                                const struct policy_request *request)
{
    const char *named = named_caller(rule, request);
    const struct policy_link *link = named ? NULL : find_link(rule, request);
    return link ? link->path : named;
}

const struct policy_link *policy_rule_link(const struct sluice_rule *rule,
                                           const struct policy_request *request)
{
    return named_caller(rule, request) ? NULL : find_link(rule, request);
}

bool policy_rule_opens(const struct sluice_rule *rule, const struct policy_request *request)
{
    for (size_t i = 0; i < rule->n_endpoints; i++)
        if (policy_endpoint_takes_host(rule->endpoints[i], request))
            return true;
    return false;
}

/* An endpoint that asks for more than to be let through is the one to obey. */
static bool asks_more(const struct sluice_endpoint *e)
{
    return (*e->protocol && strcmp(e->protocol, "tcp") != 0) || *e->tls || e->n_allowed_ips > 0;
}

static void take(const struct sluice_rule *rule, const struct policy_request *r,
                 struct policy_decision *out)
{
    for (size_t i = 0; i < rule->n_endpoints; i++) {
        const struct sluice_endpoint *e = rule->endpoints[i];
        if (!policy_endpoint_takes_host(e, r))
            continue;
        if (!out->endpoint || (!asks_more(out->endpoint) && asks_more(e)))
            out->endpoint = e;
        out->exact_host |= *e->host && !strchr(e->host, '*') && !e->public_only;
    }
    if (!out->rule)
        out->rule = rule;
    out->allowed = true;
}

static void add_reason(struct buf *reason, const struct sluice_rule *rule,
                       const struct policy_request *r)
{
    buf_printf(reason, "%sbinary '%s' not allowed in policy '%s' (ancestors: [",
               reason->len ? "; " : "", r->binary, rule->key);
    for (size_t i = 0; i < r->n_ancestors; i++)
        buf_printf(reason, "%s%s", i ? " -> " : "", r->ancestors[i]);
    buf_puts(reason, "])");
}

static void explain(const struct sluice_policy *policy, const struct policy_request *r,
                    struct buf *reason)
{
    struct buf text = {0};
    for (size_t i = 0; i < policy->n_rules; i++)
        if (!policy_rule_opens(policy->rules[i], r))
            continue;
        else if (is_closed(policy->rules[i], r))
            buf_printf(&text, "%srule '%s' is not open to it: its grant is used up, or for the "
                       "process tree of another process", text.len ? "; " : "",
                       policy->rules[i]->key);
        else
            add_reason(&text, policy->rules[i], r);
    bool v6 = strchr(r->host, ':') != NULL;
    if (policy->n_rules == 0)
        buf_puts(&text, "network connections not allowed by policy");
    else if (text.len == 0)
        buf_printf(&text, "endpoint %s%s%s:%u is not allowed by any policy", v6 ? "[" : "", r->host,
                   v6 ? "]" : "", r->port);
    buf_add(reason, buf_str(&text), text.len);
    buf_free(&text);
}

void policy_match(const struct sluice_policy *policy, const struct policy_request *request,
                  struct policy_decision *out, struct buf *reason)
{
    *out = (struct policy_decision){0};
    for (size_t i = 0; i < policy->n_rules; i++)
        if (policy_rule_opens(policy->rules[i], request) &&
            policy_rule_takes_caller(policy->rules[i], request))
            take(policy->rules[i], request, out);
    if (!out->allowed && reason)
        explain(policy, request, reason);
}
