/* SPDX-License-Identifier: Apache-2.0 */
/* After CONNECT: bytes both ways.  Each direction reads only while its writer keeps up, and ends on
 * its own. */
#include "egress/connection.h"

void egress_tunnel_begin(struct connection *c)
{
    static const char established[] = "HTTP/1.1 200 Connection Established\r\n\r\n";
    c->state = CONNECTION_TUNNEL;
    if (egress_socket_write(c->client, established, sizeof established - 1))
        egress_socket_read(c->upstream);
    bool taken = egress_socket_write(c->upstream, c->pending.data, c->pending.len);
    buf_free(&c->pending);
    if (taken)
        egress_socket_read(c->client);
}

void egress_tunnel_read(struct connection *c, bool from_client, const char *bytes, ssize_t n)
{
    struct egress_socket *from = from_client ? c->client : c->upstream;
    struct egress_socket *to = from_client ? c->upstream : c->client;
    if (n == UV_EOF) {
        *(from_client ? &c->client_ended : &c->upstream_ended) = true;
        egress_socket_finish(to);
    } else if (n < 0) {
        egress_connection_close(c);
    } else if (!egress_socket_write(to, bytes, (size_t)n)) {
        egress_socket_pause(from);
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
