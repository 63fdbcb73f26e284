/* SPDX-License-Identifier: Apache-2.0 */
#include "http/connection.h"
#include "http/tunnel.h"

bool http_upgrade_asked(const struct http_request *req, const char *protocol)
{
    const struct http_head *head = req->head;
    return head->minor == 1 && head->keep_alive && http_head_lists(head, "Connection", "upgrade") &&
           http_head_lists(head, "Upgrade", protocol);
}

struct http_tunnel *http_upgrade(struct http_request *req, const char *protocol,
                                 const struct http_tunnel_callbacks *callbacks, void *ctx)
{
    struct http_exchange *x = req->exchange;
    struct http_tunnel *tunnel = NULL;
    struct buf head = {0}, unread = {0};
    struct http_connection *c = exchange_detach(x);
    if (c) {
        exchange_put_head(x, c, &head, 101, NULL);
        buf_printf(&head, "Connection: upgrade\r\nUpgrade: %s\r\n\r\n", protocol);
        struct net_stream *socket = connection_release(c, &unread);
        tunnel = http_tunnel_new(socket, &unread, &c->server->tunnels);
        http_tunnel_open(tunnel, &head, callbacks, ctx);
    }
    exchange_free(x);
    return tunnel;
}
