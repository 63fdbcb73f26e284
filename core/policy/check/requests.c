/* SPDX-License-Identifier: Apache-2.0 */
/* The rules and deny rules of inspected endpoints, each protocol by its own grammar. */
#include <string.h>
#include <strings.h>

#include "base/glob.h"
#include "policy/check/check_parts.h"
#include "policy/check/protocol.h"

#define FIELD(name, kind, member, protocols) \
    {name, CHECK_##kind, offsetof(struct sluice_l7_rule, member), protocols}

static const struct check_field fields[] = {
    FIELD("method", TEXT, method, CHECK_REST | CHECK_WEBSOCKET | CHECK_JSON_RPC | CHECK_MCP),
    FIELD("path", TEXT, path, CHECK_REST | CHECK_WEBSOCKET),
    FIELD("query", COUNT, n_query, CHECK_REST | CHECK_WEBSOCKET),
    FIELD("command", TEXT, command, CHECK_SQL),
    FIELD("operation_type", TEXT, operation_type, CHECK_GRAPHQL | CHECK_WEBSOCKET),
    FIELD("operation_name", TEXT, operation_name, CHECK_GRAPHQL | CHECK_WEBSOCKET),
    FIELD("fields", COUNT, n_fields, CHECK_GRAPHQL | CHECK_WEBSOCKET),
    FIELD("params", COUNT, n_params, CHECK_MCP),
    {0},
};

#undef FIELD

/* One rule where it stands. */
struct place {
    struct check *c;
    const struct sluice_endpoint *endpoint;
    const struct sluice_l7_rule *rule;
    bool deny;
};

/* A rule that never matches closes what should be open, or, when it denies, leaves open what should
 * be closed: only the first is something an author may shrug at. */
static void check_never(const struct place *at, const char *field, const char *why)
{
    if (at->deny)
        check_problem(at->c, at->rule->doc_path, field, "%s, so this deny rule never matches", why);
    else
        check_warning(at->c, at->rule->doc_path, field, "%s, so this rule allows nothing", why);
}

static bool is_one_of(const char *text, const char *const *words)
{
    for (; *words; words++)
        if (strcasecmp(text, *words) == 0)
            return true;
    return false;
}

static void check_glob(const struct place *at, const char *field, const char *glob)
{
    if (strpbrk(glob, "[]{}\\"))
        check_problem(at->c, at->rule->doc_path, field,
                      "'%s': [ ] { } and \\ have no meaning in a glob; "
                      "use * and ?, or list each value separately",
                      check_shown(at->c, glob));
}

static void check_matchers(const struct place *at, const char *field,
                           const struct sluice_matcher *const *matchers, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < matchers[i]->n_any; j++)
            check_glob(at, field, matchers[i]->any[j]);
}

/* HTTP. */

static void check_http(const struct place *at, const char *const *methods)
{
    const struct sluice_l7_rule *r = at->rule;
    if (!*r->method)
        check_never(at, "method", "method is not written; write \"*\" for every method");
    else if (!is_one_of(r->method, methods))
        check_warning(at->c, r->doc_path, "method", "unknown method '%s'",
                      check_shown(at->c, r->method));
    if (!*r->path)
        check_never(at, "path", "path is not written; write \"**\" for every path");
    else if (r->path[0] != '/' && strncmp(r->path, "**", 2) != 0)
        check_never(at, "path", "request paths begin with '/'");
    if (check_path_length(at->c, r->doc_path, "path", r->path))
        check_glob(at, "path", r->path);
    check_matchers(at, "query", r->query, r->n_query);
}

static void check_rest(const struct place *at)
{
    static const char *const methods[] = {"GET",   "HEAD",    "POST", "PUT", "DELETE",
                                          "PATCH", "OPTIONS", "*",    NULL};
    check_http(at, methods);
}

/* GraphQL, also within WebSocket messages. */

static bool has_operation(const struct sluice_l7_rule *r)
{
    return *r->operation_type || *r->operation_name || r->n_fields > 0;
}

static void check_graphql(const struct place *at)
{
    static const char *const types[] = {"query", "mutation", "subscription", "*", NULL};
    const struct sluice_l7_rule *r = at->rule;
    if (!is_one_of(r->operation_type, types))
        check_problem(at->c, r->doc_path, "operation_type",
                      "operation_type must be query, mutation, subscription or \"*\", got '%s'",
                      check_shown(at->c, r->operation_type));
    check_glob(at, "operation_name", r->operation_name);
    for (size_t i = 0; i < r->n_fields; i++) {
        const char *field = check_item(at->c, "fields", i);
        if (!*r->fields[i])
            check_problem(at->c, r->doc_path, field, "must not be empty");
        check_glob(at, field, r->fields[i]);
    }
}

static bool speaks_graphql(const struct sluice_endpoint *e)
{
    for (size_t i = 0; i < e->n_rules; i++)
        if (has_operation(e->rules[i]))
            return true;
    for (size_t i = 0; i < e->n_deny_rules; i++)
        if (has_operation(e->deny_rules[i]))
            return true;
    return false;
}

static void check_websocket(const struct place *at)
{
    static const char *const methods[] = {"GET", "WEBSOCKET_TEXT", "*", NULL};
    const struct sluice_l7_rule *r = at->rule;
    if (!has_operation(r)) {
        check_http(at, methods);
        if (strcasecmp(r->method, "WEBSOCKET_TEXT") == 0 && speaks_graphql(at->endpoint))
            check_problem(at->c, r->doc_path, "method",
                          "WEBSOCKET_TEXT cannot stand beside rules for "
                          "GraphQL operations: each message is judged as one or the other");
        return;
    }
    check_graphql(at);
    if (*r->method || *r->path || r->n_query)
        check_problem(at->c, r->doc_path, "",
                      "a websocket rule cannot have method, path or query beside "
                      "operation_type, operation_name or fields; write two rules");
}

/* JSON-RPC and MCP. */

static void check_json_rpc(const struct place *at)
{
    const struct sluice_l7_rule *r = at->rule;
    if (!*r->method)
        check_problem(at->c, r->doc_path, "method",
                      "protocol json-rpc requires a method in every rule");
    else if (!check_is(r->method, "*") && strpbrk(r->method, "*?[]{}"))
        check_problem(at->c, r->doc_path, "method",
                      "a JSON-RPC method is matched as a whole; '%s' must be "
                      "\"*\" or a name without * ? [ ] { }",
                      check_shown(at->c, r->method));
}

static const char tool_method[] = "tools/call";

static const struct sluice_matcher *tool_of(const struct sluice_l7_rule *r)
{
    for (size_t i = 0; i < r->n_params; i++)
        if (check_is(r->params[i]->key, "name"))
            return r->params[i];
    return NULL;
}

static bool covers_every_tool(const struct sluice_l7_rule *r)
{
    bool calls = check_is(r->method, "*") || glob_match(r->method, tool_method, '/', 0);
    return calls && !tool_of(r);
}

static bool names_a_tool(const struct sluice_endpoint *e)
{
    for (size_t i = 0; i < e->n_rules; i++)
        if (tool_of(e->rules[i]))
            return true;
    return false;
}

static void check_mcp_method(const struct place *at)
{
    const struct sluice_mcp *mcp = at->endpoint->mcp;
    const char *method = at->rule->method;
    bool all = mcp && mcp->allow_all_known_mcp_methods;
    if (!*method && !all)
        check_problem(at->c, at->rule->doc_path, "method",
                      "protocol mcp requires a method in every rule "
                      "when mcp.allow_all_known_mcp_methods is false");
    else if (glob_has_wildcard(method) && !check_is(method, "*") &&
             strncmp(method, "tools/", 6) != 0)
        check_problem(at->c, at->rule->doc_path, "method",
                      "'%s': only methods below tools/ can be matched "
                      "by a glob",
                      check_shown(at->c, method));
    else if (tool_of(at->rule) && *method && !check_is(method, tool_method))
        check_problem(at->c, at->rule->doc_path, "method",
                      "a rule with a tool matches %s alone, got '%s'", tool_method,
                      check_shown(at->c, method));
}

static void check_tool(const struct place *at, const struct sluice_matcher *tool)
{
    const struct sluice_mcp *mcp = at->endpoint->mcp;
    bool strict = !mcp || mcp->strict_tool_names;
    for (size_t i = 0; i < tool->n_any; i++)
        if (!strict && glob_has_wildcard(tool->any[i]))
            check_problem(at->c, at->rule->doc_path, "tool",
                          "tool '%s' has a wildcard, which needs "
                          "mcp.strict_tool_names: true",
                          check_shown(at->c, tool->any[i]));
}

static void check_mcp(const struct place *at)
{
    const struct sluice_l7_rule *r = at->rule;
    check_mcp_method(at);
    check_matchers(at, "params", r->params, r->n_params);
    for (size_t i = 0; i < r->n_params; i++)
        if (!check_is(r->params[i]->key, "name"))
            check_problem(at->c, r->doc_path, "params",
                          "params.%s: MCP tool argument matching is not "
                          "supported yet",
                          check_shown(at->c, r->params[i]->key));
    if (tool_of(r))
        check_tool(at, tool_of(r));
    else if (covers_every_tool(r) && names_a_tool(at->endpoint))
        check_problem(at->c, r->doc_path, "method",
                      "method '%s' covers %s for every tool and so conflicts "
                      "with the rules that allow single tools",
                      check_shown(at->c, r->method), tool_method);
}

/* All of them. */

static void check_strays(const struct place *at, unsigned protocol)
{
    for (const struct check_field *f = fields; f->name; f++)
        if (!(f->protocols & protocol) && check_is_set(f, at->rule))
            check_problem(at->c, at->rule->doc_path, f->name,
                          "%s means nothing to protocol %s; remove it", f->name,
                          at->endpoint->protocol);
}

static void check_request(const struct place *at, unsigned protocol)
{
    static const struct {
        enum check_protocol protocol;
        void (*check)(const struct place *at);
    } grammars[] = {
        {CHECK_REST, check_rest},       {CHECK_WEBSOCKET, check_websocket},
        {CHECK_GRAPHQL, check_graphql}, {CHECK_JSON_RPC, check_json_rpc},
        {CHECK_MCP, check_mcp},
    };
    check_strays(at, protocol);
    for (size_t i = 0; i < sizeof grammars / sizeof grammars[0]; i++)
        if (grammars[i].protocol == protocol)
            grammars[i].check(at);
}

static void check_persisted(struct check *c, const struct sluice_endpoint *e)
{
    static const char *const types[] = {"query", "mutation", "subscription", NULL};
    for (size_t i = 0; i < e->n_graphql_persisted_queries; i++) {
        const struct sluice_persisted_query *q = e->graphql_persisted_queries[i];
        if (!is_one_of(q->operation_type, types))
            check_problem(c, e->doc_path, "graphql_persisted_queries",
                          "query '%s': operation_type must be "
                          "query, mutation, or subscription",
                          check_shown(c, q->id));
    }
}

void check_requests(struct check *c, const struct sluice_endpoint *e)
{
    int protocol = check_protocol(e->protocol);
    if (protocol < 0 || !(protocol & CHECK_INSPECTED))
        return;
    for (size_t i = 0; i < e->n_rules; i++)
        check_request(&(struct place){c, e, e->rules[i], false}, (unsigned)protocol);
    for (size_t i = 0; i < e->n_deny_rules; i++)
        check_request(&(struct place){c, e, e->deny_rules[i], true}, (unsigned)protocol);
    if (protocol & (CHECK_GRAPHQL | CHECK_WEBSOCKET))
        check_persisted(c, e);
}
