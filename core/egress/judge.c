/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/judge.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "egress/destination/destination.h"
#include "egress/grants.h"
#include "egress/inspect/override.h"
#include "egress/record.h"

static enum egress_verdict refuse_connection(const struct client *c, const char *reason,
                                             struct egress_refusal *refusal)
{
    char what[320];
    egress_record_name(c, what, sizeof what);
    egress_refuse(refusal, REFUSAL_POLICY, "%s", reason);
    snprintf(refusal->detail, sizeof refusal->detail, "%s not permitted by policy", what);
    refusal->hint = buf_str(&c->route.hint);
    refusal->engine = EGRESS_ENGINE_CONNECTION;
    refusal->stage = egress_record_stage(c);
    return VERDICT_REFUSED;
}

static enum egress_verdict refuse_unidentified(const struct client *c,
                                               struct egress_refusal *refusal)
{
    char reason[sizeof refusal->reason];
    snprintf(reason, sizeof reason, "the calling process could not be identified: %s",
             c->unidentified);
    return refuse_connection(c, reason, refusal);
}

static enum egress_verdict refuse_address(const struct client *c, const char *check,
                                          struct egress_refusal *refusal)
{
    char what[320];
    egress_record_name(c, what, sizeof what);
    snprintf(refusal->detail, sizeof refusal->detail, "%s blocked: %s", what, check);
    refusal->engine = EGRESS_ENGINE_ADDRESS;
    refusal->stage = "ssrf";
    return VERDICT_REFUSED;
}

static void find_candidates(struct route *route, const struct policy *policy,
                            const struct policy_request *request)
{
    policy_candidates_free(&route->candidates);
    if (route->decision.allowed && strcmp(route->decision.endpoint->tls, "skip") != 0)
        policy_candidates_find(policy_model(policy), request, &route->candidates);
}

/* Rules about requests add up: those that name the caller by a link count beside the one that lets
 * it through as it stands. */
static bool adds_up(const struct policy_decision *decision)
{
    const char *protocol = decision->allowed ? decision->endpoint->protocol : "";
    return *protocol && strcmp(protocol, "tcp") != 0;
}

/* What the paths of the policy lead to, as far as that is known without waiting.  It was looked up
 * before, or when the route was last judged; but there may be another policy by now. */
static void find_links(struct client *c, struct policy *policy, struct policy_request *request)
{
    struct route *route = &c->route;
    if (route->links.policy == policy)
        return;
    buf_clear(&route->hint);
    egress_links_find(&route->links, c->proxy->root, policy, request, true);
    *request = egress_route_request(route, &c->caller);
}

bool egress_judge_as_it_stands(struct client *c)
{
    struct route *route = &c->route;
    struct policy *policy = c->proxy->policy;
    struct policy_decision decision;
    if (route->generation == c->proxy->generation)
        return route->decision.allowed;
    egress_grants_close(c);
    struct policy_request request = egress_route_request(route, &c->caller);
    policy_match(policy_model(policy), &request, &decision, NULL);
    if (!decision.allowed)
        return false;
    if (adds_up(&decision)) {
        find_links(c, policy, &request);
        policy_match(policy_model(policy), &request, &decision, NULL);
        if (route->links.incomplete)
            return false;
    }
    route->decision = decision;
    find_candidates(route, policy, &request);
    route->generation = c->proxy->generation;
    return true;
}

/* A rule that denies may name the caller by a link that cannot be looked up at once.  Then nothing
 * that is under way goes on under a new policy. */
static void refuse_unknown(struct policy_decision *decision, struct buf *reason)
{
    decision->allowed = false;
    if (reason)
        buf_puts(reason, "it is not known yet what the links of the policy's paths lead to");
}

static void ask_about_connection(struct client *c, struct buf *reason)
{
    struct route *route = &c->route;
    struct policy *policy = c->proxy->policy;
    if (egress_judge_as_it_stands(c))
        return;
    struct policy_request request = egress_route_request(route, &c->caller);
    find_links(c, policy, &request);
    policy_match(policy_model(policy), &request, &route->decision, reason);
    if (route->links.incomplete && adds_up(&route->decision))
        refuse_unknown(&route->decision, reason);
    find_candidates(route, policy, &request);
    route->generation = c->proxy->generation;
}

/* ---- the request ---- */

static enum egress_verdict refuse_target(struct egress_refusal *refusal, const char *reason)
{
    egress_refuse(refusal, REFUSAL_TARGET, "%s", reason);
    snprintf(refusal->detail, sizeof refusal->detail, "request-target must be canonical");
    refusal->engine = EGRESS_ENGINE_REQUEST;
    return VERDICT_REFUSED;
}

static enum egress_verdict refuse_fields(struct egress_refusal *refusal, const char *reason)
{
    egress_refuse(refusal, REFUSAL_MALFORMED, "%s", reason);
    refusal->engine = EGRESS_ENGINE_REQUEST;
    return VERDICT_REFUSED;
}

void egress_judge_refuse_request(const struct client *c, const char *reason,
                                 struct egress_refusal *refusal)
{
    const struct exchange *exchange = &c->exchange;
    const struct policy_http_decision *rules = &exchange->rules;
    egress_refuse(refusal, REFUSAL_POLICY, "%s", reason);
    refusal->engine = EGRESS_ENGINE_REQUEST;
    refusal->stage = exchange->kind == EXCHANGE_FORWARD ? "forward-l7-deny" : "connect-l7-deny";
    refusal->policy = rules->rule ? rules->rule->key : c->route.decision.rule->key;
    refusal->request = egress_client_request(c, rules->call);
}

/* NULL, or why the target is rejected. */
static const char *read_target(const struct route *route, struct exchange *exchange)
{
    size_t len = strcspn(exchange->path, "?");
    const char *path = len ? exchange->path : "/";
    exchange->query = exchange->path[len] ? exchange->path + len + 1 : "";
    buf_clear(&exchange->canonical);
    const char *why = policy_target_path(path, len ? len : 1,
                                         policy_candidates_keep_encoded_slash(&route->candidates),
                                         &exchange->canonical);
    if (!why)
        why = policy_query_check(exchange->query);
    if (why)
        buf_clear(&exchange->canonical);
    return why;
}

/* Where a field of the request asks for another method, that one has to be allowed, too: the field
 * that decided, or NULL. */
static const struct http_field *ask_rules(const struct exchange *exchange,
                                          const struct policy_candidates *candidates,
                                          struct policy_http_decision *out, struct buf *reason)
{
    struct policy_http_request request = egress_exchange_judged(exchange);
    const struct http_field *field = NULL;
    size_t at = 0;
    policy_http_decide(candidates, &request, out, reason);
    while (!exchange->message && out->allowed && !out->audited &&
           (field = egress_override_next(exchange->head, &at))) {
        request.method = field->value;
        policy_http_decide(candidates, &request, out, reason);
    }
    return field;
}

static void decide(struct client *c, struct buf *reason)
{
    struct exchange *exchange = &c->exchange;
    const struct http_field *field =
        ask_rules(exchange, &c->route.candidates, &exchange->rules, reason);
    exchange->override = field ? field->value : NULL;
    if (field && reason)
        buf_printf(reason, " (%s asks for it)", field->name);
}

/* NULL, or why what was read of the request is not all that a server may obey. */
static const char *check_fields(const struct exchange *exchange)
{
    size_t at = 0;
    const char *why = egress_override_problem(exchange->head);
    if (!why && exchange->calls.protocol && egress_override_next(exchange->head, &at))
        why = "a request that is judged by its body must not ask for another method";
    return why;
}

/* All but VERDICT_NEEDS_ADDRESSES. */
static enum egress_verdict judge_request(struct client *c, struct egress_refusal *refusal,
                                         struct buf *reason)
{
    struct exchange *exchange = &c->exchange;
    const char *why = read_target(&c->route, exchange);
    if (why)
        return refuse_target(refusal, why);
    if ((why = check_fields(exchange)))
        return refuse_fields(refusal, why);
    decide(c, reason);
    if (exchange->rules.needs_body)
        return VERDICT_NEEDS_BODY;
    if (exchange->rules.allowed)
        return VERDICT_ALLOWED;
    egress_judge_refuse_request(c, buf_str(reason), refusal);
    return VERDICT_REFUSED;
}

static enum egress_verdict judge_addresses(struct client *c, struct egress_refusal *refusal)
{
    const struct route *route = &c->route;
    bool connected = c->upstream.stream != NULL;
    const struct ipaddr *addresses = connected ? &c->upstream.address : route->addresses.items;
    size_t n = connected ? 1 : route->addresses.n;
    if (!n)
        return VERDICT_NEEDS_ADDRESSES;
    const char *check =
        egress_check_addresses(&route->decision, &route->target, addresses, n, refusal);
    return check ? refuse_address(c, check, refusal) : VERDICT_ALLOWED;
}

enum egress_verdict egress_judge(struct client *c, struct egress_refusal *refusal,
                                 struct buf *reason)
{
    const char *check;
    enum egress_verdict verdict = VERDICT_ALLOWED;
    if (c->service)                                 /* it is no rule that sends it anywhere */
        return VERDICT_ALLOWED;
    buf_clear(&c->exchange.canonical);
    c->exchange.rules = (struct policy_http_decision){0};
    if (c->unidentified)
        return refuse_unidentified(c, refusal);
    if (c->route.generation != c->proxy->generation)
        ask_about_connection(c, reason);
    if (!c->route.decision.allowed)
        return refuse_connection(c, buf_str(reason), refusal);
    if ((check = egress_check_host(&c->route.target, refusal)))
        return refuse_address(c, check, refusal);
    if (c->exchange.head && c->exchange.kind != EXCHANGE_CONNECT && c->route.candidates.n)
        verdict = judge_request(c, refusal, reason);
    return verdict == VERDICT_ALLOWED ? judge_addresses(c, refusal) : verdict;
}

static bool rules_pass(const struct client *c, const struct policy_request *request,
                       const struct policy_decision *decision)
{
    struct policy_candidates candidates = {0};
    struct policy_http_decision rules = {.allowed = true};
    if (c->exchange.kind == EXCHANGE_CONNECT || strcmp(decision->endpoint->tls, "skip") == 0)
        return true;
    policy_candidates_find(policy_model(c->proxy->policy), request, &candidates);
    /* A path that no rule was about is not made canonical. */
    if (candidates.n && egress_exchange_is_judged(&c->exchange))
        ask_rules(&c->exchange, &candidates, &rules, NULL);
    policy_candidates_free(&candidates);
    return rules.allowed;
}

bool egress_judge_passes_without(const struct client *c, const char *const *closed, size_t n)
{
    const struct route *route = &c->route;
    struct policy_request request = egress_route_request(route, &c->caller);
    struct policy_decision decision;
    struct egress_refusal ignored;
    bool connected = c->upstream.stream != NULL;
    request.closed = closed;
    request.n_closed = n;
    policy_match(policy_model(c->proxy->policy), &request, &decision, NULL);
    return decision.allowed && rules_pass(c, &request, &decision) &&
           !egress_check_addresses(&decision, &route->target,
                                   connected ? &c->upstream.address : route->addresses.items,
                                   connected ? 1 : route->addresses.n, &ignored);
}

/* A server of many names would answer for the one that TLS asks for: that one has to be the one
 * that was judged.  An address has no name to differ from. */
char *egress_judge_hello(const struct client *c, enum egress_hello_state state)
{
    const struct egress_hello *hello = c->hello;
    const struct egress_target *target = &c->route.target;
    if (state == HELLO_BAD)
        return alloc_printf("the TLS client hello cannot be read: %s", hello->problem);
    if (state == HELLO_READ && !target->literal && *hello->name &&
        strcmp(hello->name, target->host) != 0)
        return alloc_printf("TLS asks for %s in a tunnel to %s", hello->name, target->host);
    return NULL;
}
