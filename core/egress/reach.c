/* SPDX-License-Identifier: Apache-2.0 */
/* From an allowed request to a connection: resolve once, check all, dial what was checked. */
#include "egress/connection.h"

#include <stdio.h>

enum { RESOLVE_MS = 10000 };

static void fail(struct connection *c, enum egress_refusal_kind kind, const char *reason)
{
    struct egress_refusal refusal;
    egress_refuse(&refusal, kind, "%s", reason);
    snprintf(refusal.detail, sizeof refusal.detail, "connection to %s failed",
             c->flow.target.authority);
    egress_log_failure(c, reason);
    egress_connection_refuse(c, &refusal);
}

static void fail_dial(struct connection *c)
{
    char reason[256];
    int status = c->flow.status;
    snprintf(reason, sizeof reason, status == UV_ETIMEDOUT ? "%s did not answer: %s"
             : "%s cannot be reached: %s", c->flow.target.authority, uv_strerror(status));
    fail(c, status == UV_ETIMEDOUT ? REFUSAL_SLOW : REFUSAL_UNREACHABLE, reason);
}

static void dial_next(struct connection *c)
{
    struct flow *flow = &c->flow;
    struct egress_proxy *proxy = c->proxy;
    if (flow->next == flow->addresses.n || flow->next == EGRESS_DIALS_MAX) {
        fail_dial(c);
        return;
    }
    c->upstream = egress_socket_new(proxy->loop, proxy->scratch,
                                    &egress_connection_upstream_calls, c);
    c->handles++;
    egress_connection_expect(c, proxy->limits.dial_ms);
    egress_socket_connect(c->upstream, &flow->addresses.items[flow->next++], flow->target.port);
}

static void dial_failed(struct connection *c, int status)
{
    c->flow.status = status;
    egress_connection_drop_upstream(c);
    dial_next(c);
}

void egress_reach_connected(struct connection *c, int status)
{
    if (status != 0) {
        dial_failed(c, status);
        return;
    }
    egress_connection_expect(c, 0);
    if (c->flow.connect)
        egress_tunnel_begin(c);
    else
        egress_forward_begin(c);
}

void egress_reach_timeout(struct connection *c)
{
    if (c->state == CONNECTION_DIALLING)
        dial_failed(c, UV_ETIMEDOUT);
    else
        fail(c, REFUSAL_SLOW, "the name could not be resolved in time");
}

static void check_and_dial(struct connection *c)
{
    if (!egress_decide_addresses(c))
        return;
    c->state = CONNECTION_DIALLING;
    dial_next(c);
}

static void query_done(struct connection *c, int status)
{
    char reason[512];
    if (status == 0) {
        check_and_dial(c);
        return;
    }
    snprintf(reason, sizeof reason, "DNS resolution failed for %s: %s", c->flow.target.authority,
             uv_strerror(status));
    fail(c, REFUSAL_UNREACHABLE, reason);
}

static void resolved(void *ctx, int status, struct egress_addresses addresses)
{
    struct connection *c = ctx;
    if (status != UV_ECANCELED) {
        c->query = NULL;
        c->flow.addresses = addresses;
        query_done(c, status);
    }
    egress_connection_handle_closed(c);
}

void egress_reach(struct connection *c)
{
    c->state = CONNECTION_RESOLVING;
    if (egress_pins_find(c->proxy->pins, &c->flow.target, &c->flow.addresses)) {
        check_and_dial(c);
        return;
    }
    c->query = egress_query_new(c->proxy->loop, c->flow.target.host, resolved, c);
    if (!c->query) {
        query_done(c, UV_EAI_FAIL);
        return;
    }
    c->handles++;
    egress_connection_expect(c, RESOLVE_MS);
}
