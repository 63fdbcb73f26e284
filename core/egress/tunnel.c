/* SPDX-License-Identifier: Apache-2.0 */
/* After CONNECT: bytes both ways.  Each direction reads only while its writer keeps up, and ends on
 * its own.  A TLS client's first message waits until it is known which server it asks for. */
#include "egress/connection.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

/* The first bytes that the client has been waiting with.  False: the upstream does not keep up. */
static bool pass(struct connection *c, size_t len)
{
    bool taken = net_write(c->upstream, c->pending.data, len);
    buf_consume(&c->pending, len);
    return taken;
}

void egress_tunnel_free(struct connection *c)
{
    if (c->hello)
        egress_hello_free(c->hello);
    free(c->hello);
    c->hello = NULL;
}

/* No hello is waited for any more. */
static bool pass_all(struct connection *c)
{
    bool taken;
    egress_tunnel_free(c);
    taken = pass(c, c->pending.len);
    buf_free(&c->pending);
    return taken;
}

/* What is pending has not been looked at from this byte on.  False: nothing more is to be read of the client
 * for now. */
static bool look_at_hello(struct connection *c, size_t from)
{
    struct egress_hello *hello = c->hello;
    bool second = hello->stage == HELLO_SECOND;
    if (hello->stage == HELLO_ANSWER)
        return c->pending.len < NET_READ_MAX;
    enum egress_hello_state state = egress_hello_read(hello, c->pending.data + from, c->pending.len - from);
    if (state == HELLO_MORE)
        return true;
    if (state == HELLO_BEFORE)
        return pass(c, c->pending.len);
    if (!egress_decide_hello(c, state)) {
        egress_tunnel_free(c);
        return false;
    }
    return state == HELLO_NONE || second ? pass_all(c) : pass(c, from + hello->used);
}

static bool is_inspected(const struct flow *flow)
{
    return !flow->target.literal && strcmp(flow->decision.endpoint->tls, "skip") != 0;
}

void egress_tunnel_begin(struct connection *c)
{
    static const char established[] = "HTTP/1.1 200 Connection Established\r\n\r\n";
    c->state = CONNECTION_TUNNEL;
    if (net_write(c->client, established, sizeof established - 1))
        net_read(c->upstream);
    if (is_inspected(&c->flow))
        c->hello = alloc_zero(1, sizeof *c->hello);
    if (c->hello ? look_at_hello(c, 0) : pass_all(c))
        net_read(c->client);
}

static void client_said(struct connection *c, const char *bytes, size_t len)
{
    bool taken;
    if (c->hello) {
        size_t from = c->pending.len;
        buf_add(&c->pending, bytes, len);
        taken = look_at_hello(c, from);
    } else {
        taken = net_write(c->upstream, bytes, len);
    }
    if (!taken && c->state == CONNECTION_TUNNEL)
        net_pause(c->client);
}

/* What the client said meanwhile is passed on, or is or follows its second hello. */
static void look_at_answer(struct connection *c, const char *bytes, size_t len)
{
    enum egress_hello_state state = egress_hello_read_answer(c->hello, bytes, len);
    if (state != HELLO_MORE && (state == HELLO_NONE ? pass_all(c) : look_at_hello(c, 0)))
        net_read(c->client);
}

void egress_tunnel_read(struct connection *c, bool from_client, const char *bytes, ssize_t n)
{
    struct net_stream *to = from_client ? c->upstream : c->client;
    if (n == UV_EOF) {
        if (c->hello)
            pass_all(c);
        *(from_client ? &c->client_ended : &c->upstream_ended) = true;
        net_finish(to);
    } else if (n < 0) {
        egress_connection_close(c);
    } else if (from_client) {
        client_said(c, bytes, (size_t)n);
    } else {
        if (!net_write(to, bytes, (size_t)n))
            net_pause(c->upstream);
        if (c->hello && c->hello->stage == HELLO_ANSWER)
            look_at_answer(c, bytes, (size_t)n);
    }
}

void egress_tunnel_drained(struct connection *c, bool client, int status)
{
    if (status != 0)
        egress_connection_close(c);
    else if (client && !c->upstream_ended)
        net_read(c->upstream);
    else if (!client && !c->client_ended)
        net_read(c->client);
}

void egress_tunnel_finished(struct connection *c)
{
    if (c->client_finished && c->upstream_finished)
        egress_connection_close(c);
}
