/* SPDX-License-Identifier: Apache-2.0 */
/* A tunnel as a stream of net/, for those who need not know that HTTP carries it.  The tunnel may
 * close before its owner closes the stream, which is then told and closes the stream as any that
 * broke. */
#include <stdlib.h>

#include "base/alloc.h"
#include "http/tunnel.h"
#include "http/tunnel_parts.h"
#include "net/transport.h"

struct carried {
    struct net_stream stream;
    struct http_tunnel *tunnel;                     /* NULL: closed */
    uv_timer_t last;                                /* its close callback is the end */
    bool ended, finishing;                          /* the peer's side; ours */
};

static struct carried *carried_of(const struct net_stream *stream)
{
    return (struct carried *)stream;
}

static void carried_read(struct net_stream *stream)
{
    struct carried *c = carried_of(stream);
    if (c->tunnel)
        http_tunnel_resume(c->tunnel);
}

static void carried_pause(struct net_stream *stream)
{
    struct carried *c = carried_of(stream);
    if (c->tunnel)
        http_tunnel_pause(c->tunnel);
}

static bool carried_write(struct net_stream *stream, const void *bytes, size_t len)
{
    struct carried *c = carried_of(stream);
    return !c->tunnel || http_tunnel_write(c->tunnel, bytes, len);
}

static void carried_send(struct net_stream *stream, struct buf *bytes)
{
    struct carried *c = carried_of(stream);
    if (c->tunnel)
        http_tunnel_send(c->tunnel, bytes);
    else
        buf_free(bytes);
}

static size_t carried_queued(const struct net_stream *stream)
{
    struct carried *c = carried_of(stream);
    return c->tunnel ? http_tunnel_queued(c->tunnel) : 0;
}

static void carried_finish(struct net_stream *stream)
{
    struct carried *c = carried_of(stream);
    c->finishing = true;
    if (c->tunnel)
        http_tunnel_shutdown(c->tunnel);
}

static void free_carried(uv_handle_t *last)
{
    struct carried *c = last->data;
    c->stream.calls->closed(c->stream.owner);
    free(c);
}

static void end(struct carried *c)
{
    uv_close((uv_handle_t *)&c->last, free_carried);
}

static void carried_close(struct net_stream *stream)
{
    struct carried *c = carried_of(stream);
    if (c->tunnel)
        http_tunnel_close(c->tunnel);
    else
        end(c);
}

static int carried_fileno(const struct net_stream *stream)
{
    struct carried *c = carried_of(stream);
    return c->tunnel ? net_fileno(http_tunnel_socket(c->tunnel)) : -1;
}

static const struct net_transport transport = {
    .read = carried_read,
    .pause = carried_pause,
    .write = carried_write,
    .send = carried_send,
    .queued = carried_queued,
    .finish = carried_finish,
    .close = carried_close,
    .fileno = carried_fileno,
};

static void on_read(struct http_tunnel *tunnel, void *ctx, const char *bytes, size_t len)
{
    struct carried *c = ctx;
    (void)tunnel;
    c->ended = len == 0;
    net_tell_read(&c->stream, bytes, len ? (ssize_t)len : UV_EOF);
}

static void on_drain(struct http_tunnel *tunnel, void *ctx)
{
    struct carried *c = ctx;
    (void)tunnel;
    net_tell_drained(&c->stream, 0);
}

static void on_close(void *ctx, const struct error *why)
{
    struct carried *c = ctx;
    int status = why ? UV_ECONNRESET : UV_ECONNABORTED;
    c->tunnel = NULL;
    if (c->stream.closing)
        end(c);
    else if (!c->ended)
        net_tell_read(&c->stream, NULL, status);
    else if (c->finishing)
        net_tell_finished(&c->stream, why ? status : 0);
    else
        net_tell_drained(&c->stream, status);
}

struct net_stream *http_tunnel_stream(struct http_tunnel *tunnel, const struct net_calls *calls,
                                      void *owner)
{
    static const struct http_tunnel_callbacks callbacks = {on_read, on_drain, on_close};
    struct carried *c = alloc_zero(1, sizeof *c);
    uv_loop_t *loop = net_loop(http_tunnel_socket(tunnel));
    c->stream =
        (struct net_stream){.transport = &transport, .loop = loop, .calls = calls, .owner = owner};
    c->tunnel = tunnel;
    uv_timer_init(loop, &c->last);
    c->last.data = c;
    http_tunnel_hand_over(tunnel, &callbacks, c);
    return &c->stream;
}
