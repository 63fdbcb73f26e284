/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/multiplex/multiplex.h"

#include "egress/deny.h"
#include "egress/hold.h"
#include "egress/inspect/upstream.h"
#include "egress/judge.h"
#include "egress/multiplex/origin.h"
#include "egress/record.h"
#include "http2/http2.h"

/* ---- a stream ---- */

/* Its one exchange is over. */
static void done_enter(struct client *c)
{
    egress_origin_keep(c);
    egress_client_close(c);
}

static void done_again(struct client *c)
{
    c->carrier->idle->again(c);
}

static const struct client_state done_state = {.enter = done_enter, .again = done_again};

static struct client *stream_new(struct client *carrier)
{
    struct client *c = egress_client_new(carrier->proxy, carrier->idle, carrier->gone);
    c->carrier = carrier;
    carrier->handles++;
    c->proxy->n_streams++;
    c->idle = &done_state;
    c->reach = egress_origin_reach;
    c->dropped = egress_origin_forget;
    c->inspected = carrier->inspected;
    c->transparent = carrier->transparent;
    c->caller = carrier->caller;
    egress_route_copy(&c->route, &carrier->route);
    return c;
}

static void refuse_one_too_many(struct client *c)
{
    struct egress_refusal refusal;
    egress_refuse(&refusal, REFUSAL_BUSY,
                  "the sandbox has %d requests of HTTP/2 under way already: wait for some of them",
                  EGRESS_STREAMS_MAX);
    egress_client_refuse(c, &refusal);
}

static void have_request(void *owner, struct net_stream *stream)
{
    struct client *c = stream_new(owner);
    egress_client_attach(c, stream);
    if (c->proxy->n_streams - egress_held_streams(c->proxy) > EGRESS_STREAMS_MAX)
        refuse_one_too_many(c);
    else
        net_read(stream);
}

/* ---- their carrier ---- */

static void connection_ended(void *owner, const char *why)
{
    struct client *c = owner;
    char reason[256];
    snprintf(reason, sizeof reason, "HTTP/2 with the client failed: %s", why);
    if (*why)
        egress_record_failed(c, reason);
    egress_client_close(c);
}

static const struct http2_calls connection_calls = {
    .request = have_request, .ended = connection_ended, .closed = egress_client_release};

static void carrier_closing(struct client *carrier)
{
    egress_origin_close(carrier->origin);
    for (struct client *c = carrier->proxy->clients; c; c = c->next)
        if (c->carrier == carrier)
            egress_client_close(c);
    http2_close(carrier->http2);
}

/* TLS with the origin is established, or has failed: then the first request that needs it tries
 * again and is told why. */
static void carrier_upstream_secured(struct client *c, int status)
{
    if (status == 0)
        egress_origin_adopt(c->origin);
    else
        egress_origin_give_up(c->origin);
}

/* Each stream is judged on its own, and answered; where the connection is not allowed any more, no
 * others follow. */
static void carrier_policy_changed(struct client *c)
{
    struct buf reason = {0};
    struct egress_refusal refusal;
    if (egress_judge(c, &refusal, &reason) == VERDICT_REFUSED) {
        egress_record_ended(c, EGRESS_ENGINE_CONNECTION, refusal.reason, false);
        http2_leave(c->http2);
    }
    buf_free(&reason);
}

static const struct client_state carrier_state = {.upstream_secured = carrier_upstream_secured,
                                                  .policy_changed = carrier_policy_changed};

void egress_multiplex_begin(struct client *c)
{
    const struct http2_limits limits = {.idle_ms = c->proxy->limits.idle_ms};
    struct net_stream *stream = c->stream;
    struct buf first = c->pending;
    c->state = &carrier_state;
    c->stream = NULL;                               /* its handle is the connection's */
    c->pending = (struct buf){0};
    egress_client_expect(c, 0);
    c->http2 = http2_server_new(stream, buf_str(&first), first.len, c->inspected == INSPECTED_TLS,
                                &limits, &connection_calls, c);
    c->origin = egress_origin_new(c);
    c->closing = carrier_closing;
    buf_free(&first);
    if (c->upstream.stream && (c->upstream.secured || !c->upstream.tls))
        egress_origin_adopt(c->origin);
}

/* ---- a client of HTTP/1.1 ---- */

bool egress_multiplex_is_needed(const struct client *c)
{
    return c->upstream.tls && !c->carrier && !c->origin && egress_upstream_speaks_http2(c);
}

static void origin_closing(struct client *c)
{
    egress_origin_close(c->origin);
}

void egress_multiplex_ask(struct client *c, void (*next)(struct client *c))
{
    c->origin = egress_origin_new(c);
    c->reach = egress_origin_reach;
    c->dropped = egress_origin_forget;
    c->closing = origin_closing;
    egress_origin_adopt(c->origin);
    egress_origin_reach(c, next);
}
