/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/sessions/port_stream.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "net/transport.h"
#include "sandbox/wire/frame.h"

struct port_stream {
    struct net_stream stream;
    struct net_stream *session;
    struct buf received;                            /* frames, of which the last one is not whole */
    bool ended;                                     /* its owner was told */
    bool finishing;
};

static struct port_stream *port_of(const struct net_stream *stream)
{
    return (struct port_stream *)stream;
}

/* ---- to the port ---- */

static void put_frames(const char *bytes, size_t len, struct buf *out)
{
    uint8_t header[FRAME_HEADER_SIZE];
    for (size_t n; len > 0; bytes += n, len -= n) {
        n = len < FRAME_PAYLOAD_MAX ? len : FRAME_PAYLOAD_MAX;
        sandbox_frame_header(header, FRAME_STDIN, n);
        buf_add(out, header, sizeof header);
        buf_add(out, bytes, n);
    }
}

static bool port_write(struct net_stream *stream, const void *bytes, size_t len)
{
    struct buf frames = {0};
    put_frames(bytes, len, &frames);
    bool taken = net_write(port_of(stream)->session, frames.data, frames.len);
    buf_free(&frames);
    return taken;
}

static void port_send(struct net_stream *stream, struct buf *bytes)
{
    struct buf frames = {0};
    put_frames(buf_str(bytes), bytes->len, &frames);
    net_send(port_of(stream)->session, &frames);
}

/* A frame without bytes is the end. */
static void port_finish(struct net_stream *stream)
{
    struct port_stream *p = port_of(stream);
    uint8_t header[FRAME_HEADER_SIZE];
    struct buf frame = {0};
    sandbox_frame_header(header, FRAME_STDIN, 0);
    buf_add(&frame, header, sizeof header);
    p->finishing = true;
    net_send(p->session, &frame);
}

static size_t port_queued(const struct net_stream *stream)
{
    return net_queued(port_of(stream)->session);
}

/* ---- from it ---- */

static void tell_end(struct port_stream *p, int status)
{
    if (!p->ended)
        net_tell_read(&p->stream, NULL, status);
    p->ended = true;
}

/* {"code":N}, with "error" where nothing listens. */
static void take_exit(struct port_stream *p, const struct sandbox_frame *frame)
{
    static const char error[] = "\"error\"";
    bool refused = memmem(frame->payload, frame->len, error, sizeof error - 1);
    tell_end(p, refused ? UV_ECONNREFUSED : UV_EOF);
}

static void session_read(void *owner, const char *bytes, ssize_t n)
{
    struct port_stream *p = owner;
    struct sandbox_frame frame;
    ssize_t used = 0;
    size_t at = 0;
    if (n < 0) {
        tell_end(p, UV_ECONNRESET);
        return;
    }
    buf_add(&p->received, bytes, (size_t)n);
    while (!p->ended && (used = sandbox_frame_next((const uint8_t *)p->received.data + at,
                                                   p->received.len - at, &frame)) > 0) {
        at += (size_t)used;
        if (frame.type == FRAME_EXIT)
            take_exit(p, &frame);
        else if (frame.type == FRAME_STDOUT && frame.len)
            net_tell_read(&p->stream, (const char *)frame.payload, (ssize_t)frame.len);
    }
    buf_consume(&p->received, at);
    if (used < 0)
        tell_end(p, UV_ECONNRESET);
}

static void session_drained(void *owner, int status)
{
    struct port_stream *p = owner;
    bool finished = p->finishing;
    p->finishing = false;
    net_tell_drained(&p->stream, status);
    if (finished)
        net_tell_finished(&p->stream, status);
}

static void session_closed(void *owner)
{
    struct port_stream *p = owner;
    buf_free(&p->received);
    p->stream.calls->closed(p->stream.owner);
    free(p);
}

static void port_read(struct net_stream *stream)
{
    net_read(port_of(stream)->session);
}

static void port_pause(struct net_stream *stream)
{
    net_pause(port_of(stream)->session);
}

static void port_close(struct net_stream *stream)
{
    net_close(port_of(stream)->session);
}

static int port_fileno(const struct net_stream *stream)
{
    return net_fileno(port_of(stream)->session);
}

struct net_stream *runtime_port_stream(struct net_stream *session)
{
    static const struct net_transport transport = {
        .read = port_read,
        .pause = port_pause,
        .write = port_write,
        .send = port_send,
        .queued = port_queued,
        .finish = port_finish,
        .close = port_close,
        .fileno = port_fileno,
    };
    static const struct net_calls calls = {
        .read = session_read,
        .drained = session_drained,
        .closed = session_closed,
    };
    struct port_stream *p = alloc_zero(1, sizeof *p);
    p->stream = (struct net_stream){.transport = &transport, .loop = net_loop(session)};
    p->session = session;
    net_set_owner(session, &calls, p);
    return &p->stream;
}
