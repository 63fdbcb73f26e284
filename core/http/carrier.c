/* SPDX-License-Identifier: Apache-2.0 */
#include "http/carrier.h"

#include <string.h>

#include "http/connection.h"
#include "net/certificate.h"

void http_server_carry(struct http_server *server, const struct http_protocol *protocol)
{
    server->protocol = protocol;
}

static void begin(struct http_connection *c)
{
    const struct http_protocol *protocol = c->server->protocol;
    struct net_stream *socket = c->socket;
    struct buf first = c->input;
    c->input = (struct buf){0};
    c->socket = NULL; /* its part of the connection is the session's */
    c->fresh = false;
    connection_enter(c, CONNECTION_CARRYING, 0);
    c->session = protocol->begin(c, socket, &first, c->tls != NULL, &c->server->limits);
    buf_free(&first);
    if (c->server->draining)
        protocol->leave(c->session);
}

/* While the preface is not complete the time for a head runs. */
bool carrier_is_asked(struct http_connection *c)
{
    const struct http_protocol *protocol = c->server->protocol;
    if (!protocol || c->carrier || c->state > CONNECTION_HEAD || !c->input.len || c->eof)
        return false;
    size_t n = c->input.len < protocol->n_preface ? c->input.len : protocol->n_preface;
    if (memcmp(c->input.data, protocol->preface, n) != 0)
        return false;
    if (n == protocol->n_preface)
        begin(c);
    else
        c->state = CONNECTION_HEAD;
    return true;
}

void http_carrier_request(struct http_connection *carrier, struct net_stream *stream)
{
    struct http_server *server = carrier->server;
    struct http_connection *c = connection_new(server);
    c->carrier = carrier;
    c->socket = stream;
    c->peer = carrier->peer;
    c->source = carrier->source;
    c->tls = carrier->tls;
    c->epoch = carrier->epoch;
    c->certificate = net_certificate_ref(carrier->certificate);
    carrier->open_parts++;
    carrier->n_carried++;
    server->stats.streams++;
    net_set_owner(stream, &connection_calls, c);
    connection_enter(c, CONNECTION_IDLE, server->limits.head_ms);
    if (!connection_has_stream_room(c))
        connection_refuse(c, 503, "this server has as many requests under way as it may: wait for "
                                  "some of them");
    else
        net_read(stream);
}

void carrier_lose(struct http_connection *c)
{
    c->server->stats.streams--;
    c->carrier->n_carried--;
    connection_part_closed(c->carrier);
}

void carrier_close(struct http_connection *carrier)
{
    for (struct http_connection *c = carrier->server->connections; c; c = c->next)
        if (c->carrier == carrier)
            connection_break_stream(c, "the peer has hung up");
    carrier->server->protocol->close(carrier->session);
}

void carrier_drain(struct http_connection *carrier)
{
    carrier->server->protocol->leave(carrier->session);
}

void http_carrier_ended(struct http_connection *carrier)
{
    connection_close(carrier);
}

void http_carrier_closed(struct http_connection *carrier)
{
    connection_part_closed(carrier);
}
