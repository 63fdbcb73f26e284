/* SPDX-License-Identifier: Apache-2.0 */
/* A connection that a listener has taken: who is at the other end, and whether there is room. */
#include <stdlib.h>

#include "base/alloc.h"
#include "http/connection.h"

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

void connection_begin(struct http_server *server, enum net_kind kind, uv_stream_t *listener,
                      unsigned flags)
{
    struct http_connection *c = connection_new(server);
    enum connection_room room = ROOM_NOT_TO_SAY_SO;
    c->socket = net_socket_new(server->loop, kind, &connection_calls, c);
    server->stats.connections++;
    if (net_accept(c->socket, listener) == 0) {
        http_peer_read(net_fileno(c->socket), &c->peer);
        http_source_read(&c->peer, &c->source);
        c->peer.listener = flags;
        room = connection_make_room(c);
    }
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
