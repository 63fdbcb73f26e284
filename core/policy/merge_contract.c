/* SPDX-License-Identifier: Apache-2.0 */
/* One host and port is inspected in one way: 6.5 of reference/policy.md. */
#include <string.h>

#include "policy/merge_parts.h"

static bool is_mcp(const struct sluice_endpoint *e)
{
    return strcmp(e->protocol, "mcp") == 0;
}

static uint32_t body_bytes(const struct sluice_endpoint *e)
{
    enum { BODY_BYTES = 65536 };
    return e->mcp && e->mcp->max_body_bytes ? e->mcp->max_body_bytes : BODY_BYTES;
}

const char *merge_contract(struct merge *m, const struct sluice_endpoint *e)
{
    if (!*e->protocol)
        return NULL;
    if (!is_mcp(e))
        return arena_printf(m->arena, "non-mcp(protocol='%s')", e->protocol);
    bool strict = !e->mcp || e->mcp->strict_tool_names;
    bool all = e->mcp && e->mcp->allow_all_known_mcp_methods;
    return arena_printf(m->arena, "mcp(strict_tool_names=%s, allow_all_known_mcp_methods=%s, "
                        "max_body_bytes=%u)", strict ? "true" : "false", all ? "true" : "false",
                        body_bytes(e));
}

bool merge_contracts_conflict(struct merge *m, const struct sluice_endpoint *a,
                              const struct sluice_endpoint *b)
{
    if (!is_mcp(a) && !is_mcp(b))
        return false;
    const char *x = merge_contract(m, a), *y = merge_contract(m, b);
    return x && y && strcmp(x, y) != 0;
}

/* An endpoint of the rules that cannot stand beside e on this port, or NULL. */
static const struct sluice_endpoint *rival(struct merge *m, const struct sluice_rule *const *rules,
                                           size_t n, const struct sluice_endpoint *e, uint16_t port)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < rules[i]->n_endpoints; j++) {
            const struct sluice_endpoint *other = rules[i]->endpoints[j];
            if (merge_same_host(e->host, other->host) && merge_has_port(other, port)
                && merge_contracts_conflict(m, e, other))
                return other;
        }
    }
    return NULL;
}

static int check_port(struct merge *m, const struct sluice_policy *base, const struct sluice_endpoint *e,
                      uint16_t port)
{
    const struct sluice_endpoint *other = rival(m, m->rules, m->n_rules, e, port);
    if (!other || (rival(m, base->rules, base->n_rules, e, port) && rival(m, base->rules, base->n_rules, other, port)))
        return 0;
    return problems_add(m->problems, "operations", 0, 0, "%s:%u would carry more than one L7 inspection "
                        "contract (%s, %s); the sandbox resolves one contract per host and port, so these "
                        "cannot coexist even in different rules or under different paths", e->host, port,
                        merge_contract(m, e), merge_contract(m, other));
}

static int check_endpoint(struct merge *m, const struct sluice_policy *base, const struct sluice_endpoint *e)
{
    for (size_t i = 0; i < e->n_ports && is_mcp(e); i++)
        if (check_port(m, base, e, e->ports[i]) != 0)
            return -1;
    return 0;
}

int merge_check_contracts(struct merge *m, const struct sluice_policy *base)
{
    for (size_t i = 0; i < m->n_rules; i++)
        for (size_t j = 0; j < m->rules[i]->n_endpoints; j++)
            if (check_endpoint(m, base, m->rules[i]->endpoints[j]) != 0)
                return -1;
    return 0;
}
