/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/websocket/closing.h"

#include "base/alloc.h"
#include "egress/websocket/session.h"

enum { CLOSING_MS = 2000 };                         /* for both sides to end */

static const struct client_state closing_state;

static void tell_client(struct client *c)
{
    struct egress_websocket *w = c->websocket;
    struct buf out = {0};
    frame_print_close(&out, w->status, w->reason, NULL);
    w->told = true;
    net_write(c->stream, out.data, out.len);
    net_finish(c->stream);
    buf_free(&out);
}

/* A server of HTTP/2 is left to end its stream first (RFC 6455, 7.1.1): some, such as hypercorn,
 * end the whole connection where a stream ends right behind its Close. */
static void tell_origin(struct client *c)
{
    const struct messages *messages = &c->websocket->client.messages;
    uint8_t key[FRAME_KEY_SIZE];
    struct buf out = {0};
    bool told = messages_at_border(messages) && !messages->closed &&
                uv_random(NULL, NULL, key, sizeof key, 0, NULL) == 0;
    if (told) {
        frame_print_close(&out, c->websocket->status, "", key);
        net_write(c->upstream.stream, out.data, out.len);
        buf_free(&out);
    }
    if (!told || !c->upstream.http2)
        net_finish(c->upstream.stream);
}

static void close_when_done(struct client *c)
{
    if (c->ended && c->finished && c->upstream.ended && c->upstream.finished)
        egress_client_close(c);
}

void egress_websocket_close(struct client *c, unsigned status, const char *reason)
{
    struct egress_websocket *w = c->websocket;
    if (c->ended || c->upstream.ended) {            /* what it ended of the other side is ended */
        egress_client_close(c);
        return;
    }
    egress_exchange_leave_questions(&c->exchange);
    w->status = status;
    w->reason = alloc_str(reason);
    c->state = &closing_state;
    buf_clear(&c->pending);
    egress_client_expect(c, CLOSING_MS);
    tell_origin(c);
    if (egress_websocket_at_border(w))
        tell_client(c);
    net_read(c->stream);
    net_read(c->upstream.stream);
}

static void closing_client_read(struct client *c, const char *bytes, ssize_t n)
{
    (void)bytes;
    if (n >= 0)
        return;
    c->ended = true;
    if (n == UV_EOF)
        close_when_done(c);
    else
        egress_client_close(c);
}

/* The rest of a frame that the client has the beginning of. */
static void end_frame(struct client *c, const char *bytes, size_t len)
{
    struct egress_websocket *w = c->websocket;
    size_t n = egress_websocket_track(w, bytes, len, true);
    bool taken = net_write(c->stream, bytes, n);
    if (egress_websocket_at_border(w))
        tell_client(c);
    else if (!taken)
        net_pause(c->upstream.stream);
}

static void closing_upstream_read(struct client *c, const char *bytes, ssize_t n)
{
    if (n > 0 && !c->websocket->told)
        end_frame(c, bytes, (size_t)n);
    if (n >= 0)
        return;
    c->upstream.ended = true;
    if (c->upstream.http2 && !c->upstream.finished)
        net_finish(c->upstream.stream);
    if (!c->websocket->told)
        net_finish(c->stream);
    c->websocket->told = true;
    close_when_done(c);
}

static void closing_client_drained(struct client *c, int status)
{
    if (status != 0)
        egress_client_close(c);
    else if (!c->upstream.ended)
        net_read(c->upstream.stream);
}

static const struct client_state closing_state = {
    .client_read = closing_client_read,
    .upstream_read = closing_upstream_read,
    .client_drained = closing_client_drained,
    .client_finished = close_when_done,
    .upstream_finished = close_when_done,
};
