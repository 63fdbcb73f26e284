/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/passed.h"

#include <string.h>

#include "egress/inspect/override.h"
#include "policy/match/calls.h"

enum { CALLS_MAX = 256 };                           /* of one body */

static void tell(const struct client *c, const struct egress_passed *what)
{
    struct egress_passed passed = *what;
    struct policy_request request = egress_route_request(&c->route, &c->caller);
    const struct policy_http_decision *rules = &c->exchange.rules;
    const struct sluice_rule *rule = rules->rule ? rules->rule : c->route.decision.rule;
    const char *program = policy_rule_program(rule, &request);
    passed.host = c->route.target.host;
    passed.port = c->route.target.port;
    passed.binary = program ? program : c->caller.binary;
    passed.rule = "";
    c->proxy->on_passed(c->proxy->ctx, &passed);
}

static void tell_connection(const struct client *c, const char *method)
{
    tell(c, &(struct egress_passed){.method = method, .path = "", .reason = ""});
}

/* Rules would be about the canonical form of the path, also where none are asked. */
static const char *canonical_path(const struct exchange *exchange, struct buf *out)
{
    size_t len = strcspn(exchange->path, "?");
    const char *query = exchange->path[len] ? exchange->path + len + 1 : "";
    const char *why = policy_target_path(len ? exchange->path : "/", len ? len : 1, true, out);
    if (!why)
        why = policy_query_check(query);
    if (why) {
        buf_clear(out);
        buf_add(out, exchange->path, len);
    }
    return why ? why : "";
}

static void tell_request(const struct client *c, const char *path, const char *problem)
{
    const struct exchange *exchange = &c->exchange;
    const struct http_field *field;
    size_t at = 0;
    struct egress_passed passed = {.method = exchange->head->method, .path = path,
                                   .reason = problem};
    if (exchange->message)
        passed.method = exchange->message;
    tell(c, &passed);
    while (!exchange->message && (field = egress_override_next(exchange->head, &at))) {
        passed.method = field->value;
        tell(c, &passed);
    }
}

static void tell_call(struct client *c, const struct policy_call *call, const char *problem)
{
    const struct egress_refused_request r = egress_client_request(c, call);
    tell(c, &(struct egress_passed){.method = r.method, .path = r.path, .operation = r.operation,
                                    .field = r.field, .rpc_method = r.rpc_method, .tool = r.tool,
                                    .reason = problem});
}

static void tell_calls(struct client *c)
{
    const struct policy_calls *calls = &c->exchange.calls;
    for (size_t i = 0; i < calls->n && i < CALLS_MAX; i++)
        tell_call(c, &calls->items[i], "");
    if (calls->n > CALLS_MAX)
        tell_call(c, &calls->items[CALLS_MAX], "its body has more calls than are recorded");
}

void egress_passed_report(struct client *c)
{
    const struct exchange *exchange = &c->exchange;
    struct buf path = {0};
    if (!c->proxy->on_passed)
        return;
    if (exchange->kind == EXCHANGE_CONNECT) {
        tell_connection(c, "CONNECT");
    } else if (exchange->calls.n) {
        tell_calls(c);
    } else if (egress_exchange_is_judged(exchange)) {
        tell_request(c, exchange->canonical.data, "");
    } else {
        const char *problem = canonical_path(exchange, &path);
        tell_request(c, buf_str(&path), problem);
        buf_free(&path);
    }
}

/* A client that ends without a word has asked for no more than the connection. */
void egress_passed_report_bytes(struct client *c)
{
    bool silent = c->ended && !c->pending.len;
    if (c->proxy->on_passed && c->exchange.kind == EXCHANGE_CONNECT && !silent)
        tell_connection(c, "TCP");
}
