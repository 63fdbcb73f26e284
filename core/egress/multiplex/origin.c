/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/multiplex/origin.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "egress/deny.h"
#include "egress/inspect/upstream.h"
#include "egress/reach.h"
#include "http2/http2.h"

enum {
    IDLE_MAX = 16,
    CONNECTIONS_MAX = 4,                            /* for one request */
};

/* A connection on which we speak HTTP/2. */
struct session {
    struct session *next;
    struct egress_origin *origin;
    struct http2 *http2;
    struct ipaddr address;
    bool agreed;                                    /* by ALPN */
    bool settled;                                   /* the origin speaks it, too */
    bool used;                                      /* it has served a request */
};

/* One that speaks HTTP/1.1, between two requests. */
struct idle {
    struct idle *next;
    struct egress_origin *origin;
    struct upstream upstream;
};

struct egress_origin {
    struct client *carrier;
    struct session *sessions;                       /* the newest one first */
    struct idle *idle;                              /* the one that was used last first */
    unsigned n_idle;
    struct client *connecting;                      /* who finds out what the origin speaks */
    struct client *waiting;                         /* for that */
    bool only_http_1_1, spoke_http2;
    bool no_websockets;                             /* over HTTP/2 */
    bool parallel;      /* whoever waited for another's connection that failed waits for none */
    void (*next)(struct client *stream);            /* the same for all streams */
};

static struct egress_origin *origin_of(const struct client *c)
{
    return c->carrier ? c->carrier->origin : c->origin;
}

struct egress_origin *egress_origin_new(struct client *carrier)
{
    struct egress_origin *origin = alloc_zero(1, sizeof *origin);
    origin->carrier = carrier;
    if (carrier->upstream.stream)
        origin->connecting = carrier;
    return origin;
}

/* ---- connections of HTTP/2 ---- */

static void unlink_session(struct session *session)
{
    struct session **at = &session->origin->sessions;
    while (*at && *at != session)
        at = &(*at)->next;
    if (*at)
        *at = session->next;
}

static void wake_waiting(struct egress_origin *origin);

static void session_settled(void *owner)
{
    struct session *session = owner;
    session->settled = session->origin->spoke_http2 = true;
    session->origin->no_websockets = !http2_takes_websockets(session->http2);
    wake_waiting(session->origin);
}

/* Its streams are told, each on its own.  An origin that has not agreed on HTTP/2 is taken to speak
 * HTTP/1.1 where it does not answer with settings. */
static void session_ended(void *owner, const char *why)
{
    struct session *session = owner;
    struct egress_origin *origin = session->origin;
    (void)why;
    unlink_session(session);
    http2_close(session->http2);
    if (!session->settled) {
        origin->only_http_1_1 |= !session->agreed && !origin->spoke_http2;
        origin->no_websockets = true;
    }
    wake_waiting(origin);
}

static void session_closed(void *owner)
{
    struct session *session = owner;
    struct client *carrier = session->origin->carrier;
    free(session);
    egress_client_release(carrier);
}

static void add_session(struct egress_origin *origin, struct upstream upstream, bool agreed)
{
    static const struct http2_calls calls = {
        .settled = session_settled, .ended = session_ended, .closed = session_closed};
    const struct http2_limits limits = {.settings_ms = origin->carrier->proxy->limits.secure_ms};
    struct session *session = alloc_zero(1, sizeof *session);
    http_parser_free(upstream.responses);
    *session = (struct session){.next = origin->sessions,
                                .origin = origin,
                                .address = upstream.address,
                                .agreed = agreed};
    session->http2 = http2_client_new(upstream.stream, agreed, &limits, &calls, session);
    origin->sessions = session;
    origin->carrier->handles++;
}

/* Without an agreement, a request that is sent before the settings are here would be text to an
 * origin that speaks HTTP/1.1, and what its body says another request. */
static bool must_wait(const struct session *session, const struct client *c)
{
    return !session->settled && (!session->agreed || c->exchange.websocket);
}

static struct session *find_session(struct egress_origin *origin, const struct client *c)
{
    for (struct session *session = origin->sessions; session; session = session->next) {
        origin->only_http_1_1 |= http2_requires_http_1_1(session->http2);
        if (http2_may_open(session->http2) && !must_wait(session, c) &&
            (!c->exchange.websocket || http2_takes_websockets(session->http2)))
            return session;
    }
    return NULL;
}

static bool has_to_settle(const struct egress_origin *origin, const struct client *c)
{
    const struct session *session = origin->sessions;
    while (session && !must_wait(session, c))
        session = session->next;
    return session != NULL;
}

static void open_stream(struct session *session, struct client *c)
{
    struct upstream upstream = {.stream = http2_open(session->http2, &egress_upstream_calls, c),
                                .address = session->address,
                                .http2 = true,
                                .used = session->used};
    strcpy(upstream.authority, c->route.target.authority);
    session->used = true;
    egress_client_take_upstream(c, &upstream);
}

/* ---- connections of HTTP/1.1 ---- */

static void idle_closed(void *owner)
{
    struct idle *idle = owner;
    struct client *carrier = idle->origin->carrier;
    free(idle);
    egress_client_release(carrier);
}

static void drop_idle(struct idle *idle)
{
    struct egress_origin *origin = idle->origin;
    struct idle **at = &origin->idle;
    while (*at != idle)
        at = &(*at)->next;
    *at = idle->next;
    origin->n_idle--;
    http_parser_free(idle->upstream.responses);
    net_close(idle->upstream.stream);
}

/* Who is not asked anything has nothing to say but that it ends. */
static void idle_read(void *owner, const char *bytes, ssize_t n)
{
    (void)bytes, (void)n;
    drop_idle(owner);
}

static const struct net_calls idle_calls = {.read = idle_read, .closed = idle_closed};

static void add_idle(struct egress_origin *origin, struct upstream upstream)
{
    struct idle *idle = alloc_zero(1, sizeof *idle);
    *idle = (struct idle){.next = origin->idle, .origin = origin, .upstream = upstream};
    idle->upstream.used = true;                     /* it may end before there is a request */
    origin->idle = idle;
    origin->carrier->handles++;
    net_set_owner(upstream.stream, &idle_calls, idle);
    net_read(upstream.stream);
    if (++origin->n_idle <= IDLE_MAX)
        return;
    while (idle->next)
        idle = idle->next;
    drop_idle(idle);
}

static void take_idle(struct egress_origin *origin, struct client *c)
{
    struct idle *idle = origin->idle;
    origin->idle = idle->next;
    origin->n_idle--;
    net_pause(idle->upstream.stream);
    egress_client_take_upstream(c, &idle->upstream);
    free(idle);
    egress_client_release(origin->carrier);
}

/* ---- which of them ---- */

/* What c is connected to becomes one that streams share.  Without TLS it is tried whether the
 * origin speaks HTTP/2. */
static void share(struct egress_origin *origin, struct client *c)
{
    bool tls = c->upstream.tls;
    bool http2 = tls ? egress_upstream_speaks_http2(c) : true;
    struct upstream upstream = egress_client_give_upstream(c);
    origin->only_http_1_1 |= !http2;
    origin->parallel = false;
    if (http2)
        add_session(origin, upstream, tls);
    else
        add_idle(origin, upstream);
}

/* Something is known by now that was not, or nobody tries to find it out any more. */
static void wake_waiting(struct egress_origin *origin)
{
    struct client *c = origin->waiting;
    origin->waiting = NULL;
    while (c) {
        struct client *following = c->next_waiting;
        c->next_waiting = NULL;
        egress_origin_reach(c, origin->next);
        c = following;
    }
}

static void stop_connecting(struct egress_origin *origin)
{
    origin->connecting = NULL;
    wake_waiting(origin);
}

/* The stream's own connection is there. */
static void connected(struct client *c)
{
    struct egress_origin *origin = origin_of(c);
    if (c->protocols == EGRESS_HTTP_1_1) {
        origin->next(c);
        return;
    }
    share(origin, c);
    if (origin->connecting == c)
        origin->connecting = NULL;
    egress_origin_reach(c, origin->next);
    wake_waiting(origin);
}

/* Such as one that allows no streams. */
static void refuse_endless(struct client *c)
{
    struct egress_refusal refusal;
    egress_refuse(&refusal, REFUSAL_UNREACHABLE,
                  "%s took the request on none of %d connections that were made for it",
                  c->route.target.authority, CONNECTIONS_MAX);
    snprintf(refusal.detail, sizeof refusal.detail, "connection to %s failed",
             c->route.target.authority);
    egress_fail(c, &refusal);
}

static void connect_anew(struct egress_origin *origin, struct client *c)
{
    bool http_1_1 =
        origin->only_http_1_1 || (c->exchange.websocket && origin->no_websockets);
    if (c->exchange.connections++ == CONNECTIONS_MAX) {
        refuse_endless(c);
        return;
    }
    c->protocols = http_1_1       ? EGRESS_HTTP_1_1
                   : c->carrier   ? EGRESS_HTTP_2_OR_1_1
                                  : EGRESS_HTTP_1_1_OR_2;
    if (!http_1_1)
        origin->connecting = c;
    egress_reach_connect(c, connected);
}

static void wait_for_connection(struct egress_origin *origin, struct client *c)
{
    struct client **at = &origin->waiting;
    while (*at)
        at = &(*at)->next_waiting;
    *at = c;
    egress_reach_wait(c, origin->next);
}

void egress_origin_reach(struct client *c, void (*next)(struct client *c))
{
    struct egress_origin *origin = origin_of(c);
    struct session *session = find_session(origin, c);
    origin->next = next;
    if (session) {
        open_stream(session, c);
        next(c);
    } else if (origin->idle) {
        take_idle(origin, c);
        next(c);
    } else if (has_to_settle(origin, c) || (origin->connecting && !origin->parallel)) {
        wait_for_connection(origin, c);
    } else {
        connect_anew(origin, c);
    }
}

void egress_origin_forget(struct client *c)
{
    struct egress_origin *origin = origin_of(c);
    struct client **at = &origin->waiting;
    while (*at && *at != c)
        at = &(*at)->next_waiting;
    if (*at)
        *at = c->next_waiting;
    c->next_waiting = NULL;
    if (origin->connecting != c)
        return;
    origin->parallel = true;
    stop_connecting(origin);
}

void egress_origin_adopt(struct egress_origin *origin)
{
    share(origin, origin->carrier);
    stop_connecting(origin);
}

void egress_origin_give_up(struct egress_origin *origin)
{
    struct upstream upstream = egress_client_give_upstream(origin->carrier);
    http_parser_free(upstream.responses);
    net_discard(upstream.stream);
    stop_connecting(origin);
}

void egress_origin_keep(struct client *c)
{
    if (c->upstream.stream && !c->upstream.http2 && !c->upstream.ended)
        add_idle(origin_of(c), egress_client_give_upstream(c));
}

void egress_origin_close(struct egress_origin *origin)
{
    while (origin->idle)
        drop_idle(origin->idle);
    for (struct session *session = origin->sessions; session; session = session->next)
        http2_close(session->http2);
    origin->sessions = NULL;
    origin->waiting = NULL;
}
