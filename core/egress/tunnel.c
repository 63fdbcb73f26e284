/* SPDX-License-Identifier: Apache-2.0 */
/* After CONNECT: bytes both ways.  Each direction reads only while its writer keeps up, and ends on
 * its own.  A TLS client's first message waits until it is known which server it asks for. */
#include "egress/connection.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

/* False: the upstream does not keep up. */
static bool pass_pending(struct connection *c)
{
    bool taken = egress_socket_write(c->upstream, c->pending.data, c->pending.len);
    buf_free(&c->pending);
    return taken;
}

void egress_tunnel_free(struct connection *c)
{
    if (c->hello)
        egress_hello_free(c->hello);
    free(c->hello);
    c->hello = NULL;
}

/* False: nothing more is to be read of the client for now. */
static bool look_at_hello(struct connection *c, const char *bytes, size_t len)
{
    enum egress_hello_state state = egress_hello_read(c->hello, bytes, len);
    if (state == HELLO_MORE)
        return true;
    bool decided = egress_decide_hello(c, state);
    egress_tunnel_free(c);
    return decided && pass_pending(c);
}

static bool is_inspected(const struct flow *flow)
{
    return !flow->target.literal && strcmp(flow->decision.endpoint->tls, "skip") != 0;
}

void egress_tunnel_begin(struct connection *c)
{
    static const char established[] = "HTTP/1.1 200 Connection Established\r\n\r\n";
    c->state = CONNECTION_TUNNEL;
    if (egress_socket_write(c->client, established, sizeof established - 1))
        egress_socket_read(c->upstream);
    if (is_inspected(&c->flow))
        c->hello = alloc_zero(1, sizeof *c->hello);
    if (c->hello ? look_at_hello(c, c->pending.data, c->pending.len) : pass_pending(c))
        egress_socket_read(c->client);
}

static void client_said(struct connection *c, const char *bytes, size_t len)
{
    bool taken;
    if (c->hello) {
        buf_add(&c->pending, bytes, len);
        taken = look_at_hello(c, bytes, len);
    } else {
        taken = egress_socket_write(c->upstream, bytes, len);
    }
    if (!taken && c->state == CONNECTION_TUNNEL)
        egress_socket_pause(c->client);
}

void egress_tunnel_read(struct connection *c, bool from_client, const char *bytes, ssize_t n)
{
    struct egress_socket *to = from_client ? c->upstream : c->client;
    if (n == UV_EOF) {
        if (from_client && c->hello) {
            egress_tunnel_free(c);
            pass_pending(c);
        }
        *(from_client ? &c->client_ended : &c->upstream_ended) = true;
        egress_socket_finish(to);
    } else if (n < 0) {
        egress_connection_close(c);
    } else if (from_client) {
        client_said(c, bytes, (size_t)n);
    } else if (!egress_socket_write(to, bytes, (size_t)n)) {
        egress_socket_pause(c->upstream);
    }
}

void egress_tunnel_drained(struct connection *c, bool client, int status)
{
    if (status != 0)
        egress_connection_close(c);
    else if (client && !c->upstream_ended)
        egress_socket_read(c->upstream);
    else if (!client && !c->client_ended)
        egress_socket_read(c->client);
}

void egress_tunnel_finished(struct connection *c)
{
    if (c->client_finished && c->upstream_finished)
        egress_connection_close(c);
}
