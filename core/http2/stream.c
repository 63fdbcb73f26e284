/* SPDX-License-Identifier: Apache-2.0 */
/* A stream of HTTP/2 as a byte stream. */
#include <stdlib.h>

#include "base/alloc.h"
#include "http2/parts.h"

/* The owner's message has what relays add. */
enum { OUT_HEAD_MAX = 64 * 1024 };

static struct http2_stream *stream_of(const struct net_stream *stream)
{
    return (struct http2_stream *)stream;
}

bool http2_stream_has_data(const struct http2_stream *s)
{
    return s->known && !s->broken && (s->data.len || (s->message_ended && !s->end_sent));
}

/* nghttp2 tells nothing more of the stream. */
static void forget(struct http2_stream *s)
{
    if (s->known)
        nghttp2_session_set_stream_user_data(s->h->session, s->id, NULL);
    s->known = false;
}

void http2_stream_break(struct http2_stream *s, int status)
{
    if (!s->broken)
        s->broken = status;
    forget(s);
    buf_free(&s->data);
    http2_wake(s);
}

void http2_stream_over(struct http2_stream *s)
{
    forget(s);
    http2_wake(s);
}

void http2_stream_reset(struct http2_stream *s, uint32_t code, int status)
{
    if (s->known)
        nghttp2_submit_rst_stream(s->h->session, NGHTTP2_FLAG_NONE, s->id, code);
    http2_stream_break(s, status);
}

/* ---- what is due ---- */

static void free_stream(struct http2_stream *s)
{
    struct http2 *h = s->h;
    void (*closed)(void *) = s->stream.calls ? s->stream.calls->closed : NULL;
    void *owner = s->stream.owner;
    *(s->prev ? &s->prev->next : &h->streams) = s->next;
    if (s->next)
        s->next->prev = s->prev;
    h->n_streams--;
    http_parser_free(s->parser);
    http_head_free(s->head);
    struct buf *const all[] = {&s->text, &s->body, &s->trailers, &s->data};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        buf_free(all[i]);
    free(s);
    if (closed)
        closed(owner);
}

static void tell_drained(struct http2_stream *s)
{
    if (!s->drain_due || http2_stream_has_data(s))
        return;
    s->drain_due = false;
    net_tell_drained(&s->stream, s->broken);
}

static void tell_finished(struct http2_stream *s)
{
    if (!s->finish_due || http2_stream_has_data(s))
        return;
    s->finish_due = false;
    net_tell_finished(&s->stream, s->broken ? UV_ENOTCONN : 0);
}

/* A request that came and went is told to nobody. */
static void find_owner(struct http2_stream *s)
{
    struct http2 *h = s->h;
    if (s->broken || h->closing)
        s->stream.closing = true;
    else if (s->untold)
        h->calls->request(h->owner, &s->stream);
}

void http2_stream_settle(struct http2_stream *s)
{
    if (!s->stream.calls)
        find_owner(s);
    if (!s->stream.closing)
        http2_deliver(s);
    tell_drained(s);
    tell_finished(s);
    if (s->stream.closing && !s->due)
        free_stream(s);
}

/* ---- the transport ---- */

static void stream_read(struct net_stream *stream)
{
    struct http2_stream *s = stream_of(stream);
    s->reading = true;
    http2_wake(s);
}

static void stream_pause(struct net_stream *stream)
{
    stream_of(stream)->reading = false;
}

static bool stream_write(struct net_stream *stream, const void *bytes, size_t len)
{
    struct http2_stream *s = stream_of(stream);
    if (s->broken)
        return true;
    if (!http2_stream_has_data(s))
        s->moved_ms = uv_now(s->h->loop);
    http2_take(s, bytes, len);
    http2_pump(s->h);
    if (!http2_stream_has_data(s))
        return true;
    s->drain_due = true;
    return false;
}

static void stream_send(struct net_stream *stream, struct buf *bytes)
{
    struct http2_stream *s = stream_of(stream);
    if (s->broken)
        return;
    stream_write(stream, bytes->data, bytes->len);
    s->drain_due = true;
    http2_wake(s);
}

static size_t stream_queued(const struct net_stream *stream)
{
    return stream_of(stream)->data.len;
}

static void stream_finish(struct net_stream *stream)
{
    struct http2_stream *s = stream_of(stream);
    http2_take_end(s);
    http2_pump(s->h);
    s->finish_due = true;
    http2_wake(s);
}

/* A response that is complete may come before its request is: then the rest is not wanted. */
static void stream_close(struct net_stream *stream)
{
    struct http2_stream *s = stream_of(stream);
    uint32_t code = !s->h->server ? NGHTTP2_CANCEL
                    : s->end_sent ? NGHTTP2_NO_ERROR : NGHTTP2_INTERNAL_ERROR;
    if (s->known && !(s->end_sent && s->in_ended))
        nghttp2_submit_rst_stream(s->h->session, NGHTTP2_FLAG_NONE, s->id, code);
    http2_stream_over(s);
    http2_pump(s->h);
}

static int stream_fileno(const struct net_stream *stream)
{
    (void)stream;
    return -1;
}

static const struct net_transport transport = {
    .read = stream_read,
    .pause = stream_pause,
    .write = stream_write,
    .send = stream_send,
    .queued = stream_queued,
    .finish = stream_finish,
    .close = stream_close,
    .fileno = stream_fileno,
};

struct http2_stream *http2_stream_new(struct http2 *h)
{
    struct http2_stream *s = alloc_zero(1, sizeof *s);
    s->stream = (struct net_stream){.transport = &transport, .loop = h->loop};
    s->h = h;
    s->moved_ms = uv_now(h->loop);
    s->parser = http_parser_new(h->server ? HTTP_OF_SERVER : HTTP_OF_CLIENT, OUT_HEAD_MAX);
    http_parser_keep_trailers(s->parser);
    s->next = h->streams;
    if (s->next)
        s->next->prev = s;
    h->streams = s;
    h->n_streams++;
    return s;
}

struct net_stream *http2_open(struct http2 *h, const struct net_calls *calls, void *owner)
{
    struct http2_stream *s = http2_stream_new(h);
    s->stream.calls = calls;
    s->stream.owner = owner;
    if (h->closing || h->state != HTTP2_OPEN || h->peer_leaves) {
        s->refused = true;
        http2_stream_break(s, UV_ECONNRESET);
    }
    return &s->stream;
}

bool http2_was_refused(const struct net_stream *stream)
{
    return stream->transport == &transport && stream_of(stream)->refused;
}
