/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/reach.h"

#include <stdio.h>
#include <string.h>

#include "egress/deny.h"
#include "egress/inspect/upstream.h"
#include "egress/judge.h"

static const struct client_state reaching_state;

static void fail(struct client *c, struct egress_refusal *refusal)
{
    snprintf(refusal->detail, sizeof refusal->detail, "connection to %s failed",
             c->route.target.authority);
    egress_fail(c, refusal);
}

static void fail_dial(struct client *c, const struct egress_dial_result *result)
{
    struct egress_refusal refusal;
    const struct route *route = &c->route;
    char tried[64] = "";
    bool slow = result->status == UV_ETIMEDOUT;
    if (route->addresses.n > 1)
        snprintf(tried, sizeof tried, " (%zu of its %zu addresses tried)", result->tried,
                 route->addresses.n);
    egress_refuse(&refusal, slow ? REFUSAL_SLOW : REFUSAL_UNREACHABLE, "%s %s: %s%s",
                  route->target.authority, slow ? "did not answer" : "cannot be reached",
                  uv_strerror(result->status), tried);
    refusal.error = result->status;
    fail(c, &refusal);
}

/* What comes next has times of its own. */
static void go_on(struct client *c)
{
    egress_client_expect(c, 0);
    c->reached(c);
}

static void dialled(void *owner, const struct egress_dial_result *result)
{
    struct client *c = owner;
    c->dial = NULL;
    if (result->status != 0) {
        fail_dial(c, result);
        return;
    }
    egress_client_set_upstream(c, result->socket);
    c->upstream.address = c->route.addresses.items[result->index];
    strcpy(c->upstream.authority, c->route.target.authority);
    struct egress_refusal refusal;
    bool secure = c->service ? c->service->secure(c) : c->inspected == INSPECTED_TLS;
    if (secure && !egress_upstream_secure(c, &refusal))
        fail(c, &refusal);
    else if (!c->upstream.tls)
        go_on(c);                                   /* else once ALPN has chosen the protocol */
}

static void reaching_upstream_secured(struct client *c, int status)
{
    struct egress_refusal refusal;
    if (status == 0) {
        go_on(c);
        return;
    }
    egress_upstream_explain(c, &refusal);
    fail(c, &refusal);
}

static void resolved(void *owner, struct egress_addresses addresses,
                     const struct egress_refusal *failure)
{
    struct client *c = owner;
    c->lookup = NULL;
    c->route.addresses = addresses;
    if (failure) {
        struct egress_refusal refusal = *failure;
        fail(c, &refusal);
    } else {
        go_on(c);
    }
}

static void look_up(struct client *c)
{
    static const struct egress_lookup_calls calls = {resolved, egress_client_release};
    struct egress_refusal refusal;
    c->lookup = egress_lookup_start(&c->proxy->resolver, &c->route.target, &calls, c, &refusal);
    if (c->lookup)
        c->handles++;
    else
        fail(c, &refusal);
}

/* A program with an event loop stands still in its connect, with everything else that it does: so
 * after this time the connect succeeds.  Where its destination fails later, the connection is
 * reset. */
enum { PATIENCE_MS = 50 };

static void reaching_timed_out(struct client *c)
{
    if (!c->connect || !egress_client_admit(c))
        egress_client_close(c);
    else
        c->admitted_early = true;
}

/* Meanwhile the client is read, to notice when it goes. */
void egress_reach_wait(struct client *c, void (*next)(struct client *c))
{
    c->state = &reaching_state;
    c->reached = next;
    egress_client_expect(c, c->connect && !c->connect->blocks ? PATIENCE_MS : 0);
    if (egress_client_has_room(c))
        net_read(c->stream);
}

void egress_reach_addresses(struct client *c, void (*next)(struct client *c))
{
    egress_reach_wait(c, next);
    if (egress_resolver_knows(&c->proxy->resolver, &c->route.target, &c->route.addresses))
        go_on(c);
    else
        look_up(c);
}

void egress_reach_connect(struct client *c, void (*next)(struct client *c))
{
    static const struct egress_dial_calls calls = {dialled, egress_client_release};
    const struct route *route = &c->route;
    egress_reach_wait(c, next);
    c->handles++;
    c->dial = egress_dial_start(&c->proxy->dialer, route->addresses.items, route->addresses.n,
                                route->target.port, &calls, c);
}

/* Bytes wait for the tunnel or the request's body. */
static void reaching_client_read(struct client *c, const char *bytes, ssize_t n)
{
    if (n > 0) {
        buf_add(&c->pending, bytes, (size_t)n);
        if (!egress_client_has_room(c))
            net_pause(c->stream);
    } else if (n == UV_EOF) {
        c->ended = true;
        egress_client_has_ended(c);
    } else {
        egress_client_close(c);
    }
}

static void reaching_policy_changed(struct client *c)
{
    struct buf reason = {0};
    struct egress_refusal refusal;
    if (egress_judge(c, &refusal, &reason) == VERDICT_REFUSED)
        egress_deny_changed(c, &refusal);
    buf_free(&reason);
}

static const struct client_state reaching_state = {
    .client_read = reaching_client_read,
    .upstream_secured = reaching_upstream_secured,
    .timed_out = reaching_timed_out,
    .policy_changed = reaching_policy_changed,
};
