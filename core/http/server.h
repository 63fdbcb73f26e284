/* SPDX-License-Identifier: Apache-2.0 */
/* An HTTP/1.1 server on a libuv loop.
 *
 * The server owns its listeners and connections; it borrows router, ctx and log for its whole life
 * and copies the limits.  Requests of one connection are answered in order, one at a time.  Every
 * violation of HTTP or of a limit is answered with a problem document before the connection is
 * closed, as long as an answer can still be sent.  Loop thread only.
 *
 * The process must ignore SIGPIPE, here and wherever the rest of this folder is used.
 *
 * It ends in one way: http_server_close, whose callback is the last thing heard of it; requests
 * that are not yet answered stay valid until they are. */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include <uv.h>

#include "http/address.h"
#include "http/limits.h"
#include "http/router.h"

struct error;
struct log;
struct tls_server;

struct http_server;

/* limits NULL: the defaults. */
struct http_server *http_server_new(uv_loop_t *loop, const struct http_limits *limits,
                                    const struct http_router *router, void *ctx,
                                    const struct log *log);

/* What the service takes does not reach the router.  Before the first connection; both are borrowed
 * for the server's whole life.  The first of HTTP_SERVICES_MAX that takes a request gets it. */
void http_server_offer(struct http_server *server, const struct http_service *service, void *ctx);

/* May be called several times.  flags: enum http_listener_flags.  A unix socket gets mode 0600; the
 * file of a dead process is replaced, the socket of a live one and a file that is no socket are
 * refused.  EXISTS: in use; MALFORMED: no address; INTERNAL: anything else the kernel says. */
int http_server_listen(struct http_server *server, const char *address, unsigned flags,
                       struct error *err);
/* The same over TLS; tls is borrowed for the server's whole life.  An address by TCP. */
int http_server_listen_tls(struct http_server *server, const char *address, unsigned flags,
                           struct tls_server *tls, struct error *err);
size_t http_server_n_addresses(const struct http_server *server);
/* The i-th address, with the port that was chosen for port 0. */
const char *http_server_address(const struct http_server *server, size_t i,
                                char out[HTTP_ADDRESS_SIZE]);

/* Stops listening, closes idle connections and streams, lets requests that have begun be answered
 * (with "Connection: close"), then calls on_drained.  Tunnels are not waited for: they are their
 * owners' business until http_server_close.  At most once. */
void http_server_drain(struct http_server *server, void (*on_drained)(void *ctx), void *ctx);
/* Closes everything at once, frees the server and then calls on_closed (NULL: nobody asks). */
void http_server_close(struct http_server *server, void (*on_closed)(void *ctx), void *ctx);

struct http_stats http_server_stats(const struct http_server *server);

#endif
