/* SPDX-License-Identifier: Apache-2.0 */
/* TCP and Unix sockets by libuv.  One write is under way at a time; what comes meanwhile is
 * collected and follows in one piece. */
#include <stdlib.h>

#include "base/alloc.h"
#include "net/transport.h"

enum { KEEPALIVE_S = 60 };

/* The streams of a loop share one buffer for reading, as reads never overlap.  It is kept in
 * loop->data while any of them is there. */
struct scratch {
    size_t users;
    char bytes[NET_READ_MAX];
};

struct socket {
    struct net_stream stream;
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
    struct buf queue, sending;                      /* waiting for the write under way; in it */
    uv_write_t write;
    uv_shutdown_t shutdown;
    uv_connect_t connect;
    bool paused;                                    /* libuv may not know it yet */
    bool writing, finishing, ended;                 /* our side: to be ended, ended */
    int broken;                                     /* error of a write */
};

static struct socket *socket_of(const struct net_stream *stream)
{
    return (struct socket *)stream;
}

static char *scratch_of(uv_loop_t *loop)
{
    return ((struct scratch *)loop->data)->bytes;
}

static void hold_scratch(uv_loop_t *loop)
{
    if (!loop->data)
        loop->data = alloc_zero(1, sizeof(struct scratch));
    ((struct scratch *)loop->data)->users++;
}

static void release_scratch(uv_loop_t *loop)
{
    struct scratch *scratch = loop->data;
    if (--scratch->users)
        return;
    free(scratch);
    loop->data = NULL;
}

/* Nothing, which libuv reports as an error, is read of a stream that is paused. */
static void give_scratch(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    const struct socket *s = handle->data;
    (void)suggested;
    *out = uv_buf_init(scratch_of(handle->loop), s->paused ? 0 : NET_READ_MAX);
}

/* The end or an error that comes while the stream is paused is found again by the next read. */
static void have_read(uv_stream_t *uv, ssize_t n, const uv_buf_t *bytes)
{
    struct socket *s = uv->data;
    if (n < 0)
        uv_read_stop(uv);
    if (n != 0 && !s->paused)
        net_tell_read(&s->stream, bytes->base, n);
}

static void socket_read(struct net_stream *stream)
{
    struct socket *s = socket_of(stream);
    s->paused = false;
    int rc = uv_read_start(&s->uv.stream, give_scratch, have_read);
    if (rc != 0 && rc != UV_EALREADY)
        net_tell_read(stream, NULL, rc);
}

/* libuv stops when something is there to be read.  Most pauses end before that, and cost no system
 * call. */
static void socket_pause(struct net_stream *stream)
{
    socket_of(stream)->paused = true;
}

static void shut_down(uv_shutdown_t *req, int status)
{
    struct socket *s = req->handle->data;
    net_tell_finished(&s->stream, status);
}

/* Once asked for and everything is sent. */
static void end_if_due(struct socket *s)
{
    if (!s->finishing || s->writing || s->ended || s->stream.closing)
        return;
    s->ended = true;
    int rc = uv_shutdown(&s->shutdown, &s->uv.stream, shut_down);
    if (rc != 0)
        net_tell_finished(&s->stream, rc);
}

static void send_queue(struct socket *s);

static void written(uv_write_t *req, int status)
{
    struct socket *s = req->handle->data;
    s->writing = false;
    buf_clear(&s->sending);
    if (s->stream.closing)
        return;
    s->broken = status;
    if (status == 0 && s->queue.len) {
        send_queue(s);
        return;
    }
    buf_free(&s->sending);
    buf_clear(&s->queue);
    net_tell_drained(&s->stream, status);
    end_if_due(s);
}

static void send_queue(struct socket *s)
{
    struct buf empty = s->sending;
    s->sending = s->queue;
    s->queue = empty;
    uv_buf_t bytes = uv_buf_init(s->sending.data, (unsigned)s->sending.len);
    s->writing = true;
    int rc = uv_write(&s->write, &s->uv.stream, &bytes, 1, written);
    if (rc != 0) {                                  /* never connected: nothing was queued */
        s->writing = false;
        s->broken = rc;
        buf_clear(&s->sending);
    }
}

static bool socket_write(struct net_stream *stream, const void *bytes, size_t len)
{
    struct socket *s = socket_of(stream);
    size_t taken = 0;
    if (s->broken || s->finishing)
        return true;
    if (!s->writing) {
        uv_buf_t all = uv_buf_init((char *)bytes, (unsigned)len);
        int n = uv_try_write(&s->uv.stream, &all, 1);
        taken = n > 0 ? (size_t)n : 0;
    }
    if (taken == len)
        return true;
    buf_add(&s->queue, (const char *)bytes + taken, len - taken);
    if (!s->writing)
        send_queue(s);
    return false;
}

static void socket_send(struct net_stream *stream, struct buf *bytes)
{
    struct socket *s = socket_of(stream);
    if (s->broken || s->finishing)
        return;
    if (s->queue.len) {
        buf_add(&s->queue, bytes->data, bytes->len);
    } else {
        buf_free(&s->queue);
        s->queue = *bytes;
        *bytes = (struct buf){0};
    }
    if (!s->writing)
        send_queue(s);
}

static size_t socket_queued(const struct net_stream *stream)
{
    const struct socket *s = socket_of(stream);
    return s->queue.len + uv_stream_get_write_queue_size(&s->uv.stream);
}

static void socket_finish(struct net_stream *stream)
{
    struct socket *s = socket_of(stream);
    s->finishing = true;
    end_if_due(s);
}

static void gone(uv_handle_t *handle)
{
    struct socket *s = handle->data;
    void (*closed)(void *) = s->stream.calls->closed;
    void *owner = s->stream.owner;
    buf_free(&s->queue);
    buf_free(&s->sending);
    release_scratch(handle->loop);
    free(s);
    closed(owner);
}

static void socket_close(struct net_stream *stream)
{
    uv_close(&socket_of(stream)->uv.handle, gone);
}

static int socket_fileno(const struct net_stream *stream)
{
    uv_os_fd_t fd = -1;
    return uv_fileno(&socket_of(stream)->uv.handle, &fd) == 0 ? fd : -1;
}

static const struct net_transport socket_transport = {
    .read = socket_read,
    .pause = socket_pause,
    .write = socket_write,
    .send = socket_send,
    .queued = socket_queued,
    .finish = socket_finish,
    .close = socket_close,
    .fileno = socket_fileno,
};

struct net_stream *net_socket_new(uv_loop_t *loop, enum net_kind kind,
                                  const struct net_calls *calls, void *owner)
{
    struct socket *s = alloc_zero(1, sizeof *s);
    s->stream = (struct net_stream){.transport = &socket_transport, .loop = loop, .calls = calls,
                                    .owner = owner};
    if (kind == NET_PIPE)
        uv_pipe_init(loop, &s->uv.pipe, 0);
    else
        uv_tcp_init(loop, &s->uv.tcp);
    s->uv.handle.data = s;
    hold_scratch(loop);
    return &s->stream;
}

void net_tune_tcp(uv_tcp_t *tcp)
{
    uv_tcp_nodelay(tcp, 1);
    uv_tcp_keepalive(tcp, 1, KEEPALIVE_S);
}

int net_accept(struct net_stream *stream, uv_stream_t *listener)
{
    return uv_accept(listener, &socket_of(stream)->uv.stream);
}

static void connected(uv_connect_t *req, int status)
{
    struct socket *s = req->handle->data;
    if (status == 0 && s->uv.handle.type == UV_TCP)
        net_tune_tcp(&s->uv.tcp);
    net_tell_connected(&s->stream, status);
}

int net_connect_tcp(struct net_stream *stream, const struct sockaddr *to)
{
    struct socket *s = socket_of(stream);
    return uv_tcp_connect(&s->connect, &s->uv.tcp, to, connected);
}

int net_connect_unix(struct net_stream *stream, const char *path)
{
    struct socket *s = socket_of(stream);
    uv_pipe_connect(&s->connect, &s->uv.pipe, path, connected);
    return 0;
}
