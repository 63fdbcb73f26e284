/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/audited.h"

#include "policy/match/calls.h"

enum { CALLS_MAX = 256 }; /* of one body; a body can have thousands, and each is judged again */

static void report(struct client *c, const struct policy_http_decision *decision,
                   const char *reason)
{
    const struct egress_refused_request r = egress_client_request(c, decision->call);
    const struct egress_passed audited = {
        .host = r.host, .port = r.port, .binary = r.binary,
        .rule = decision->rule ? decision->rule->key : "", .reason = reason,
        .method = r.method, .path = r.path, .operation = r.operation, .field = r.field,
        .rpc_method = r.rpc_method, .tool = r.tool};
    c->proxy->on_audited(c->proxy->ctx, &audited);
}

/* A body with one call.  Rules that let it through say nothing. */
static void report_call(struct client *c, struct policy_call *call)
{
    const struct exchange *exchange = &c->exchange;
    struct policy_calls one = exchange->calls;
    struct policy_http_request request = egress_exchange_judged(exchange);
    struct policy_http_decision decision;
    struct buf reason = {0};
    one.items = call;
    one.n = 1;
    request.calls = &one;
    policy_http_decide(&c->route.candidates, &request, &decision, &reason);
    if (decision.audited)
        report(c, &decision, buf_str(&reason));
    buf_free(&reason);
}

void egress_audited_report(struct client *c, const char *reason)
{
    const struct exchange *exchange = &c->exchange;
    const struct policy_calls *calls = &exchange->calls;
    if (!c->proxy->on_audited)
        return;
    if (!exchange->rules.call) {
        report(c, &exchange->rules, reason);
        return;
    }
    size_t first = (size_t)(exchange->rules.call - calls->items);
    for (size_t i = first; i < calls->n && i - first < CALLS_MAX; i++)
        report_call(c, &calls->items[i]);
}
