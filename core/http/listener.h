/* SPDX-License-Identifier: Apache-2.0 */
/* Listening sockets of a server, for the http folder only.  Loop thread only. */
#ifndef HTTP_LISTENER_H
#define HTTP_LISTENER_H

#include "http/address.h"
#include "net/stream.h"

struct http_server;

struct http_listener {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
    struct http_server *server;
    struct http_listener *next;
    struct http_address address;                    /* with the port that was chosen */
    unsigned flags;                                 /* enum http_listener_flags */
    struct tls_server *tls;                         /* NULL: clear text; borrowed */
};

/* Listens, or says why not; refused means nothing is left behind. */
int listener_open(struct http_server *server, const struct http_address *address, unsigned flags,
                  struct tls_server *tls, struct error *err);
void listener_close(struct http_listener *listener);

#endif
