/* SPDX-License-Identifier: Apache-2.0 */
#include "drafts/request.h"

#include <string.h>

#include "policy/match/calls.h"
#include "policy/match/http.h"

/* The call in the body of the target's request.  False: there is none. */
static bool read_call(const struct drafts_target *target, struct arena *arena,
                      struct policy_call *out)
{
    policy_call_from_words(target->operation, target->field, arena, out);
    out->method = target->rpc_method;
    out->tool = target->tool;
    return *target->operation || *target->rpc_method;
}

/* What the candidates say of the target's request and of the call in its body.  Of a WebSocket
 * endpoint's requests rules can only let upgrades through. */
static struct policy_http_decision decide(const struct policy_candidates *candidates,
                                          const struct drafts_target *target)
{
    struct policy_call call;
    struct policy_calls calls = {.items = &call, .arena = arena_new()};
    struct policy_http_request request = {
        .method = target->method, .path = target->path, .query = "", .websocket = true,
        .message = strcmp(target->method, POLICY_WEBSOCKET_TEXT) == 0};
    struct policy_http_decision decision;
    calls.n = read_call(target, calls.arena, &call) ? 1 : 0;
    policy_http_decide(candidates, &request, &decision, NULL);
    if (decision.needs_body) {
        calls.protocol = decision.endpoint->protocol;
        request.calls = &calls;
        policy_http_decide(candidates, &request, &decision, NULL);
    }
    policy_calls_free(&calls);
    decision.call = NULL;
    return decision;
}

bool drafts_request_allowed(const struct sluice_policy *policy, const struct policy_request *caller,
                            const struct drafts_target *target)
{
    struct policy_decision connection;
    struct policy_candidates candidates;
    policy_match(policy, caller, &connection, NULL);
    if (!connection.allowed || strcmp(connection.endpoint->tls, "skip") == 0)
        return connection.allowed;
    policy_candidates_find(policy, caller, &candidates);
    bool allowed = decide(&candidates, target).allowed;
    policy_candidates_free(&candidates);
    return allowed;
}

/* ---- the rule ---- */

static bool names_requests(const struct sluice_endpoint *e)
{
    return strcmp(e->protocol, "rest") == 0 || strcmp(e->protocol, "websocket") == 0;
}

/* An endpoint of the protocol whose rules can name the request: the route, which has refused it, or
 * any where no endpoint's path selects the request. */
static const struct sluice_endpoint *find_model(const struct policy_candidates *candidates,
                                                const struct sluice_endpoint *route,
                                                const struct drafts_target *target)
{
    bool is_call = *target->rpc_method || *target->operation;
    if (route)
        return names_requests(route) || is_call ? route : NULL;
    for (size_t i = 0; i < candidates->n; i++)
        if (names_requests(candidates->items[i].endpoint))
            return candidates->items[i].endpoint;
    return NULL;
}

static bool is_unnamed_tool(const struct sluice_endpoint *model, const struct drafts_target *target)
{
    return strcmp(model->protocol, "mcp") == 0 && strcmp(target->rpc_method, "tools/call") == 0 &&
           !*target->tool;
}

/* A rule with a tool: params.name. */
static const struct sluice_matcher *const *only_tool(const char *tool, struct arena *arena)
{
    const struct sluice_matcher **params = arena_alloc(arena, sizeof *params);
    struct sluice_matcher *name = arena_zalloc(arena, sizeof *name);
    const char **any = arena_alloc(arena, sizeof *any);
    any[0] = tool;
    *name = (struct sluice_matcher){.size = sizeof *name, .key = "name", .any = any, .n_any = 1};
    params[0] = name;
    return params;
}

/* An operation without a name cannot be named: the rule is about any of its type and fields. */
static void name_operation(const struct drafts_target *target, struct arena *arena,
                           struct sluice_l7_rule *r)
{
    struct policy_call call;
    read_call(target, arena, &call);
    r->method = r->path = "";
    r->operation_type = call.type;
    r->operation_name = call.name;
    r->fields = call.fields;
    r->n_fields = call.n_fields;
}

static const struct sluice_l7_rule *const *only_request(const struct drafts_target *target,
                                                        struct arena *arena)
{
    const struct sluice_l7_rule **rules = arena_alloc(arena, sizeof *rules);
    struct sluice_l7_rule *r = arena_zalloc(arena, sizeof *r);
    *r = (struct sluice_l7_rule){
        .size = sizeof *r, .doc_path = "", .method = target->method, .path = target->path,
        .command = "", .operation_type = "", .operation_name = "",
    };
    if (*target->rpc_method) {
        r->method = target->rpc_method;
        r->path = "";
    }
    if (*target->operation)
        name_operation(target, arena, r);
    if (*target->tool) {
        r->params = only_tool(target->tool, arena);
        r->n_params = 1;
    }
    rules[0] = r;
    return rules;
}

/* Naming a host exactly would open its internal addresses, too (public_only keeps them closed), and
 * an endpoint of its own that only audits would let every request pass. */
static const struct sluice_endpoint *endpoint_like(const struct sluice_endpoint *model,
                                                   const char *path, bool exact_host,
                                                   const struct drafts_target *target,
                                                   struct arena *arena)
{
    struct sluice_endpoint *e = arena_alloc(arena, sizeof *e);
    uint16_t *port = arena_alloc(arena, sizeof *port);
    *e = *model;
    *port = target->port;
    e->doc_path = "";
    e->host = target->host;
    e->ports = port;
    e->n_ports = 1;
    e->path = path;
    e->enforcement = "enforce";
    e->access = "";
    e->rules = only_request(target, arena);
    e->n_rules = 1;
    e->deny_rules = NULL;
    e->n_deny_rules = 0;
    e->public_only = !model->n_allowed_ips && (model->public_only || !exact_host);
    return e;
}

static const struct sluice_rule *rule_of(const struct sluice_endpoint *endpoint,
                                         const struct drafts_target *target, struct arena *arena)
{
    struct sluice_rule *rule = arena_zalloc(arena, sizeof *rule);
    struct sluice_binary *binary = arena_zalloc(arena, sizeof *binary);
    const struct sluice_endpoint **endpoints = arena_alloc(arena, sizeof *endpoints);
    const struct sluice_binary **binaries = arena_alloc(arena, sizeof *binaries);
    *binary = (struct sluice_binary){.size = sizeof *binary, .path = target->binary};
    endpoints[0] = endpoint;
    binaries[0] = binary;
    *rule = (struct sluice_rule){
        .size = sizeof *rule, .key = "", .name = "", .doc_path = "", .endpoints = endpoints,
        .n_endpoints = 1, .binaries = binaries, .n_binaries = 1,
    };
    return rule;
}

/* Whether the endpoint, beside the others, opens the request. */
static bool opens(const struct policy_candidates *candidates, const struct sluice_rule *rule,
                  const struct drafts_target *target, struct arena *arena)
{
    struct policy_candidates with = {arena_alloc(arena, (candidates->n + 1) * sizeof *with.items),
                                     candidates->n + 1};
    memcpy(with.items, candidates->items, candidates->n * sizeof *with.items);
    with.items[candidates->n] = (struct policy_candidate){rule, rule->endpoints[0]};
    return decide(&with, target).allowed;
}

/* The path of the model selects the same requests as before.  Where its rules are not asked about
 * this one, the path of the request itself is used. */
static const char *find_rule(const struct policy_candidates *candidates, bool exact_host,
                             const struct drafts_target *target, struct arena *arena,
                             const struct sluice_rule **out)
{
    struct policy_http_decision refused = decide(candidates, target);
    const struct sluice_endpoint *model = find_model(candidates, refused.endpoint, target);
    if (!model)
        return "no rule of its endpoint's protocol names a request";
    if (is_unnamed_tool(model, target))
        return "its tool has no name, and a rule without one is about all tools";
    const char *const paths[] = {refused.endpoint ? model->path : target->path, target->path};
    for (size_t i = 0; i < 2; i++) {
        *out = rule_of(endpoint_like(model, paths[i], exact_host, target, arena), target, arena);
        if (opens(candidates, *out, target, arena))
            return NULL;
    }
    return "a deny rule, or another setting of its endpoint, refuses it whatever is allowed";
}

const char *drafts_request_rule(const struct sluice_policy *policy,
                                const struct policy_request *caller,
                                const struct drafts_target *target, struct arena *arena,
                                const struct sluice_rule **out)
{
    struct policy_decision connection;
    struct policy_candidates candidates;
    policy_match(policy, caller, &connection, NULL);
    if (!connection.allowed)
        return "the policy does not allow its connection any more";
    policy_candidates_find(policy, caller, &candidates);
    const char *why = candidates.n
                          ? find_rule(&candidates, connection.exact_host, target, arena, out)
                          : "the policy does not inspect its connection any more";
    policy_candidates_free(&candidates);
    return why;
}
