/* SPDX-License-Identifier: Apache-2.0 */
/* From an allowed request to a connection: resolve once, check all, dial what was checked. */
#include "egress/connection.h"

#include <stdio.h>

static void fail(struct connection *c, struct egress_refusal *refusal)
{
    snprintf(refusal->detail, sizeof refusal->detail, "connection to %s failed",
             c->flow.target.authority);
    egress_log_failure(c, refusal->reason);
    egress_connection_refuse(c, refusal);
}

static void fail_dial(struct connection *c, const struct egress_dial_result *result)
{
    struct egress_refusal refusal;
    char tried[64] = "";
    bool slow = result->status == UV_ETIMEDOUT;
    if (c->flow.addresses.n > 1)
        snprintf(tried, sizeof tried, " (%zu of its %zu addresses tried)", result->tried,
                 c->flow.addresses.n);
    egress_refuse(&refusal, slow ? REFUSAL_SLOW : REFUSAL_UNREACHABLE, "%s %s: %s%s",
                  c->flow.target.authority, slow ? "did not answer" : "cannot be reached",
                  uv_strerror(result->status), tried);
    fail(c, &refusal);
}

static void dialled(void *owner, const struct egress_dial_result *result)
{
    struct connection *c = owner;
    c->dial = NULL;
    if (result->status != 0) {
        fail_dial(c, result);
        return;
    }
    c->upstream = result->socket;
    c->handles++;
    net_set_owner(c->upstream, &egress_connection_upstream_calls, c);
    c->flow.dialled = result->index;
    if (c->flow.connect)
        egress_tunnel_begin(c);
    else
        egress_forward_begin(c);
}

static void check_and_dial(struct connection *c)
{
    static const struct egress_dial_calls calls = {dialled, egress_connection_handle_closed};
    struct flow *flow = &c->flow;
    if (!egress_decide_addresses(c))
        return;
    c->state = CONNECTION_DIALLING;
    c->handles++;
    c->dial = egress_dial_start(&c->proxy->dialer, flow->addresses.items, flow->addresses.n,
                                flow->target.port, &calls, c);
}

static void resolved(void *owner, struct egress_addresses addresses,
                     const struct egress_refusal *failure)
{
    struct connection *c = owner;
    c->lookup = NULL;
    c->flow.addresses = addresses;
    if (failure) {
        struct egress_refusal refusal = *failure;
        fail(c, &refusal);
    } else {
        check_and_dial(c);
    }
}

static void look_up(struct connection *c)
{
    static const struct egress_lookup_calls calls = {resolved, egress_connection_handle_closed};
    struct egress_refusal refusal;
    c->lookup = egress_lookup_start(&c->proxy->resolver, &c->flow.target, &calls, c, &refusal);
    if (c->lookup)
        c->handles++;
    else
        fail(c, &refusal);
}

/* Meanwhile the client is read, to notice when it goes. */
void egress_reach(struct connection *c)
{
    c->state = CONNECTION_RESOLVING;
    egress_connection_expect(c, 0);
    if (c->pending.len < NET_READ_MAX)
        net_read(c->client);
    if (egress_resolver_knows(&c->proxy->resolver, &c->flow.target, &c->flow.addresses))
        check_and_dial(c);
    else
        look_up(c);
}

/* Bytes wait for the tunnel or the request's body.  A client that has only ended its side is told so
 * again when it is read next. */
void egress_reach_client_read(struct connection *c, const char *bytes, ssize_t n)
{
    if (n > 0) {
        buf_add(&c->pending, bytes, (size_t)n);
        if (c->pending.len >= NET_READ_MAX)
            net_pause(c->client);
    } else if (n == UV_EOF) {
        egress_connection_client_ended(c);
    } else {
        egress_connection_close(c);
    }
}
