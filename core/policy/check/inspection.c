/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the inspection that an endpoint asks for is whole.  The request rules themselves are
 * checked in check_requests.c. */
#include <stdint.h>
#include <string.h>

#include "policy/check/check_parts.h"
#include "policy/check/protocol.h"

#define FIELD(name, kind, member, protocols) \
    {name, CHECK_##kind, offsetof(struct sluice_endpoint, member), protocols}

/* The first three are what tcp has nothing like; check_tcp() counts on their order. */
static const struct check_field fields[] = {
    FIELD("access", TEXT, access, CHECK_REST | CHECK_WEBSOCKET | CHECK_GRAPHQL | CHECK_SQL),
    FIELD("rules", COUNT, n_rules, CHECK_INSPECTED),
    FIELD("deny_rules", COUNT, n_deny_rules, CHECK_INSPECTED),
    FIELD("enforcement", TEXT, enforcement, CHECK_INSPECTED),
    FIELD("path", TEXT, path, CHECK_HTTP),
    FIELD("allow_encoded_slash", FLAG, allow_encoded_slash, CHECK_HTTP),
    FIELD("websocket_credential_rewrite", FLAG, websocket_credential_rewrite,
          CHECK_REST | CHECK_WEBSOCKET),
    FIELD("request_body_credential_rewrite", FLAG, request_body_credential_rewrite, CHECK_REST),
    FIELD("persisted_queries", TEXT, persisted_queries, CHECK_GRAPHQL | CHECK_WEBSOCKET),
    FIELD("graphql_persisted_queries", COUNT, n_graphql_persisted_queries,
          CHECK_GRAPHQL | CHECK_WEBSOCKET),
    FIELD("graphql_max_body_bytes", NUMBER, graphql_max_body_bytes,
          CHECK_GRAPHQL | CHECK_WEBSOCKET),
    FIELD("json_rpc", POINTER, json_rpc, CHECK_JSON_RPC | CHECK_MCP),
    FIELD("mcp", POINTER, mcp, CHECK_MCP),
    {0},
};

#undef FIELD

/* What a protocol says to an access preset, and to an endpoint with neither preset nor rules. */
static const struct protocol {
    const char *name;
    enum check_protocol id;
    const char *with_access, *with_nothing;
} protocols[] = {
    {"tcp", CHECK_TCP, NULL, NULL},
    {"rest", CHECK_REST, NULL, "protocol requires rules or access to define allowed traffic"},
    {"websocket", CHECK_WEBSOCKET, NULL,
     "protocol requires rules or access to define allowed traffic"},
    {"graphql", CHECK_GRAPHQL, NULL, "protocol requires rules or access to define allowed traffic"},
    {"sql", CHECK_SQL, NULL, "protocol requires rules or access to define allowed traffic"},
    {"json-rpc", CHECK_JSON_RPC,
     "protocol json-rpc does not support access presets; use explicit rules with allow.method such "
     "as \"*\"",
     "protocol json-rpc requires explicit rules with allow.method"},
    {"mcp", CHECK_MCP,
     "protocol mcp does not support access presets; use rules/deny_rules or set "
     "mcp.allow_all_known_mcp_methods: true for an allow-all MCP policy",
     "protocol mcp requires rules when mcp.allow_all_known_mcp_methods is false"},
};

static const struct protocol *find_protocol(const char *name)
{
    for (size_t i = 0; i < sizeof protocols / sizeof protocols[0]; i++)
        if (check_is(protocols[i].name, name))
            return &protocols[i];
    return NULL;
}

int check_protocol(const char *name)
{
    const struct protocol *protocol = find_protocol(name);
    return !*name ? CHECK_PLAIN : protocol ? (int)protocol->id : -1;
}

bool check_is_set(const struct check_field *field, const void *record)
{
    const void *at = (const char *)record + field->offset;
    switch (field->kind) {
    case CHECK_TEXT:
        return **(const char *const *)at != '\0';
    case CHECK_FLAG:
        return *(const bool *)at;
    case CHECK_NUMBER:
        return *(const uint32_t *)at != 0;
    case CHECK_COUNT:
        return *(const size_t *)at != 0;
    case CHECK_POINTER:
        return *(const void *const *)at != NULL;
    }
    return false;
}

static bool selects_every_path(const char *path)
{
    return !*path || check_is(path, "**") || check_is(path, "/**");
}

/* Plain endpoints. */

static bool allows_every_request(const struct sluice_endpoint *e)
{
    for (size_t i = 0; i < e->n_rules; i++)
        if (check_is(e->rules[i]->method, "*") && *e->rules[i]->path
            && selects_every_path(e->rules[i]->path) && e->rules[i]->n_query == 0)
            return true;
    return false;
}

/* The author meant to let less through than the endpoint does. */
static bool narrows(const struct check_field *field, const struct sluice_endpoint *e)
{
    if (check_is(field->name, "access"))
        return !check_is(e->access, "full");
    if (check_is(field->name, "path"))
        return !selects_every_path(e->path);
    if (check_is(field->name, "rules"))
        return !allows_every_request(e);
    return check_is(field->name, "deny_rules");
}

/* Written out of habit: what is let through unseen is let through in full, and refused for good. */
static bool is_harmless(const struct check_field *field, const struct sluice_endpoint *e)
{
    return (check_is(field->name, "enforcement") && check_is(e->enforcement, "enforce"))
        || (check_is(field->name, "path") && selects_every_path(e->path))
        || (check_is(field->name, "access") && check_is(e->access, "full"));
}

static void check_plain(struct check *c, const struct sluice_endpoint *e)
{
    for (const struct check_field *f = fields; f->name; f++) {
        if (!check_is_set(f, e) || is_harmless(f, e))
            continue;
        if (narrows(f, e))
            check_problem(c, e->doc_path, f->name,
                          "%s has no effect without protocol, so the endpoint "
                          "would let everything through; add a protocol such as rest, or remove %s",
                          f->name, f->name);
        else
            check_warning(c, e->doc_path, f->name, "%s has no effect without protocol", f->name);
    }
}

static void check_tcp(struct check *c, const struct sluice_endpoint *e)
{
    const char *list = "";
    if (*e->access || e->n_rules || e->n_deny_rules)
        check_problem(c, e->doc_path, "",
                      "protocol tcp does not support access, rules, or deny_rules; "
                      "remove those L7 fields");
    for (const struct check_field *f = fields; f->name; f++)
        if (f >= fields + 3 && check_is_set(f, e))
            list = arena_printf(c->arena, "%s%s%s", list, *list ? ", " : "", f->name);
    if (*list)
        check_problem(c, e->doc_path, "",
                      "protocol tcp does not support L7-only fields: %s; remove "
                      "those fields",
                      list);
}

/* Inspected endpoints. */

static bool allows_all_methods(const struct sluice_endpoint *e)
{
    return e->mcp && e->mcp->allow_all_known_mcp_methods;
}

static bool is_empty(const struct sluice_l7_rule *r)
{
    return !*r->method && !*r->path && !*r->command && !*r->operation_type && !*r->operation_name
        && r->n_fields == 0 && r->n_params == 0;
}

static bool all_empty(const struct sluice_endpoint *e)
{
    for (size_t i = 0; i < e->n_rules; i++)
        if (!is_empty(e->rules[i]))
            return false;
    return e->n_rules > 0;
}

static void check_base(struct check *c, const struct sluice_endpoint *e, const struct protocol *p)
{
    bool all = p->id == CHECK_MCP && allows_all_methods(e), none = !e->n_rules && !*e->access;
    if (e->n_rules && *e->access)
        check_problem(c, e->doc_path, "access", "rules and access are mutually exclusive");
    if (*e->access && p->with_access)
        check_problem(c, e->doc_path, "access", "%s", p->with_access);
    if (none && !all && p->with_nothing)
        check_problem(c, e->doc_path, "", "%s", p->with_nothing);
    if (all_empty(e) && !all)
        check_problem(c, e->doc_path, "rules",
                      "rules would deny all traffic (no allow clause found). "
                      "Use `access: full` or add allow clauses to rules.");
    if (e->n_deny_rules && none && p->id != CHECK_MCP)
        check_problem(c, e->doc_path, "deny_rules",
                      "deny_rules require rules or access to define the base allow set");
}

static void check_enforcement(struct check *c, const struct sluice_endpoint *e,
                              const struct protocol *p)
{
    if (p->id == CHECK_SQL && check_is(e->enforcement, "enforce"))
        check_problem(c, e->doc_path, "enforcement",
                      "SQL enforcement requires full SQL parsing; use enforcement: audit");
    else if (!*e->enforcement && p->id != CHECK_SQL)
        check_warning(
            c, e->doc_path, "enforcement",
            "enforcement is not written and means audit: what "
            "no rule allows is logged and let through; write enforcement: enforce to refuse it");
    for (size_t i = 0; i < e->n_ports; i++)
        if (check_is(e->tls, "skip") && e->ports[i] == 443)
            check_warning(c, e->doc_path, "tls",
                          "tls: skip hides the requests on port 443 from protocol %s",
                          p->name);
}

static void check_strays(struct check *c, const struct sluice_endpoint *e, const struct protocol *p)
{
    for (const struct check_field *f = fields; f->name; f++) {
        if ((f->protocols & p->id) || !check_is_set(f, e) || check_is(f->name, "access"))
            continue;
        if (check_is(f->name, "mcp"))
            check_problem(c, e->doc_path, f->name, "mcp options are only valid for protocol mcp");
        else
            check_warning(c, e->doc_path, f->name, "%s has no effect on protocol %s", f->name,
                          p->name);
    }
}

static void check_inspected(struct check *c, const struct sluice_endpoint *e,
                            const struct protocol *p)
{
    check_base(c, e, p);
    check_enforcement(c, e, p);
    check_strays(c, e, p);
    if (check_path_length(c, e->doc_path, "path", e->path) && *e->path && e->path[0] != '/' &&
        !check_is(e->path, "**"))
        check_problem(c, e->doc_path, "path",
                      "endpoint path must start with '/' or be '**', got '%s'",
                      check_shown(c, e->path));
}

void check_inspection(struct check *c, const struct sluice_endpoint *e)
{
    const struct protocol *p = find_protocol(e->protocol);
    if (!*e->protocol)
        check_plain(c, e);
    else if (!p)
        check_problem(c, e->doc_path, "protocol",
                      "unknown protocol '%s' (expected tcp, rest, websocket, "
                      "graphql, sql, json-rpc, or mcp)",
                      check_shown(c, e->protocol));
    else if (p->id == CHECK_TCP)
        check_tcp(c, e);
    else
        check_inspected(c, e, p);
}
