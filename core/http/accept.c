/* SPDX-License-Identifier: Apache-2.0 */
/* A connection that a listener has taken: who is at the other end, and whether there is room. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/log.h"
#include "http/connection.h"
#include "http/listener.h"
#include "net/certificate.h"
#include "net/tls.h"
#include "net/tls_server.h"

/* The uid of the peer is being looked for, before its first byte is read. */
struct look {
    struct http_connection *connection;
    struct http_peer peer;
    uv_work_t work;
};

static void look_for_peer(uv_work_t *work)
{
    struct look *look = work->data;
    http_peer_look(&look->peer);
}

static void end_look(uv_work_t *work, int status)
{
    struct look *look = work->data;
    struct http_connection *c = look->connection;
    (void)status;
    c->server->n_looking--;
    c->peer = look->peer;
    if (!c->closing)
        net_read(c->socket);
    free(look);
    connection_part_closed(c);
}

/* Beyond the limit the peer has no uid: a token still says who it is. */
static bool begin_look(struct http_connection *c)
{
    if (!(c->peer.listener & HTTP_TRUST_LOCAL_UIDS) || !c->peer.loopback ||
        c->server->n_looking >= LOOKING_MAX)
        return false;
    struct look *look = alloc_zero(1, sizeof *look);
    *look = (struct look){.connection = c, .peer = c->peer, .work.data = look};
    if (uv_queue_work(c->server->loop, &look->work, look_for_peer, end_look) != 0) {
        free(look);
        return false;
    }
    c->server->n_looking++;
    c->open_parts++;
    return true;
}

static void refuse_room(struct http_connection *c, enum connection_room room)
{
    connection_refuse(c, 503,
           room == ROOM_NOT_FOR_SOURCE
               ? "you have as many connections to this server as one client may: close some of them"
               : "this server has as many connections as it may: try again later");
}

/* The time for the first head is that of the handshake too.  An answer that is written before the
 * handshake is over waits for it.  False: OpenSSL refused. */
static bool begin_tls(struct http_connection *c, struct tls_server *tls)
{
    SSL *ssl = tls_server_ssl(tls, &c->epoch);
    if (!ssl)
        return false;
    c->tls = tls;
    c->peer.encrypted = true;
    c->shaking = true;
    c->socket = net_tls_new(c->socket, ssl, NULL, 0, &connection_calls, c);
    connection_bound_handshakes(c);
    return true;
}

void connection_shaken(struct http_connection *c, int status)
{
    c->shaking = false;
    if (status == 0) {
        c->certificate = net_certificate_of(net_tls_ssl(c->socket));
        return;
    }
    log_debug(c->server->log, "%s: no TLS: %s", c->peer.text, net_tls_problem(c->socket));
    connection_close(c);
}

void connection_begin(struct http_listener *listener, enum net_kind kind)
{
    struct http_server *server = listener->server;
    struct http_connection *c = connection_new(server);
    enum connection_room room = ROOM_NOT_TO_SAY_SO;
    c->socket = net_socket_new(server->loop, kind, &connection_calls, c);
    server->stats.connections++;
    if (net_accept(c->socket, &listener->uv.stream) == 0) {
        http_peer_read(net_fileno(c->socket), &c->peer);
        http_source_read(&c->peer, &c->source);
        c->peer.listener = listener->flags;
        room = connection_make_room(c);
    }
    if (room != ROOM_NOT_TO_SAY_SO && listener->tls && !begin_tls(c, listener->tls))
        room = ROOM_NOT_TO_SAY_SO;
    if (room == ROOM_NOT_TO_SAY_SO) {
        connection_close(c);
        return;
    }
    connection_enter(c, CONNECTION_IDLE, server->limits.head_ms);
    if (room != ROOM_IS || !begin_look(c))
        net_read(c->socket);
    if (room != ROOM_IS)
        refuse_room(c, room);
}
