/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/request.h"

#include <stdio.h>
#include <string.h>

#include "egress/deny.h"
#include "egress/follow.h"
#include "egress/forward/relay.h"
#include "egress/hold.h"
#include "egress/inspect/body.h"
#include "egress/inspect/credentials.h"
#include "egress/inspect/within.h"
#include "egress/judge.h"
#include "egress/local/generate.h"
#include "egress/local/local.h"
#include "egress/multiplex/multiplex.h"
#include "egress/reach.h"
#include "egress/record.h"
#include "egress/tunnel/opening.h"
#include "egress/uses.h"
#include "egress/voters/voters.h"

/* ---- judged and carried out ---- */

static void carry_out(struct client *c)
{
    if (c->exchange.kind == EXCHANGE_CONNECT)
        egress_tunnel_open(c);
    else if (egress_multiplex_is_needed(c))
        egress_multiplex_ask(c, egress_relay_begin);
    else
        egress_relay_begin(c);
}

static void decide(struct client *c);

static void permit(struct client *c, const struct buf *reason)
{
    bool judged = egress_exchange_is_judged(&c->exchange);
    if (egress_credentials_want_body(c)) {
        egress_body_read(c, decide);
        return;
    }
    if (!egress_voters_pass(c, decide) || egress_credentials_refused(c))
        return;
    if (!c->exchange.counted) {
        egress_record_allowed(c, judged ? EGRESS_ENGINE_REQUEST : EGRESS_ENGINE_CONNECTION,
                              buf_str(reason));
        egress_uses_count(c);
    }
    if (c->upstream.stream && c->upstream.tls && !c->upstream.secured)
        egress_reach_wait(c, carry_out);
    else if (c->upstream.stream)
        carry_out(c);
    else if (c->reach)
        c->reach(c, carry_out);
    else
        egress_reach_connect(c, carry_out);
}

static void decide(struct client *c)
{
    struct egress_refusal refusal;
    struct buf reason = {0};
    enum egress_verdict verdict = egress_judge(c, &refusal, &reason);
    if (verdict == VERDICT_REFUSED && (egress_voters_refuse_transformed(c, &refusal) ||
                                       egress_hold_begin(c, &refusal))) {
        buf_free(&reason);
        return;
    }
    egress_hold_leave(c);
    switch (verdict) {
    case VERDICT_REFUSED:
        egress_deny(c, &refusal);
        break;
    case VERDICT_NEEDS_BODY:
        egress_body_read(c, decide);
        break;
    case VERDICT_NEEDS_ADDRESSES:
        egress_reach_addresses(c, decide);
        break;
    case VERDICT_ALLOWED:
        permit(c, &reason);
        break;
    }
    buf_free(&reason);
}

void egress_request_begin(struct client *c)
{
    egress_follow_links(c, decide);
}

/* ---- read ---- */

/* Whether the request goes where the last one went: then the route is of use. */
static bool repeats_target(struct client *c)
{
    static const char scheme[] = "http://";
    const char *url = c->exchange.head->target, *authority = url + sizeof scheme - 1;
    if (strncmp(url, scheme, sizeof scheme - 1) != 0)
        return false;
    size_t len = strcspn(authority, "/?#");
    c->exchange.path = authority + len;
    return !strchr(c->exchange.path, '#') &&
           egress_target_is_at(&c->route.target, authority, len, 80);
}

static int read_new_target(struct client *c, struct egress_refusal *refusal)
{
    egress_route_clear(&c->route);
    return egress_target_url(c->exchange.head->target, &c->route.target, &c->exchange.path,
                             refusal);
}

static int read_url(struct client *c, struct egress_refusal *refusal)
{
    struct exchange *exchange = &c->exchange;
    exchange->kind = EXCHANGE_FORWARD;
    exchange->path = "";
    if (!repeats_target(c) && read_new_target(c, refusal) != 0)
        return -1;
    if (http_head_lists(exchange->head, "Upgrade", "websocket"))
        return egress_refuse(refusal, REFUSAL_UPGRADE, "WebSocket needs a tunnel: use CONNECT");
    if (egress_within_check_fields(exchange->head, refusal) != 0)
        return -1;
    egress_within_drop_fields(exchange->head);
    return 0;
}

static int read_target(struct client *c, struct egress_refusal *refusal)
{
    const struct http_head *head = c->exchange.head;
    if (c->inspected)
        return egress_within_read(c, refusal);
    c->exchange.kind = EXCHANGE_CONNECT;
    if (strcmp(head->method, "CONNECT") == 0) {
        egress_route_clear(&c->route);
        return egress_target_authority(head->target, &c->route.target, refusal);
    }
    return read_url(c, refusal);
}

/* One to another place is of no use. */
static void drop_other_upstream(struct client *c)
{
    if (c->upstream.stream && strcmp(c->upstream.authority, c->route.target.authority) != 0)
        egress_client_drop_upstream(c);
}

/* What cannot be understood is no question to the policy; one about another host is. */
static void refuse_target(struct client *c, struct egress_refusal *refusal)
{
    if (!*refusal->detail)
        snprintf(refusal->detail, sizeof refusal->detail, "%s", refusal->kind == REFUSAL_TARGET
                 ? "request-target must be canonical" : refusal->reason);
    if (refusal->engine)
        egress_record_refused(c, refusal->engine, refusal->reason);
    egress_credentials_find_in_host(c);
    if (refusal->kind == REFUSAL_SCHEME && egress_local_is_named(c->exchange.head->target))
        egress_local_refuse_scheme(c);
    else
        egress_client_refuse(c, refusal);
}

static void have_head(struct client *c)
{
    struct egress_refusal refusal;
    net_pause(c->stream);
    c->exchange.head = http_parser_take_head(c->requests);
    if (read_target(c, &refusal) != 0) {
        refuse_target(c, &refusal);
    } else if (c->generate) {
        egress_generate_begin(c);
    } else if (c->exchange.kind == EXCHANGE_CONNECT && egress_generate_is(&c->route.target)) {
        egress_generate_open(c);
    } else if (c->inspected) {
        decide(c);                                  /* the tunnel's route is known */
    } else if (c->exchange.kind == EXCHANGE_FORWARD && egress_local_is(&c->route.target)) {
        egress_local_begin(c);
    } else {
        drop_other_upstream(c);
        egress_request_begin(c);
    }
}

static void look_for_head(struct client *c)
{
    const char *bytes = c->pending.data, *body;
    size_t len = c->pending.len, body_len;
    if (!len)
        return;
    bool begins = http_parser_idle(c->requests);
    enum http_event event = http_parser_next(c->requests, &bytes, &len, &body, &body_len);
    buf_consume(&c->pending, c->pending.len - len);
    if (event == HTTP_GOT_HEAD) {
        if (c->upstream.stream)
            net_pause(c->upstream.stream);          /* what it says first is for who asks it */
        have_head(c);
    } else if (event == HTTP_MORE && begins)
        egress_client_expect(c, c->proxy->limits.head_ms);
    else if (event == HTTP_BAD)
        egress_relay_malformed(c);
}

static void request_enter(struct client *c)
{
    c->served = true;
    egress_client_expect(c, c->proxy->limits.idle_ms);
    look_for_head(c);
    if (c->state != &egress_request_state)
        return;
    if (c->upstream.stream)
        net_read(c->upstream.stream);
    if (c->ended)
        egress_client_close(c);
    else
        net_read(c->stream);
}

static void request_client_read(struct client *c, const char *bytes, ssize_t n)
{
    if (n > 0) {
        buf_add(&c->pending, bytes, (size_t)n);
        look_for_head(c);
    } else if (n == UV_EOF && !http_parser_idle(c->requests)) {
        http_parser_eof(c->requests);
        egress_relay_malformed(c);
    } else {
        egress_client_close(c);
    }
}

/* An upstream that is not asked anything has nothing to say but that it ends. */
static void request_upstream_read(struct client *c, const char *bytes, ssize_t n)
{
    (void)bytes;
    (void)n;
    egress_client_drop_upstream(c);
}

static void request_timed_out(struct client *c)
{
    struct egress_refusal refusal;
    if (http_parser_idle(c->requests) && c->served) {
        egress_client_close(c); /* between two requests: nobody asked anything */
        return;
    }
    egress_refuse(&refusal, REFUSAL_LATE, "the request did not arrive within %u ms",
                  c->proxy->limits.head_ms);
    egress_client_refuse(c, &refusal);
}

/* What a kept connection may be for depends on the policy. */
static void request_policy_changed(struct client *c)
{
    if (c->inspected) {
        egress_still_permitted(c);
    } else {
        egress_route_clear(&c->route);
        egress_client_drop_upstream(c);
    }
}

const struct client_state egress_request_state = {
    .enter = request_enter,
    .again = decide,
    .client_read = request_client_read,
    .upstream_read = request_upstream_read,
    .timed_out = request_timed_out,
    .policy_changed = request_policy_changed,
};
