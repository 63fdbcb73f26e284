/* SPDX-License-Identifier: Apache-2.0 */
#include "http/server.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/error.h"
#include "http/connection.h"
#include "http/listener.h"

static void tunnel_gone(struct http_tunnels *tunnels)
{
    http_server_check((struct http_server *)((char *)tunnels -
                                             offsetof(struct http_server, tunnels)));
}

struct http_server *http_server_new(uv_loop_t *loop, const struct http_limits *limits,
                                    const struct http_router *router, void *ctx,
                                    const struct log *log)
{
    struct http_server *server = alloc_zero(1, sizeof *server);
    server->loop = loop;
    server->limits = limits ? *limits : (struct http_limits)HTTP_LIMITS_DEFAULT;
    server->router = router;
    server->ctx = ctx;
    server->log = log;
    server->tunnels.on_gone = tunnel_gone;
    uv_timer_init(loop, &server->timer);
    server->timer.data = server;
    return server;
}

void http_server_offer(struct http_server *server, const struct http_service *service, void *ctx)
{
    if (server->n_services < HTTP_SERVICES_MAX)
        server->services[server->n_services++] = (struct http_offered){service, ctx};
}

int http_server_listen_tls(struct http_server *server, const char *text, unsigned flags,
                           struct tls_server *tls, struct error *err)
{
    struct http_address address;
    if (http_address_parse(text, &address, err) != 0)
        return -1;
    if (address.kind == HTTP_TCP && !address.resolved)
        return error_set(err, ERROR_MALFORMED, "cannot listen on %s: give an IP address or "
                         "localhost, not a name", text);
    return listener_open(server, &address, flags, tls, err);
}

int http_server_listen(struct http_server *server, const char *text, unsigned flags,
                       struct error *err)
{
    return http_server_listen_tls(server, text, flags, NULL, err);
}

size_t http_server_n_addresses(const struct http_server *server)
{
    size_t n = 0;
    for (const struct http_listener *l = server->listeners; l; l = l->next)
        n++;
    return n;
}

const char *http_server_address(const struct http_server *server, size_t i,
                                char out[HTTP_ADDRESS_SIZE])
{
    const struct http_listener *l = server->listeners;
    while (l && i--)
        l = l->next;
    out[0] = '\0';
    return l ? http_address_format(&l->address, out) : out;
}

static void close_listeners(struct http_server *server)
{
    while (server->listeners)
        listener_close(server->listeners);
}

static void tell_drained(uv_timer_t *timer)
{
    struct http_server *server = timer->data;
    server->on_drained(server->drained_ctx);
}

void http_server_check(struct http_server *server)
{
    if (server->connections || server->n_listeners)
        return;
    if (server->draining && !server->drained && !server->closing) {
        server->drained = true;
        uv_timer_start(&server->timer, tell_drained, 0, 0);
    }
    if (!server->closing || !server->timer_closed || server->tunnels.first)
        return;
    void (*on_closed)(void *) = server->on_closed;
    void *ctx = server->closed_ctx;
    free(server);
    if (on_closed)
        on_closed(ctx);
}

void http_server_drain(struct http_server *server, void (*on_drained)(void *ctx), void *ctx)
{
    server->draining = true;
    server->on_drained = on_drained;
    server->drained_ctx = ctx;
    close_listeners(server);
    for (struct http_connection *c = server->connections; c; c = c->next)
        connection_drain(c);
    http_server_check(server);
}

static void timer_closed(uv_handle_t *timer)
{
    struct http_server *server = timer->data;
    server->timer_closed = true;
    http_server_check(server);
}

void http_server_close(struct http_server *server, void (*on_closed)(void *ctx), void *ctx)
{
    server->closing = true;
    server->on_closed = on_closed;
    server->closed_ctx = ctx;
    close_listeners(server);
    for (struct http_connection *c = server->connections; c; c = c->next)
        connection_close(c);
    http_tunnels_close(&server->tunnels);
    uv_close((uv_handle_t *)&server->timer, timer_closed);
}

struct http_stats http_server_stats(const struct http_server *server)
{
    struct http_stats stats = server->stats;
    stats.tunnels = server->tunnels.n;
    return stats;
}
