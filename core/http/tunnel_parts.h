/* SPDX-License-Identifier: Apache-2.0 */
/* How the server and the client make tunnels; for the http folder.  Loop thread only. */
#ifndef HTTP_TUNNEL_PARTS_H
#define HTTP_TUNNEL_PARTS_H

#include "net/stream.h"

struct http_tunnel;
struct http_tunnel_callbacks;

/* The tunnels of one server, which ends only after them. */
struct http_tunnels {
    struct http_tunnel *first;
    unsigned n;
    void (*on_gone)(struct http_tunnels *tunnels);  /* after each one */
};

/* Takes socket and pending, the bytes that were read already; silent until http_tunnel_start or
 * http_tunnel_open.  tunnels may be NULL. */
struct http_tunnel *http_tunnel_new(struct net_stream *socket, struct buf *pending,
                                    struct http_tunnels *tunnels);
/* Sends head first and begins to read when the kernel has taken it. */
void http_tunnel_open(struct http_tunnel *tunnel, struct buf *head,
                      const struct http_tunnel_callbacks *callbacks, void *ctx);
/* http_tunnel_start without reading. */
void http_tunnel_hand_over(struct http_tunnel *tunnel,
                           const struct http_tunnel_callbacks *callbacks, void *ctx);
struct net_stream *http_tunnel_socket(const struct http_tunnel *tunnel);
void http_tunnels_close(struct http_tunnels *tunnels);

#endif
