/* SPDX-License-Identifier: Apache-2.0 */
/* From frames to the bytes that an owner reads. */
#include <string.h>

#include "http2/parts.h"

/* Heads that an owner does not read do not pile up. */
enum { UNREAD_HEADS = 4, PIECE = 32 * 1024 };

static struct http2_form form_of(const struct http2_stream *s, bool ended)
{
    return (struct http2_form){.secure = s->h->secure,
                               .ended = ended,
                               .to_head = s->to_head,
                               .websocket_key = *s->websocket_key ? s->websocket_key : NULL,
                               .max_head = s->h->limits.head_bytes};
}

void http2_have_request(struct http2_stream *s, bool ended)
{
    const struct http2_block *block = &s->h->block;
    if (http2_block_is_websocket(block))
        http2_websocket_make_key(s->websocket_key);
    struct http2_form form = form_of(s, ended);
    s->to_head = strcmp(buf_str(&block->method), "HEAD") == 0;
    s->is_connect = strcmp(buf_str(&block->method), "CONNECT") == 0;
    s->chunked = http2_print_request(block, &form, &s->text);
    s->final = true;
    s->untold = true;
    http2_wake(s);
}

/* Interim responses may come before the final one, and trailers behind the body. */
void http2_have_response(struct http2_stream *s, bool ended)
{
    const struct http2_block *block = &s->h->block;
    struct http2_form form = form_of(s, ended);
    if (s->final) {
        http2_print_trailers(block, &s->trailers);
    } else {
        s->chunked = http2_print_response(block, &form, &s->text);
        s->final = buf_str(&block->status)[0] != '1';
        s->switched = s->final && form.websocket_key && buf_str(&block->status)[0] == '2';
    }
    if (s->text.len > UNREAD_HEADS * (size_t)s->h->limits.head_bytes)
        http2_stream_reset(s, NGHTTP2_ENHANCE_YOUR_CALM, UV_ECONNRESET);
    else
        http2_wake(s);
}

/* Bytes behind CONNECT wait until it is accepted: a reader of its text would take them for another
 * request. */
static bool body_may_pass(const struct http2_stream *s)
{
    return s->final && (!s->is_connect || s->switched);
}

static void put_body(struct http2_stream *s, struct buf *out)
{
    size_t n = s->body.len < PIECE ? s->body.len : PIECE;
    if (s->chunked)
        buf_printf(out, "%zx\r\n", n);
    buf_add(out, s->body.data, n);
    buf_puts(out, s->chunked ? "\r\n" : "");
    buf_consume(&s->body, n);
    if (s->known)
        nghttp2_session_consume_stream(s->h->session, s->id, n);
}

static void put_end(struct http2_stream *s, struct buf *out)
{
    s->end_told = true;
    if (!s->chunked)
        return;
    buf_puts(out, "0\r\n");
    buf_add(out, buf_str(&s->trailers), s->trailers.len);
    buf_puts(out, "\r\n");
}

/* What one read brings. */
static void collect(struct http2_stream *s, struct buf *out)
{
    *out = s->text;
    s->text = (struct buf){0};
    if (!body_may_pass(s))
        return;
    if (s->body.len)
        put_body(s, out);
    if (!s->body.len && s->in_ended && !s->end_told)
        put_end(s, out);
}

/* A connection of HTTP/1.1 would stay open for the response. */
static bool eof_is_due(const struct http2_stream *s)
{
    if (s->eof_told || !s->end_told)
        return false;
    return !s->h->server || s->switched || (s->end_sent && !http2_stream_has_data(s));
}

static void tell(struct http2_stream *s, const char *bytes, ssize_t n)
{
    if (n < 0) {
        s->eof_told = true;
        s->reading = false;
    }
    net_tell_read(&s->stream, bytes, n);
}

void http2_deliver(struct http2_stream *s)
{
    while (s->reading && !s->stream.closing && !s->eof_told) {
        struct buf out = {0};
        if (!s->broken)
            collect(s, &out);
        if (s->broken)
            tell(s, NULL, s->broken);
        else if (out.len)
            tell(s, out.data, (ssize_t)out.len);
        else if (eof_is_due(s))
            tell(s, NULL, UV_EOF);
        else
            break;
        buf_free(&out);
    }
}
