/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/tunnel/opening.h"

#include <stdio.h>

#include "base/alloc.h"
#include "egress/deny.h"
#include "egress/inspect/inspect.h"
#include "egress/record.h"
#include "egress/tunnel/tunnel.h"
#include "egress/voters/concern.h"

static const struct client_state opening_state;

static void refuse_protocol(struct client *c, const char *reason)
{
    struct egress_refusal refusal;
    egress_refuse(&refusal, REFUSAL_PROTOCOL, "%s", reason);
    refusal.policy = c->route.decision.rule->key;
    egress_record_refused(c, EGRESS_ENGINE_REQUEST, refusal.reason);
    egress_client_refuse(c, &refusal);
}

/* Nothing of it is read. */
static void pass(struct client *c)
{
    if (egress_concern_skip(c))
        egress_tunnel_pass(c);
}

/* The client does not speak TLS. */
static void guess_protocol(struct client *c)
{
    bool required = egress_inspect_required(c);
    switch (egress_inspect_guess(c->pending.data, c->pending.len, !required)) {
    case EGRESS_PROTOCOL_UNKNOWN:
        break;
    case EGRESS_PROTOCOL_HTTP:
        egress_inspect_plain(c);
        break;
    case EGRESS_PROTOCOL_HTTP2:
        egress_inspect_http2(c);
        break;
    case EGRESS_PROTOCOL_OTHER:
        if (required)
            refuse_protocol(c, "Unsupported tunnel protocol for L7-inspected endpoint");
        else
            pass(c);
        break;
    }
}

/* What is pending has not been looked at from this byte on. */
static void look_at_bytes(struct client *c, size_t from)
{
    enum egress_hello_state state = HELLO_NONE;
    if (c->hello)
        state = egress_hello_read(c->hello, c->pending.data + from, c->pending.len - from);
    if (state == HELLO_MORE || state == HELLO_BEFORE || !egress_tunnel_check_hello(c, state))
        return;
    bool offers_http2 = c->hello && c->hello->offers_http2;
    egress_tunnel_drop_hello(c);
    if (state == HELLO_READ)
        egress_inspect_tls(c, offers_http2);
    else
        guess_protocol(c);
}

static bool can_be_secured(const struct client *c)
{
    return c->proxy->inspection.authority != NULL;
}

static void refuse_without_authority(struct client *c)
{
    struct egress_refusal refusal;
    egress_refuse(&refusal, REFUSAL_NO_TLS,
                  "the requests to %s are to be inspected, and this sandbox "
                  "has no certificate authority",
                  c->route.target.authority);
    egress_fail(c, &refusal);
}

void egress_tunnel_open(struct client *c)
{
    static const char established[] = "HTTP/1.1 200 Connection Established\r\n\r\n";
    if (egress_inspect_required(c) && !can_be_secured(c)) {
        refuse_without_authority(c);
        return;
    }
    if (c->transparent && !egress_client_admit(c)) {
        egress_client_close(c);
        return;
    }
    bool taken = c->transparent || net_write(c->stream, established, sizeof established - 1);
    if (!egress_inspect_wanted(c)) {
        pass(c);
        return;
    }
    c->state = &opening_state;
    c->hello = alloc_zero(1, sizeof *c->hello);
    if (taken && !egress_inspect_required(c))
        net_read(c->upstream.stream);
    look_at_bytes(c, 0);
    if (c->state == &opening_state)
        net_read(c->stream);
}

static void opening_client_read(struct client *c, const char *bytes, ssize_t n)
{
    size_t from = c->pending.len;
    if (n > 0) {
        buf_add(&c->pending, bytes, (size_t)n);
        look_at_bytes(c, from);
    } else if (n == UV_EOF && !egress_inspect_required(c)) {
        c->ended = true;
        pass(c);
    } else {
        egress_client_close(c);
    }
}

/* A server that speaks first has no use for TLS or HTTP from the first byte on. */
static void opening_upstream_read(struct client *c, const char *bytes, ssize_t n)
{
    pass(c);
    if (c->state->upstream_read)
        c->state->upstream_read(c, bytes, n);
}

static void opening_client_drained(struct client *c, int status)
{
    if (status != 0)
        egress_client_close(c);
    else if (!egress_inspect_required(c))
        net_read(c->upstream.stream);
}

static void opening_policy_changed(struct client *c)
{
    if (egress_still_permitted(c) && egress_inspect_required(c))
        net_pause(c->upstream.stream);
}

static const struct client_state opening_state = {
    .client_read = opening_client_read,
    .upstream_read = opening_upstream_read,
    .client_drained = opening_client_drained,
    .policy_changed = opening_policy_changed,
    .outlives_client = true,
};
