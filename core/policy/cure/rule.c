/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "policy/cure/cure.h"
#include "policy/match/calls.h"
#include "policy/match/http.h"

/* ---- what is known of a request by its words ---- */

/* The call of those words.  False: there is none. */
static bool read_call(const struct policy_refused *refused, struct arena *arena,
                      struct policy_call *out)
{
    policy_call_from_words(refused->operation, refused->field, arena, out);
    out->method = refused->rpc_method;
    out->tool = refused->tool;
    return *refused->operation || *refused->rpc_method;
}

/* Of a WebSocket endpoint's requests rules can only let upgrades through. */
static const struct policy_http_request *request_of(const struct policy_refused *refused,
                                                    struct arena *arena)
{
    struct policy_http_request *request = arena_alloc(arena, sizeof *request);
    struct policy_calls *calls = arena_zalloc(arena, sizeof *calls);
    struct policy_call *call = arena_alloc(arena, sizeof *call);
    calls->items = call;
    calls->n = read_call(refused, arena, call) ? 1 : 0;
    *request = (struct policy_http_request){
        .method = refused->method, .path = refused->path, .query = "", .websocket = true,
        .message = strcmp(refused->method, POLICY_WEBSOCKET_TEXT) == 0, .calls = calls};
    return request;
}

/* Words do not tell for which protocol the call is to be read: it is that of the route. */
static struct policy_http_decision decide(const struct policy_candidates *candidates,
                                          const struct policy_http_request *request)
{
    struct policy_http_decision decision;
    struct policy_http_request first = *request;
    bool by_words = request->calls && !request->calls->protocol;
    if (by_words)
        first.calls = NULL;
    policy_http_decide(candidates, &first, &decision, NULL);
    if (decision.needs_body && by_words) {
        struct policy_calls calls = *request->calls;
        calls.protocol = decision.endpoint->protocol;
        first.calls = &calls;
        policy_http_decide(candidates, &first, &decision, NULL);
    }
    return decision;
}

bool policy_refused_passes(const struct sluice_policy *policy, const struct policy_request *caller,
                           const struct policy_refused *refused,
                           const struct policy_http_request *request)
{
    struct policy_decision connection;
    struct policy_candidates candidates;
    policy_match(policy, caller, &connection, NULL);
    if (!connection.allowed || !*refused->method || strcmp(connection.endpoint->tls, "skip") == 0)
        return connection.allowed;
    struct arena *arena = arena_new();
    policy_candidates_find(policy, caller, &candidates);
    bool allowed = decide(&candidates, request ? request : request_of(refused, arena)).allowed;
    policy_candidates_free(&candidates);
    arena_free(arena);
    return allowed;
}

/* ---- the rule ---- */

static bool names_requests(const struct sluice_endpoint *e)
{
    return strcmp(e->protocol, "rest") == 0 || strcmp(e->protocol, "websocket") == 0;
}

/* The same connection, but rules about requests. */
static const struct sluice_endpoint *as_rest(const struct sluice_endpoint *model,
                                             struct arena *arena)
{
    struct sluice_endpoint *e = arena_alloc(arena, sizeof *e);
    *e = *model;
    e->protocol = "rest";
    e->persisted_queries = "";
    e->graphql_persisted_queries = NULL;
    e->n_graphql_persisted_queries = 0;
    e->graphql_max_body_bytes = 0;
    e->json_rpc = NULL;
    e->mcp = NULL;
    return e;
}

/* An endpoint of the protocol whose rules can name the request: the route, which has refused it.
 * Where no endpoint's path selects the request, there may be one for it. */
static const struct sluice_endpoint *find_model(const struct policy_candidates *candidates,
                                                const struct policy_http_decision *refused,
                                                struct arena *arena)
{
    if (refused->endpoint)
        return names_requests(refused->endpoint) || refused->call ? refused->endpoint : NULL;
    for (size_t i = 0; i < candidates->n; i++)
        if (names_requests(candidates->items[i].endpoint))
            return candidates->items[i].endpoint;
    return as_rest(candidates->items[0].endpoint, arena);
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

/* call NULL: the request itself.  An operation without a name cannot be named: the rule is about
 * any of its type and fields. */
static const struct sluice_l7_rule *l7_rule(const struct policy_refused *refused,
                                            const struct policy_call *call, struct arena *arena)
{
    struct sluice_l7_rule *r = arena_zalloc(arena, sizeof *r);
    *r = (struct sluice_l7_rule){
        .size = sizeof *r, .doc_path = "", .method = refused->method, .path = refused->path,
        .command = "", .operation_type = "", .operation_name = "",
    };
    if (!call)
        return r;
    r->path = "";
    r->method = call->method;
    r->operation_type = call->type;
    r->operation_name = call->name;
    r->fields = call->fields;
    r->n_fields = call->n_fields;
    if (*call->tool) {
        r->params = only_tool(call->tool, arena);
        r->n_params = 1;
    }
    return r;
}

/* The model says how requests are judged, the connection's endpoint which addresses the host may
 * stand for: naming a host exactly would open its internal ones, too (public_only keeps them
 * closed).  An endpoint of its own that only audits would let every request pass. */
static struct sluice_endpoint *endpoint_like(const struct sluice_endpoint *model, const char *path,
                                             const struct policy_decision *connection,
                                             const struct policy_refused *refused,
                                             struct arena *arena)
{
    struct sluice_endpoint *e = arena_alloc(arena, sizeof *e);
    uint16_t *port = arena_alloc(arena, sizeof *port);
    *e = *model;
    *port = refused->port;
    e->doc_path = "";
    e->host = refused->host;
    e->ports = port;
    e->n_ports = 1;
    e->path = path;
    e->enforcement = "enforce";
    e->access = "";
    e->rules = NULL;
    e->n_rules = 0;
    e->deny_rules = NULL;
    e->n_deny_rules = 0;
    e->tls = connection->endpoint->tls;
    e->allowed_ips = connection->endpoint->allowed_ips;
    e->n_allowed_ips = connection->endpoint->n_allowed_ips;
    e->public_only = !e->n_allowed_ips && !connection->exact_host;
    return e;
}

static const struct sluice_rule *rule_of(const struct sluice_endpoint *endpoint,
                                         const struct policy_refused *refused, struct arena *arena)
{
    struct sluice_rule *rule = arena_zalloc(arena, sizeof *rule);
    struct sluice_binary *binary = arena_zalloc(arena, sizeof *binary);
    const struct sluice_endpoint **endpoints = arena_alloc(arena, sizeof *endpoints);
    const struct sluice_binary **binaries = arena_alloc(arena, sizeof *binaries);
    *binary = (struct sluice_binary){.size = sizeof *binary, .path = refused->binary};
    endpoints[0] = endpoint;
    binaries[0] = binary;
    *rule = (struct sluice_rule){
        .size = sizeof *rule, .key = "", .name = "", .doc_path = "", .endpoints = endpoints,
        .n_endpoints = 1, .binaries = binaries, .n_binaries = *refused->binary ? 1 : 0,
    };
    return rule;
}

/* The candidates and one more, as long as the arena. */
static struct policy_candidates with_rule(const struct policy_candidates *candidates,
                                          const struct sluice_rule *rule, struct arena *arena)
{
    struct policy_candidates with = {arena_alloc(arena, (candidates->n + 1) * sizeof *with.items),
                                     candidates->n + 1};
    memcpy(with.items, candidates->items, candidates->n * sizeof *with.items);
    with.items[candidates->n] = (struct policy_candidate){rule, rule->endpoints[0]};
    return with;
}

static bool has_pattern(const struct policy_call *call)
{
    for (size_t i = 0; i < call->n_fields; i++)
        if (strpbrk(call->fields[i], "*?"))
            return true;
    return strpbrk(call->method, "*?[]{}") || strpbrk(call->tool, "*?") ||
           strpbrk(call->name, "*?");
}

/* NULL, or why no rule is about that call alone. */
static const char *check_call(const struct sluice_endpoint *e, const struct policy_call *call)
{
    if (has_pattern(call))
        return "a rule would read it as a pattern and allow other requests too";
    if (strcmp(e->protocol, "mcp") == 0 && strcmp(call->method, "tools/call") == 0 && !*call->tool)
        return "its tool has no name, and a rule without one is about all tools";
    return NULL;
}

/* Adds a rule about what is refused first.  NULL, or why there is none. */
static const char *allow_first(struct sluice_endpoint *e, const struct sluice_l7_rule **rules,
                               const struct policy_refused *refused,
                               const struct policy_call *call, struct arena *arena)
{
    const char *why = call ? check_call(e, call) : NULL;
    if (!why && e->n_rules == POLICY_CURE_CALLS_MAX)
        why = "it has too many calls that nothing allows";
    if (!why)
        rules[e->n_rules++] = l7_rule(refused, call, arena);
    return why;
}

/* Adds to the endpoint what is refused, one after another: a body may have several calls.  Those
 * before the one that is refused stay allowed and are not asked about again.  NULL, or why
 * something is refused all the same. */
static const char *allow_each(const struct policy_candidates *with, struct sluice_endpoint *e,
                              const struct policy_http_request *request,
                              const struct policy_refused *refused,
                              const struct policy_http_decision *first, struct arena *arena)
{
    const struct sluice_l7_rule **rules =
        arena_alloc(arena, POLICY_CURE_CALLS_MAX * sizeof *rules);
    struct policy_http_decision decision = *first;
    struct policy_http_request rest = *request;
    struct policy_calls calls = request->calls ? *request->calls : (struct policy_calls){0};
    const struct policy_call *last;
    rest.calls = request->calls ? &calls : NULL;
    e->rules = rules;
    do {
        last = decision.call;
        const char *why = allow_first(e, rules, refused, last, arena);
        if (why)
            return why;
        size_t before = last ? (size_t)(last - calls.items) : 0;
        calls.items += before;
        calls.n -= before;
        decision = decide(with, &rest);
    } while (!decision.allowed && decision.call && decision.call != last);
    return decision.allowed ? NULL
                            : "a deny rule, or another setting of its endpoint, refuses it "
                              "whatever is allowed";
}

/* A rule about a call names no path, so that the endpoint does.  Otherwise the path of the model
 * selects the same requests as before; where its rules are not asked about this one, the path of
 * the request is used. */
static const char *find_rule(const struct policy_candidates *candidates,
                             const struct policy_decision *connection,
                             const struct policy_refused *refused,
                             const struct policy_http_request *request, struct arena *arena,
                             const struct sluice_rule **out)
{
    struct policy_http_decision decision = decide(candidates, request);
    const struct sluice_endpoint *model = find_model(candidates, &decision, arena);
    if (!model)
        return "no rule of its endpoint's protocol names a request";
    bool by_model = decision.endpoint && !decision.call;
    const char *const paths[] = {by_model ? model->path : refused->path, refused->path};
    const char *why = NULL;
    for (size_t i = 0; i < 2; i++) {
        struct sluice_endpoint *e = endpoint_like(model, paths[i], connection, refused, arena);
        *out = rule_of(e, refused, arena);
        const struct policy_candidates with = with_rule(candidates, *out, arena);
        why = allow_each(&with, e, request, refused, &decision, arena);
        if (!why)
            break;
    }
    return why;
}

/* The rule is about the program without those that started it, whose rules may say otherwise which
 * addresses the host may stand for: it must not open more of them.  NULL, or why it would. */
static const char *limit_addresses(const struct sluice_policy *policy,
                                   const struct policy_request *caller,
                                   struct policy_decision *connection)
{
    struct policy_request alone = *caller;
    struct policy_decision own;
    alone.n_ancestors = 0;
    policy_match(policy, &alone, &own, NULL);
    if (!own.allowed)
        return NULL;
    connection->exact_host &= own.exact_host;
    if (own.endpoint != connection->endpoint &&
        (own.endpoint->n_allowed_ips || connection->endpoint->n_allowed_ips))
        return "its program and those that started it may reach different addresses of the host";
    return NULL;
}

const char *policy_cure_rule(const struct sluice_policy *policy,
                             const struct policy_request *caller,
                             const struct policy_refused *refused,
                             const struct policy_http_request *request, struct arena *arena,
                             const struct sluice_rule **out)
{
    struct policy_decision connection;
    struct policy_candidates candidates;
    policy_match(policy, caller, &connection, NULL);
    if (!connection.allowed)
        return "the policy does not allow its connection any more";
    const char *why = limit_addresses(policy, caller, &connection);
    if (why)
        return why;
    policy_candidates_find(policy, caller, &candidates);
    why = candidates.n ? find_rule(&candidates, &connection, refused,
                                   request ? request : request_of(refused, arena), arena, out)
                       : "the policy does not inspect its connection any more";
    policy_candidates_free(&candidates);
    return why;
}

static const struct sluice_l7_rule *const *only_request(const struct policy_refused *refused,
                                                        struct arena *arena)
{
    const struct sluice_l7_rule **rules = arena_alloc(arena, sizeof *rules);
    rules[0] = l7_rule(refused, NULL, arena);
    return rules;
}

const struct sluice_rule *policy_cure_connection(const struct policy_refused *refused,
                                                 struct arena *arena)
{
    static const struct sluice_endpoint nothing = {
        .size = sizeof nothing, .doc_path = "", .protocol = "", .tls = "", .enforcement = "",
        .access = "", .path = "", .persisted_queries = "", .credential_signing = "",
        .signing_service = "", .signing_region = "", .credential_provider = ""};
    const struct policy_decision connection = {.endpoint = &nothing, .exact_host = true};
    struct sluice_endpoint *e = endpoint_like(&nothing, "", &connection, refused, arena);
    e->enforcement = "";
    if (*refused->method) {
        e->protocol = "rest";
        e->enforcement = "enforce";
        e->rules = only_request(refused, arena);
        e->n_rules = 1;
    }
    return rule_of(e, refused, arena);
}
