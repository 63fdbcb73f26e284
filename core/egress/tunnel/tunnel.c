/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/tunnel/tunnel.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "egress/deny.h"
#include "egress/inspect/inspect.h"
#include "egress/judge.h"
#include "egress/passed.h"
#include "egress/record.h"
#include "egress/voters/concern.h"
#include "egress/websocket/websocket.h"

static const struct client_state tunnel_state;

/* The first bytes that the client has been waiting with.  False: the upstream does not keep up. */
static bool pass(struct client *c, size_t len)
{
    bool taken = net_write(c->upstream.stream, c->pending.data, len);
    buf_consume(&c->pending, len);
    return taken;
}

void egress_tunnel_drop_hello(struct client *c)
{
    if (c->hello)
        egress_hello_free(c->hello);
    free(c->hello);
    c->hello = NULL;
}

/* No hello is waited for any more. */
static bool pass_all(struct client *c)
{
    bool taken;
    egress_tunnel_drop_hello(c);
    taken = pass(c, c->pending.len);
    buf_free(&c->pending);
    return taken;
}

bool egress_tunnel_check_hello(struct client *c, enum egress_hello_state state)
{
    static const char unrecognized_name[] =
        "\x15\x03\x03\x00\x02\x02\x70"; /* a fatal alert (RFC 8446 6) */
    char *reason = egress_judge_hello(c, state);
    if (!reason)
        return true;
    c->proxy->denied++;
    egress_record_ended(c, EGRESS_ENGINE_TLS, reason, true);
    net_write(c->stream, unrecognized_name, sizeof unrecognized_name - 1);
    egress_tunnel_drop_hello(c);
    egress_client_end(c);
    free(reason);
    return false;
}

/* What is pending has not been looked at from this byte on.  False: nothing more is to be read of
 * the client for now. */
static bool look_at_hello(struct client *c, size_t from)
{
    struct egress_hello *hello = c->hello;
    bool second = hello->stage == HELLO_SECOND;
    if (hello->stage == HELLO_ANSWER)
        return c->pending.len < NET_READ_MAX;
    enum egress_hello_state state =
        egress_hello_read(hello, c->pending.data + from, c->pending.len - from);
    if (state == HELLO_MORE)
        return true;
    if (state == HELLO_BEFORE)
        return pass(c, c->pending.len);
    if (!egress_tunnel_check_hello(c, state))
        return false;
    return state == HELLO_NONE || second ? pass_all(c) : pass(c, from + hello->used);
}

/* Within a request that was upgraded TLS is of no concern, nor where the policy says so. */
static bool is_checked(const struct client *c)
{
    return c->exchange.kind == EXCHANGE_CONNECT && !c->route.target.literal &&
           strcmp(c->route.decision.endpoint->tls, "skip") != 0;
}

/* Both sides have ended and the kernel has everything: closing ends ours, too.  Ours of TLS ends
 * with an alert, without which the peer would take what it got for cut short. */
static bool is_over(const struct client *c)
{
    return c->inspected == NOT_INSPECTED && c->ended && c->upstream.ended &&
           net_queued(c->stream) == 0 && net_queued(c->upstream.stream) == 0;
}

static void client_has_ended(struct client *c)
{
    if (c->hello)
        pass_all(c);
    c->ended = true;
    if (is_over(c)) {
        egress_client_close(c);
        return;
    }
    net_finish(c->upstream.stream);
    egress_client_has_ended(c);
}

void egress_tunnel_pass(struct client *c)
{
    c->state = &tunnel_state;
    egress_passed_report_bytes(c);
    egress_tunnel_drop_hello(c);
    egress_client_expect(c, 0);
    net_read(c->upstream.stream);
    if (is_checked(c))
        c->hello = alloc_zero(1, sizeof *c->hello);
    bool more = c->hello ? look_at_hello(c, 0) : pass_all(c);
    if (c->state == &tunnel_state && c->ended)
        client_has_ended(c);
    else if (more)
        net_read(c->stream);
}

static void client_said(struct client *c, const char *bytes, size_t len)
{
    bool taken;
    if (c->hello) {
        size_t from = c->pending.len;
        buf_add(&c->pending, bytes, len);
        taken = look_at_hello(c, from);
    } else {
        taken = net_write(c->upstream.stream, bytes, len);
    }
    if (!taken && c->state == &tunnel_state)
        net_pause(c->stream);
}

/* What the client said meanwhile is passed on, or is or follows its second hello. */
static void look_at_answer(struct client *c, const char *bytes, size_t len)
{
    enum egress_hello_state state = egress_hello_read_answer(c->hello, bytes, len);
    if (state != HELLO_MORE && (state == HELLO_NONE ? pass_all(c) : look_at_hello(c, 0)))
        net_read(c->stream);
}

static void tunnel_client_read(struct client *c, const char *bytes, ssize_t n)
{
    if (n > 0) {
        client_said(c, bytes, (size_t)n);
        return;
    }
    if (n == UV_EOF)
        client_has_ended(c);
    else
        egress_client_close(c);
}

static void tunnel_upstream_read(struct client *c, const char *bytes, ssize_t n)
{
    if (n == UV_EOF) {
        if (c->hello)
            pass_all(c);
        c->upstream.ended = true;
        if (is_over(c))
            egress_client_close(c);
        else
            net_finish(c->stream);
    } else if (n < 0) {
        egress_client_close(c);
    } else {
        if (!net_write(c->stream, bytes, (size_t)n))
            net_pause(c->upstream.stream);
        if (c->hello && c->hello->stage == HELLO_ANSWER)
            look_at_answer(c, bytes, (size_t)n);
    }
}

static void tunnel_client_drained(struct client *c, int status)
{
    if (status != 0)
        egress_client_close(c);
    else if (!c->upstream.ended)
        net_read(c->upstream.stream);
}

static void tunnel_upstream_drained(struct client *c, int status)
{
    if (status != 0)
        egress_client_close(c);
    else if (!c->ended)
        net_read(c->stream);
}

static void tunnel_finished(struct client *c)
{
    if (c->finished && c->upstream.finished)
        egress_client_close(c);
}

/* NULL, or why bytes may not pass uninspected any more. */
static const char *must_be_inspected(const struct client *c)
{
    if (egress_websocket_is_inspected(c))
        return "messages to this endpoint are inspected now, and those of this connection are not";
    if (c->exchange.kind == EXCHANGE_CONNECT && egress_inspect_required(c))
        return "requests to this endpoint are inspected now, and this tunnel is not";
    if (egress_concern_required(c))
        return "a middleware that must not be skipped looks at this traffic now";
    return NULL;
}

static void tunnel_policy_changed(struct client *c)
{
    const char *reason;
    if (!egress_still_permitted(c) || !(reason = must_be_inspected(c)))
        return;
    egress_record_ended(c, EGRESS_ENGINE_CONNECTION, reason, false);
    egress_client_close(c);
}

static const struct client_state tunnel_state = {
    .client_read = tunnel_client_read,
    .upstream_read = tunnel_upstream_read,
    .client_drained = tunnel_client_drained,
    .upstream_drained = tunnel_upstream_drained,
    .client_finished = tunnel_finished,
    .upstream_finished = tunnel_finished,
    .policy_changed = tunnel_policy_changed,
    .outlives_client = true,
};
