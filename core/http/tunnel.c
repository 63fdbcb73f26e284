/* SPDX-License-Identifier: Apache-2.0 */
#include "http/tunnel.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "http/tunnel_parts.h"
#include "net/handle.h"

/* A second descriptor of the socket: the loop does not look at one that is paused. */
struct watch {
    uv_poll_t poll;
    int fd;
};

struct http_tunnel {
    struct net_stream *socket;
    struct watch *watch;                            /* NULL: the peer's end waits for its turn */
    struct http_tunnel_callbacks callbacks;
    void *ctx;
    struct buf pending;                             /* came with the head, not delivered yet */
    bool opening;                                   /* the head is not sent yet */
    bool drain_due;                                 /* bytes of the owner are queued */
    bool paused;
    bool read_ended, told_end;
    bool write_ended, shut;                         /* asked for, done */
    bool closing, broken;
    struct error why;                               /* broken */
    struct http_tunnels *tunnels;
    struct http_tunnel *prev, *next;
};

static void leave(struct http_tunnel *t)
{
    struct http_tunnels *all = t->tunnels;
    if (!all)
        return;
    *(t->prev ? &t->prev->next : &all->first) = t->next;
    if (t->next)
        t->next->prev = t->prev;
    all->n--;
    all->on_gone(all);
}

static void closed(void *owner)
{
    struct http_tunnel *t = owner;
    if (t->callbacks.on_close)
        t->callbacks.on_close(t->ctx, t->broken ? &t->why : NULL);
    leave(t);
    buf_free(&t->pending);
    free(t);
}

static void watch_closed(uv_handle_t *handle)
{
    struct watch *watch = (struct watch *)handle;
    close(watch->fd);
    free(watch);
}

void http_tunnel_close(struct http_tunnel *t)
{
    if (t->closing)
        return;
    t->closing = true;
    if (t->watch)
        uv_close((uv_handle_t *)&t->watch->poll, watch_closed);
    net_close(t->socket);
}

static void broke(struct http_tunnel *t, const char *what, const char *reason)
{
    if (t->closing)
        return;
    t->broken = true;
    error_set(&t->why, ERROR_UPSTREAM, "%s the tunnel failed: %s", what, reason);
    http_tunnel_close(t);
}

static void on_hang_up(uv_poll_t *poll, int status, int events)
{
    (void)status, (void)events;
    http_tunnel_close(poll->data);
}

void http_tunnel_close_at_end(struct http_tunnel *t)
{
    if (t->closing || t->watch)
        return;
    int copy = fcntl(net_fileno(t->socket), F_DUPFD_CLOEXEC, 0);
    if (copy < 0) {
        broke(t, "watching", "it is not connected, or no descriptor is free");
        return;
    }
    t->watch = alloc_zero(1, sizeof *t->watch);
    t->watch->fd = copy;
    t->watch->poll.data = t;
    net_make_poll(net_loop(t->socket), &t->watch->poll, copy);
    uv_poll_start(&t->watch->poll, UV_DISCONNECT, on_hang_up);
}

static void end_if_both_ended(struct http_tunnel *t)
{
    if (t->read_ended && t->shut)
        http_tunnel_close(t);
}

static void tell_end(struct http_tunnel *t)
{
    if (t->told_end)
        return;
    t->told_end = true;
    t->callbacks.on_read(t, t->ctx, "", 0);
    end_if_both_ended(t);
}

static void on_read(void *owner, const char *bytes, ssize_t n)
{
    struct http_tunnel *t = owner;
    if (n > 0) {
        t->callbacks.on_read(t, t->ctx, bytes, (size_t)n);
    } else if (n == UV_EOF) {
        t->read_ended = true;
        tell_end(t);
    } else {
        broke(t, "reading from", uv_strerror((int)n));
    }
}

static void deliver_pending(struct http_tunnel *t)
{
    struct buf bytes = t->pending;
    t->pending = (struct buf){0};
    if (bytes.len)
        t->callbacks.on_read(t, t->ctx, bytes.data, bytes.len);
    buf_free(&bytes);
}

static void read_on(struct http_tunnel *t)
{
    if (t->pending.len && !t->paused && !t->closing)
        deliver_pending(t);
    if (t->paused || t->closing)
        return;
    if (t->read_ended)
        tell_end(t);
    else
        net_read(t->socket);
}

static void opened(struct http_tunnel *t, int status)
{
    t->opening = false;
    if (status < 0)
        broke(t, "opening", uv_strerror(status));
    else
        read_on(t);
}

static void on_drained(void *owner, int status)
{
    struct http_tunnel *t = owner;
    if (t->opening)
        opened(t, status);
    else if (status < 0)
        broke(t, "writing to", uv_strerror(status));
    bool due = t->drain_due;
    t->drain_due = false;
    if (due && !t->closing && t->callbacks.on_drain)
        t->callbacks.on_drain(t, t->ctx);
}

static void shut_down(void *owner, int status)
{
    struct http_tunnel *t = owner;
    /* A peer that is wholly gone has ended both sides. */
    if (status < 0 && status != UV_ENOTCONN) {
        broke(t, "ending", uv_strerror(status));
        return;
    }
    t->shut = true;
    end_if_both_ended(t);
}

static const struct net_calls socket_calls = {
    .read = on_read,
    .drained = on_drained,
    .finished = shut_down,
    .closed = closed,
};

struct http_tunnel *http_tunnel_new(struct net_stream *socket, struct buf *pending,
                                    struct http_tunnels *tunnels)
{
    struct http_tunnel *t = alloc_zero(1, sizeof *t);
    net_set_owner(socket, &socket_calls, t);
    t->socket = socket;
    t->pending = *pending;
    *pending = (struct buf){0};
    t->paused = true;
    t->tunnels = tunnels;
    if (tunnels) {
        t->next = tunnels->first;
        if (t->next)
            t->next->prev = t;
        tunnels->first = t;
        tunnels->n++;
    }
    return t;
}

struct http_tunnel *http_tunnel_of(struct net_stream *stream)
{
    return http_tunnel_new(stream, &(struct buf){0}, NULL);
}

void http_tunnel_open(struct http_tunnel *t, struct buf *head,
                      const struct http_tunnel_callbacks *callbacks, void *ctx)
{
    t->callbacks = *callbacks;
    t->ctx = ctx;
    t->paused = false;
    t->opening = true;
    net_send(t->socket, head);
}

void http_tunnel_hand_over(struct http_tunnel *t, const struct http_tunnel_callbacks *callbacks,
                           void *ctx)
{
    http_tunnel_pause(t);
    t->callbacks = *callbacks;
    t->ctx = ctx;
    t->told_end = false;
}

void http_tunnel_start(struct http_tunnel *t, const struct http_tunnel_callbacks *callbacks,
                       void *ctx)
{
    http_tunnel_hand_over(t, callbacks, ctx);
    http_tunnel_resume(t);
}

bool http_tunnel_write(struct http_tunnel *t, const void *bytes, size_t len)
{
    if (t->closing || t->write_ended || len == 0)
        return true;
    if (net_queued(t->socket) + len > HTTP_TUNNEL_QUEUE_MAX) {
        broke(t, "writing to", "the peer reads too slowly");
        return false;
    }
    if (net_write(t->socket, bytes, len))
        return true;
    t->drain_due = true;
    return http_tunnel_queued(t) < HTTP_TUNNEL_QUEUE_HIGH;
}

void http_tunnel_send(struct http_tunnel *t, struct buf *bytes)
{
    if (!t->closing && !t->write_ended && bytes->len &&
        net_queued(t->socket) + bytes->len <= HTTP_TUNNEL_QUEUE_MAX) {
        t->drain_due = true;
        net_send(t->socket, bytes);
        return;
    }
    http_tunnel_write(t, bytes->data, bytes->len);  /* which says what is wrong */
    buf_free(bytes);
}

size_t http_tunnel_queued(const struct http_tunnel *t)
{
    return net_queued(t->socket);
}

void http_tunnel_pause(struct http_tunnel *t)
{
    t->paused = true;
    net_pause(t->socket);
}

void http_tunnel_resume(struct http_tunnel *t)
{
    t->paused = false;
    read_on(t);
}

void http_tunnel_shutdown(struct http_tunnel *t)
{
    if (t->closing || t->write_ended)
        return;
    t->write_ended = true;
    net_finish(t->socket);
}

struct net_stream *http_tunnel_socket(const struct http_tunnel *t)
{
    return t->socket;
}

void http_tunnels_close(struct http_tunnels *tunnels)
{
    for (struct http_tunnel *t = tunnels->first; t; t = t->next)
        http_tunnel_close(t);
}
