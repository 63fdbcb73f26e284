/* SPDX-License-Identifier: Apache-2.0 */
/* A connected pair without a socket.  What one end writes waits in its queue until the loop carries
 * it over, so callbacks come from the loop as a socket's do, in an order that does not vary. */
#include <stdlib.h>

#include "base/alloc.h"
#include "net/transport.h"

struct memory {
    struct net_stream stream;
    uv_idle_t carrier;                              /* runs while something is to be told */
    struct memory *peer;                            /* NULL: closed */
    struct buf queue;                               /* on its way to the peer */
    bool reading, drain_due, finishing;
    bool broken;                                    /* the owner knows that the peer is gone */
    bool finish_due;                                /* finished has not been called yet */
    bool end_due;                                   /* the peer's end has not been read yet */
};

static struct memory *memory_of(const struct net_stream *stream)
{
    return (struct memory *)stream;
}

static void carry(uv_idle_t *idle);

static void wake(struct memory *m)
{
    if (m && !m->stream.closing)
        uv_idle_start(&m->carrier, carry);
}

/* Takes from the peer's queue what one read may bring.  False: nothing is to be read. */
static bool deliver(struct memory *m)
{
    struct memory *peer = m->peer;
    if (!m->reading)
        return false;
    if (peer && peer->queue.len) {
        size_t n = peer->queue.len < NET_READ_MAX ? peer->queue.len : NET_READ_MAX;
        struct buf bytes = {0};
        buf_add(&bytes, peer->queue.data, n);
        buf_consume(&peer->queue, n);
        wake(peer);
        net_tell_read(&m->stream, bytes.data, (ssize_t)n);
        buf_free(&bytes);
        return true;
    }
    if (!m->end_due)
        return false;
    m->end_due = m->reading = false;
    net_tell_read(&m->stream, NULL, UV_EOF);
    return true;
}

/* Tells one thing that is due to this end's owner. */
static bool settle(struct memory *m)
{
    if (m->queue.len)
        return false;
    if (m->drain_due) {
        m->drain_due = false;
        m->broken = !m->peer;
        net_tell_drained(&m->stream, m->peer ? 0 : UV_EPIPE);
        return true;
    }
    if (!m->finish_due)
        return false;
    m->finish_due = false;
    if (m->peer) {
        m->peer->end_due = true;
        wake(m->peer);
    }
    net_tell_finished(&m->stream, m->peer ? 0 : UV_ENOTCONN);
    return true;
}

static void carry(uv_idle_t *idle)
{
    struct memory *m = idle->data;
    if (!settle(m) && !deliver(m))
        uv_idle_stop(idle);
}

static void memory_read(struct net_stream *stream)
{
    memory_of(stream)->reading = true;
    wake(memory_of(stream));
}

static void memory_pause(struct net_stream *stream)
{
    memory_of(stream)->reading = false;
}

static void enqueue(struct memory *m, const void *bytes, size_t len)
{
    if (m->finishing || m->broken)
        return;
    if (m->peer)
        buf_add(&m->queue, bytes, len);
    m->drain_due = true;
    wake(m);
    wake(m->peer);
}

static bool memory_write(struct net_stream *stream, const void *bytes, size_t len)
{
    struct memory *m = memory_of(stream);
    enqueue(m, bytes, len);
    return m->finishing || m->broken;
}

static void memory_send(struct net_stream *stream, struct buf *bytes)
{
    enqueue(memory_of(stream), bytes->data, bytes->len);
}

static size_t memory_queued(const struct net_stream *stream)
{
    return memory_of(stream)->queue.len;
}

static void memory_finish(struct net_stream *stream)
{
    struct memory *m = memory_of(stream);
    if (m->finishing)
        return;
    m->finishing = m->finish_due = true;
    wake(m);
}

static void gone(uv_handle_t *handle)
{
    struct memory *m = handle->data;
    void (*closed)(void *) = m->stream.calls->closed;
    void *owner = m->stream.owner;
    buf_free(&m->queue);
    free(m);
    closed(owner);
}

/* A socket that is closed sends what it has and then its end; what is not delivered yet is lost
 * here, as net_close says. */
static void memory_close(struct net_stream *stream)
{
    struct memory *m = memory_of(stream), *peer = m->peer;
    if (peer) {
        peer->peer = NULL;
        peer->end_due = !m->finishing || m->finish_due || peer->end_due;
        buf_clear(&peer->queue);
        wake(peer);
    }
    uv_close((uv_handle_t *)&m->carrier, gone);
}

static int memory_fileno(const struct net_stream *stream)
{
    (void)stream;
    return -1;
}

static const struct net_transport memory_transport = {
    .read = memory_read,
    .pause = memory_pause,
    .write = memory_write,
    .send = memory_send,
    .queued = memory_queued,
    .finish = memory_finish,
    .close = memory_close,
    .fileno = memory_fileno,
};

void net_memory_pair(uv_loop_t *loop, struct net_stream *pair[2], const struct net_calls *calls,
                     void *owner_0, void *owner_1)
{
    struct memory *ends[2];
    for (int i = 0; i < 2; i++) {
        ends[i] = alloc_zero(1, sizeof *ends[i]);
        ends[i]->stream = (struct net_stream){.transport = &memory_transport, .loop = loop,
                                              .calls = calls, .owner = i ? owner_1 : owner_0};
        uv_idle_init(loop, &ends[i]->carrier);
        ends[i]->carrier.data = ends[i];
        pair[i] = &ends[i]->stream;
    }
    ends[0]->peer = ends[1];
    ends[1]->peer = ends[0];
}
