/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/glob.h"
#include "policy/match/rpc.h"
#include "policy/match/rpc_parts.h"

static bool is(const char *text, const char *word)
{
    return strcmp(text, word) == 0;
}

static bool is_strict(const struct sluice_endpoint *e)
{
    return !e->mcp || e->mcp->strict_tool_names;
}

static bool allows_all(const struct sluice_endpoint *e)
{
    return e->mcp && e->mcp->allow_all_known_mcp_methods;
}

static bool is_strict_name(const char *name)
{
    enum { NAME_MAX_BYTES = 128 };
    size_t len = strlen(name);
    return len > 0 && len <= NAME_MAX_BYTES &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-") == len;
}

/* NULL, or what is wrong with the call. */
static const char *check_call(const struct sluice_endpoint *e, const struct rpc_message *message,
                              struct arena *arena)
{
    const char *why = message->method ? rpc_check_params(message, arena) : NULL;
    if (message->method && !is(message->method, RPC_TOOL_METHOD) &&
        rpc_is_read_as(message->method, RPC_TOOL_METHOD))
        return arena_printf(arena, "ambiguous method '%s': it is written '" RPC_TOOL_METHOD "'",
                            rpc_shown(message->method, arena));
    if (why)
        return arena_printf(arena, "invalid MCP request params: %s", why);
    if (message->method && is(message->method, RPC_TOOL_METHOD) && is_strict(e) &&
        !is_strict_name(rpc_tool(message)))
        return arena_printf(arena, "invalid MCP tool name '%s': it has other characters than "
                            "A-Z a-z 0-9 _ . - or is longer than 128 of them",
                            rpc_shown(rpc_tool(message), arena));
    return NULL;
}

static bool ends_session(const struct policy_http_request *request, size_t len)
{
    return len == 0 && rpc_is_method(request, "DELETE");
}

static void mcp_read(const struct sluice_endpoint *e, const struct policy_http_request *request,
                     const char *body, size_t len, struct policy_calls *out)
{
    struct rpc_messages messages;
    out->pass = rpc_is_receive_stream(request, len) || ends_session(request, len);
    if (out->pass)
        return;
    const char *why = rpc_parse(body, len, out->arena, &messages);
    for (size_t i = 0; i < messages.n && !why; i++)
        why = check_call(e, &messages.items[i], out->arena);
    if (why)
        rpc_reject(out, why);
    else
        rpc_add_calls(request, &messages, true, out);
}

static const struct sluice_matcher *tool_matcher(const struct sluice_l7_rule *rule)
{
    for (size_t i = 0; i < rule->n_params; i++)
        if (is(rule->params[i]->key, "name"))
            return rule->params[i];
    return NULL;
}

static bool names_a_tool(const struct sluice_l7_rule *const *rules, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (tool_matcher(rules[i]))
            return true;
    return false;
}

/* A rule with neither method nor tool says nothing: it allows nothing, and denies everything. */
static bool mcp_takes(const struct sluice_endpoint *e, const struct sluice_l7_rule *rule,
                      const struct policy_call *call, bool deny)
{
    const struct sluice_matcher *tool = tool_matcher(rule);
    const char *method = *rule->method || !tool ? rule->method : RPC_TOOL_METHOD;
    (void)e;
    if (!*call->method || !*method)
        return deny;
    if (!is(method, "*") && !glob_match(method, call->method, '.', 0))
        return false;
    return !tool ||
           (is(call->method, RPC_TOOL_METHOD) && policy_value_matches(tool, call->tool));
}

static bool mcp_allows(const struct sluice_endpoint *e, const struct policy_call *call)
{
    bool narrowed = is(call->method, RPC_TOOL_METHOD) && names_a_tool(e->rules, e->n_rules);
    return allows_all(e) && *call->method && !narrowed;
}

static size_t mcp_body_max(const struct sluice_endpoint *e)
{
    return e->mcp ? e->mcp->max_body_bytes : rpc_body_max(e);
}

const struct policy_call_protocol policy_mcp = {
    .name = "mcp",
    .read = mcp_read,
    .rule_takes = mcp_takes,
    .allows = mcp_allows,
    .body_max = mcp_body_max,
};

/* ---- the tools of a server ---- */

bool policy_tools_named(const struct policy_candidates *candidates, const char *path)
{
    for (size_t i = 0; i < candidates->n; i++) {
        const struct sluice_endpoint *e = candidates->items[i].endpoint;
        if (is(e->protocol, policy_mcp.name) && policy_endpoint_rules_path(e, path) &&
            (names_a_tool(e->rules, e->n_rules) || names_a_tool(e->deny_rules, e->n_deny_rules)))
            return true;
    }
    return false;
}

bool policy_tool_passes(const struct policy_candidates *candidates,
                        const struct policy_http_request *request, const char *tool)
{
    struct policy_call call = {
        .type = "", .name = "", .method = RPC_TOOL_METHOD, .tool = tool};
    const struct policy_calls calls = {.protocol = policy_mcp.name, .items = &call, .n = 1};
    struct policy_http_request asked = *request;
    struct policy_http_decision decision;
    asked.method = "POST";
    asked.calls = &calls;
    policy_http_decide(candidates, &asked, &decision, NULL);
    return decision.allowed &&
           (!decision.endpoint || !is_strict(decision.endpoint) || is_strict_name(tool));
}
