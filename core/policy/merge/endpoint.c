/* SPDX-License-Identifier: Apache-2.0 */
/* Two endpoints of one host and path become one.  What only one of them says is kept; what both say
 * must be the same, since neither can be dropped. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "policy/merge/merge.h"
#include "policy/merge/merge_parts.h"

static size_t name_length(const char *host)
{
    size_t len = strlen(host);
    return len > 1 && host[len - 1] == '.' ? len - 1 : len;
}

bool merge_same_host(const char *a, const char *b)
{
    size_t len = name_length(a);
    return len == name_length(b) && strncasecmp(a, b, len) == 0;
}

bool merge_has_port(const struct sluice_endpoint *e, uint16_t port)
{
    for (size_t i = 0; i < e->n_ports; i++)
        if (e->ports[i] == port)
            return true;
    return false;
}

static struct sluice_endpoint *copy_of(struct merge *m, const struct sluice_endpoint *e)
{
    struct sluice_endpoint *copy = arena_alloc(m->arena, sizeof *copy);
    *copy = *e;
    return copy;
}

static int by_number(const void *a, const void *b)
{
    return *(const uint16_t *)a - *(const uint16_t *)b;
}

struct sluice_endpoint *merge_with_ports(struct merge *m, const struct sluice_endpoint *e,
                                         const uint16_t *ports, size_t n)
{
    struct sluice_endpoint *copy = copy_of(m, e);
    uint16_t *own = arena_alloc(m->arena, (n + 1) * sizeof *own);
    size_t kept = 0;
    if (n)
        memcpy(own, ports, n * sizeof *own);
    qsort(own, n, sizeof *own, by_number);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || own[kept - 1] != own[i])
            own[kept++] = own[i];
    copy->ports = own;
    copy->n_ports = kept;
    return copy;
}

bool merge_same_content(const struct sluice_endpoint *a, const struct sluice_endpoint *b)
{
    struct sluice_endpoint x = *a, y = *b;
    if (a == b)
        return true;
    struct buf text_x = {0}, text_y = {0};
    x.n_ports = y.n_ports = 0;
    x.host = y.host = "";
    schema_encode_json(&policy_endpoint_schema, &x, &text_x);
    schema_encode_json(&policy_endpoint_schema, &y, &text_y);
    bool same = strcmp(buf_str(&text_x), buf_str(&text_y)) == 0;
    buf_free(&text_x);
    buf_free(&text_y);
    return same;
}

const char *merge_port_list(struct merge *m, const uint16_t *ports, size_t n)
{
    const char *list = "";
    for (size_t i = 0; i < n; i++)
        list = arena_printf(m->arena, "%s%s%u", list, i ? ", " : "", ports[i]);
    return list;
}

const char *merge_site(struct merge *m, const struct sluice_endpoint *e)
{
    const char *ports = merge_port_list(m, e->ports, e->n_ports);
    return arena_printf(m->arena, e->n_ports == 1 ? "%s:%s" : "%s:[%s]", e->host, ports);
}

/* Fields that are kept when only one endpoint has them. */

#define TEXT(name, member) {name, offsetof(struct sluice_endpoint, member)}

static const struct {
    const char *name;
    size_t offset;                                  /* of a const char * */
} texts[] = {
    TEXT("protocol", protocol),
    TEXT("tls", tls),
    TEXT("enforcement", enforcement),
    TEXT("persisted_queries", persisted_queries),
    TEXT("credential_signing", credential_signing),
    TEXT("signing_service", signing_service),
    TEXT("signing_region", signing_region),
    TEXT("credential_binding", credential_provider),
};

static const size_t flags[] = {
    offsetof(struct sluice_endpoint, allow_encoded_slash),
    offsetof(struct sluice_endpoint, websocket_credential_rewrite),
    offsetof(struct sluice_endpoint, request_body_credential_rewrite),
    offsetof(struct sluice_endpoint, allow_uninspected_credentials),
};

#undef TEXT

static const char **text_at(struct sluice_endpoint *e, size_t offset)
{
    return (const char **)(void *)((char *)e + offset);
}

static void *differs(struct merge *m, struct merge_conflict *conflict,
                     const struct sluice_endpoint *into, const char *field, const char *was,
                     const char *is)
{
    return merge_refuse(m, conflict, MERGE_FIELD,
                        "endpoint %s has %s '%s', the operation says '%s'; replace "
                        "the policy to change it",
                        merge_site(m, into), field, was, is);
}

/* Both are kept on their own: one that is merged into the other would lose its limit or impose
 * it. */
static bool same_reach(struct merge *m, const struct sluice_endpoint *into,
                       const struct sluice_endpoint *from, struct merge_conflict *conflict)
{
    static const char *const words[] = {"false", "true"};
    if (into->public_only == from->public_only)
        return true;
    return differs(m, conflict, into, "public_only", words[into->public_only],
                   words[from->public_only]);
}

static bool fill_texts(struct merge *m, struct sluice_endpoint *into,
                       const struct sluice_endpoint *from, struct merge_conflict *conflict)
{
    struct sluice_endpoint source = *from;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const char **own = text_at(into, texts[i].offset),
                   *more = *text_at(&source, texts[i].offset);
        if (!*more)
            continue;
        if (**own && strcmp(*own, more) != 0)
            return differs(m, conflict, into, texts[i].name, *own, more);
        *own = more;
    }
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        *((bool *)into + flags[i]) |= *((bool *)&source + flags[i]);
    return true;
}

static uint32_t mcp_bytes(const struct sluice_endpoint *e)
{
    return e->mcp ? e->mcp->max_body_bytes : 0;
}

static bool fill_limits(struct merge *m, struct sluice_endpoint *into,
                        const struct sluice_endpoint *from, struct merge_conflict *conflict)
{
    uint32_t own = into->graphql_max_body_bytes, more = from->graphql_max_body_bytes;
    if (own && more && own != more)
        return differs(m, conflict, into, "graphql_max_body_bytes",
                       arena_printf(m->arena, "%u", own), arena_printf(m->arena, "%u", more));
    if (more)
        into->graphql_max_body_bytes = more;
    if (into->json_rpc && from->json_rpc &&
        into->json_rpc->max_body_bytes != from->json_rpc->max_body_bytes)
        return differs(m, conflict, into, "json_rpc.max_body_bytes",
                       arena_printf(m->arena, "%u", into->json_rpc->max_body_bytes),
                       arena_printf(m->arena, "%u", from->json_rpc->max_body_bytes));
    if (!into->json_rpc)
        into->json_rpc = from->json_rpc;
    /* Contracts were compared before: what differs now is only whether it is written. */
    if (!into->mcp || (!mcp_bytes(into) && mcp_bytes(from)))
        into->mcp = from->mcp ? from->mcp : into->mcp;
    return true;
}

/* Lists. */

static bool has_text(const char *const *list, size_t n, const char *text)
{
    for (size_t i = 0; i < n; i++)
        if (strcasecmp(list[i], text) == 0)
            return true;
    return false;
}

static void add_addresses(struct merge *m, struct sluice_endpoint *into,
                          const struct sluice_endpoint *from)
{
    size_t n = into->n_allowed_ips;
    const char **all = arena_alloc(m->arena, (n + from->n_allowed_ips + 1) * sizeof *all);
    if (n == 0 && from->n_allowed_ips)
        merge_warn(m, "",
                   "endpoint %s could resolve to any address; from now on only to its allowed_ips",
                   merge_site(m, into));
    if (n)
        memcpy(all, into->allowed_ips, n * sizeof *all);
    for (size_t i = 0; i < from->n_allowed_ips; i++)
        if (!has_text(all, n, from->allowed_ips[i]))
            all[n++] = from->allowed_ips[i];
    into->allowed_ips = n ? all : NULL;
    into->n_allowed_ips = n;
}

static const struct sluice_persisted_query *find_query(const struct sluice_endpoint *e,
                                                       const char *id)
{
    for (size_t i = 0; i < e->n_graphql_persisted_queries; i++)
        if (strcmp(e->graphql_persisted_queries[i]->id, id) == 0)
            return e->graphql_persisted_queries[i];
    return NULL;
}

static bool same_query(const struct sluice_persisted_query *a,
                       const struct sluice_persisted_query *b)
{
    if (strcmp(a->operation_type, b->operation_type) != 0 || a->n_fields != b->n_fields
        || strcmp(a->operation_name, b->operation_name) != 0)
        return false;
    for (size_t i = 0; i < a->n_fields; i++)
        if (strcmp(a->fields[i], b->fields[i]) != 0)
            return false;
    return true;
}

static bool add_queries(struct merge *m, struct sluice_endpoint *into,
                        const struct sluice_endpoint *from, struct merge_conflict *conflict)
{
    size_t n = into->n_graphql_persisted_queries;
    const struct sluice_persisted_query **all =
        arena_alloc(m->arena, (n + from->n_graphql_persisted_queries + 1) * sizeof *all);
    if (n)
        memcpy(all, into->graphql_persisted_queries, n * sizeof *all);
    for (size_t i = 0; i < from->n_graphql_persisted_queries; i++) {
        const struct sluice_persisted_query *more = from->graphql_persisted_queries[i];
        const struct sluice_persisted_query *own = find_query(into, more->id);
        if (own && !same_query(own, more))
            return differs(m, conflict, into, "graphql_persisted_queries", own->id,
                           "another query of that id");
        if (!own)
            all[n++] = more;
    }
    into->graphql_persisted_queries = n ? all : NULL;
    into->n_graphql_persisted_queries = n;
    return true;
}

/* What is allowed: presets and explicit rules of two endpoints add up as explicit rules. */

static bool expand(struct merge *m, const struct sluice_endpoint *into, const char *access,
                   const struct sluice_l7_rule *const **rules, size_t *n,
                   struct merge_conflict *conflict)
{
    *rules = merge_preset(m, into->protocol, access, n);
    if (!*rules)
        return merge_refuse(m, conflict, MERGE_FIELD,
                            "endpoint %s uses access preset '%s', which has no "
                            "explicit form for protocol '%s' to which rules could be added",
                            merge_site(m, into), access, into->protocol);
    merge_warn(m, "", "expanded access preset '%s' to explicit rules for endpoint %s", access,
               merge_site(m, into));
    return true;
}

static bool add_allowed(struct merge *m, struct sluice_endpoint *into,
                        const struct sluice_endpoint *from, struct merge_conflict *conflict)
{
    const struct sluice_l7_rule *const *more = from->rules;
    size_t n_more = from->n_rules;
    if (*from->access && *into->access && strcmp(from->access, into->access) != 0)
        return differs(m, conflict, into, "access", into->access, from->access);
    if (*from->access && !*into->access && into->n_rules == 0) {
        into->access = from->access;
        return true;
    }
    if (*from->access && into->n_rules && !expand(m, into, from->access, &more, &n_more, conflict))
        return false;
    if (n_more == 0)
        return true;
    if (*into->access && !expand(m, into, into->access, &into->rules, &into->n_rules, conflict))
        return false;
    into->access = "";
    into->rules = merge_requests(m, into->rules, into->n_rules, more, n_more, &into->n_rules);
    return true;
}

static void warn_of_promotion(struct merge *m, const struct sluice_endpoint *into,
                              const struct sluice_endpoint *from)
{
    if (!*into->protocol && *from->protocol)
        merge_warn(m, "", "endpoint %s let everything through; from now on it is inspected as %s",
                   merge_site(m, into), from->protocol);
    else if (*into->protocol && !*from->protocol)
        merge_warn(m, "", "endpoint %s stays inspected as %s", merge_site(m, into), into->protocol);
}

const struct sluice_endpoint *merge_endpoints(struct merge *m, const struct sluice_endpoint *into,
                                              const struct sluice_endpoint *from,
                                              struct merge_conflict *conflict)
{
    struct sluice_endpoint *merged = copy_of(m, into);
    if (merge_contracts_conflict(into, from))
        return merge_refuse(m, conflict, MERGE_CONTRACT,
                            "cannot combine MCP contracts at %s: existing %s, "
                            "incoming %s",
                            merge_site(m, into), merge_contract(m, into), merge_contract(m, from));
    if (!same_reach(m, merged, from, conflict) || !fill_texts(m, merged, from, conflict) ||
        !fill_limits(m, merged, from, conflict) || !add_queries(m, merged, from, conflict) ||
        !add_allowed(m, merged, from, conflict))
        return NULL;
    warn_of_promotion(m, into, from);
    add_addresses(m, merged, from);
    merged->deny_rules =
        merge_requests(m, merged->deny_rules, merged->n_deny_rules, from->deny_rules,
                       from->n_deny_rules, &merged->n_deny_rules);
    return merged;
}
