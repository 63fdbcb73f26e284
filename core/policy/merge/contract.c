/* SPDX-License-Identifier: Apache-2.0 */
/* One host and port is inspected in one way. */
#include <string.h>

#include "policy/merge/merge.h"
#include "policy/merge/merge_parts.h"

/* The part of an endpoint that says how its requests are read. */
struct contract {
    bool mcp, strict, all;
    uint32_t bytes;
};

static bool is_mcp(const struct sluice_endpoint *e)
{
    return strcmp(e->protocol, "mcp") == 0;
}

static struct contract contract_of(const struct sluice_endpoint *e)
{
    enum { BODY_BYTES = 65536 };
    struct contract c = {is_mcp(e), true, false, BODY_BYTES};
    if (!e->mcp)
        return c;
    c.strict = e->mcp->strict_tool_names;
    c.all = e->mcp->allow_all_known_mcp_methods;
    c.bytes = e->mcp->max_body_bytes ? e->mcp->max_body_bytes : BODY_BYTES;
    return c;
}

const char *merge_contract(struct merge *m, const struct sluice_endpoint *e)
{
    struct contract c = contract_of(e);
    if (!c.mcp)
        return arena_printf(m->arena, "non-mcp(protocol='%s')", e->protocol);
    return arena_printf(m->arena,
                        "mcp(strict_tool_names=%s, allow_all_known_mcp_methods=%s, "
                        "max_body_bytes=%u)",
                        c.strict ? "true" : "false", c.all ? "true" : "false", c.bytes);
}

/* What is not inspected stands beside anything, and so do contracts of which none is for MCP. */
bool merge_contracts_conflict(const struct sluice_endpoint *a, const struct sluice_endpoint *b)
{
    if (!*a->protocol || !*b->protocol || (!is_mcp(a) && !is_mcp(b)))
        return false;
    struct contract x = contract_of(a), y = contract_of(b);
    return x.mcp != y.mcp || x.strict != y.strict || x.all != y.all || x.bytes != y.bytes;
}

/* An endpoint of the rules that cannot stand beside e on this port, or NULL. */
static const struct sluice_endpoint *rival(const struct sluice_rule *const *rules, size_t n,
                                           const struct sluice_endpoint *e, uint16_t port)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < rules[i]->n_endpoints; j++) {
            const struct sluice_endpoint *other = rules[i]->endpoints[j];
            if (merge_same_host(e->host, other->host) && merge_has_port(other, port)
                && merge_contracts_conflict(e, other))
                return other;
        }
    }
    return NULL;
}

static int check_port(struct merge *m, const struct sluice_policy *base,
                      const struct sluice_endpoint *e, uint16_t port)
{
    const struct sluice_endpoint *other = rival(m->rules, m->n_rules, e, port);
    if (!other || (rival(base->rules, base->n_rules, e, port) &&
                   rival(base->rules, base->n_rules, other, port)))
        return 0;
    return problems_add(
        m->problems, "operations", 0, 0,
        "%s:%u would carry more than one L7 inspection "
        "contract (%s, %s); the sandbox resolves one contract per host and port, so these "
        "cannot coexist even in different rules or under different paths",
        e->host, port, merge_contract(m, e), merge_contract(m, other));
}

static int check_endpoint(struct merge *m, const struct sluice_policy *base,
                          const struct sluice_endpoint *e)
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
