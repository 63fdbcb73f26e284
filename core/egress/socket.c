/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/socket.h"

#include "base/alloc.h"

#include <stdlib.h>

enum { KEEPALIVE_S = 60 };

struct egress_socket {
    uv_tcp_t tcp;
    char *scratch;
    const struct egress_socket_calls *calls;
    void *owner;
    struct buf queue, sending;                      /* waiting for the write under way; in it */
    uv_write_t write;
    uv_shutdown_t shutdown;
    uv_connect_t connect;
    bool writing, finishing, closing;
    int broken;                                     /* libuv error of a write */
};

static uv_stream_t *stream_of(struct egress_socket *s)
{
    return (uv_stream_t *)&s->tcp;
}

struct egress_socket *egress_socket_new(uv_loop_t *loop, char *scratch,
                                        const struct egress_socket_calls *calls, void *owner)
{
    struct egress_socket *s = alloc_zero(1, sizeof *s);
    uv_tcp_init(loop, &s->tcp);
    s->tcp.data = s;
    s->scratch = scratch;
    s->calls = calls;
    s->owner = owner;
    return s;
}

void egress_socket_tune(uv_tcp_t *tcp)
{
    uv_tcp_nodelay(tcp, 1);
    uv_tcp_keepalive(tcp, 1, KEEPALIVE_S);
}

int egress_socket_accept(struct egress_socket *s, uv_stream_t *listener)
{
    return uv_accept(listener, stream_of(s));
}

int egress_socket_fileno(const struct egress_socket *s)
{
    uv_os_fd_t fd = -1;
    return uv_fileno((const uv_handle_t *)&s->tcp, &fd) == 0 ? fd : -1;
}

static void connected(uv_connect_t *req, int status)
{
    struct egress_socket *s = req->handle->data;
    if (s->closing)
        return;
    if (status == 0)
        egress_socket_tune(&s->tcp);
    s->calls->connected(s->owner, status);
}

int egress_socket_connect(struct egress_socket *s, const struct ipaddr *to, uint16_t port)
{
    struct sockaddr_storage address;
    socklen_t len;
    ipaddr_to_sockaddr(to, port, &address, &len);
    return uv_tcp_connect(&s->connect, &s->tcp, (struct sockaddr *)&address, connected);
}

void egress_socket_give(struct egress_socket *s, const struct egress_socket_calls *calls, void *owner)
{
    s->calls = calls;
    s->owner = owner;
}

static void give_scratch(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    (void)suggested;
    struct egress_socket *s = handle->data;
    *out = uv_buf_init(s->scratch, EGRESS_READ_MAX);
}

static void have_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *bytes)
{
    struct egress_socket *s = stream->data;
    if (n < 0)
        uv_read_stop(stream);
    if (n != 0)
        s->calls->read(s->owner, bytes->base, n);
}

void egress_socket_read(struct egress_socket *s)
{
    if (!s->closing)
        uv_read_start(stream_of(s), give_scratch, have_read);
}

void egress_socket_pause(struct egress_socket *s)
{
    if (!s->closing)
        uv_read_stop(stream_of(s));
}

static void ended(uv_shutdown_t *req, int status)
{
    struct egress_socket *s = req->handle->data;
    (void)status;                                   /* a peer that is gone wants no end either */
    if (!s->closing)
        s->calls->finished(s->owner);
}

static void end(struct egress_socket *s)
{
    if (uv_shutdown(&s->shutdown, stream_of(s), ended) != 0)
        s->calls->finished(s->owner);
}

static void send_queue(struct egress_socket *s);

static void written(uv_write_t *req, int status)
{
    struct egress_socket *s = req->handle->data;
    s->writing = false;
    buf_clear(&s->sending);
    if (s->closing)
        return;
    s->broken = status;
    if (status == 0 && s->queue.len) {
        send_queue(s);
        return;
    }
    buf_free(&s->sending);
    s->calls->drained(s->owner, status);
    if (!s->closing && s->finishing && !s->writing)
        end(s);
}

static void send_queue(struct egress_socket *s)
{
    struct buf empty = s->sending;
    s->sending = s->queue;
    s->queue = empty;
    uv_buf_t bytes = uv_buf_init(s->sending.data, (unsigned)s->sending.len);
    s->writing = true;
    uv_write(&s->write, stream_of(s), &bytes, 1, written);
}

bool egress_socket_write(struct egress_socket *s, const char *bytes, size_t len)
{
    if (s->closing || s->broken || len == 0)
        return true;
    if (!s->writing) {
        uv_buf_t all = uv_buf_init((char *)bytes, (unsigned)len);
        int taken = uv_try_write(stream_of(s), &all, 1);
        size_t n = taken > 0 ? (size_t)taken : 0;
        bytes += n;
        len -= n;
    }
    if (len == 0)
        return true;
    buf_add(&s->queue, bytes, len);
    if (!s->writing)
        send_queue(s);
    return false;
}

void egress_socket_finish(struct egress_socket *s)
{
    if (s->closing || s->finishing)
        return;
    s->finishing = true;
    if (!s->writing)
        end(s);
}

static void gone(uv_handle_t *handle)
{
    struct egress_socket *s = handle->data;
    void (*closed)(void *) = s->calls->closed;
    void *owner = s->owner;
    buf_free(&s->queue);
    buf_free(&s->sending);
    free(s);
    closed(owner);
}

void egress_socket_close(struct egress_socket *s)
{
    s->closing = true;
    uv_close((uv_handle_t *)&s->tcp, gone);
}
