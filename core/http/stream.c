/* SPDX-License-Identifier: Apache-2.0 */
#include "http/stream.h"

#include <string.h>

#include "base/alloc.h"
#include "http/connection.h"

static void put_stream_head(struct http_exchange *x, struct http_connection *c, int status,
                            const char *type, struct buf *head)
{
    bool chunked = x->head->minor == 1;
    c->last |= !chunked;
    exchange_put_head(x, c, head, status, type);
    buf_puts(head, chunked ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n");
}

struct http_stream *http_stream_begin(struct http_request *req, int status, const char *type,
                                      http_stream_closed *on_close, void *ctx)
{
    struct http_exchange *x = req->exchange;
    struct http_stream *stream = NULL;
    struct buf head = {0};
    struct http_connection *c = exchange_detach(x);
    if (c) {
        put_stream_head(x, c, status, type, &head);
        if (strcmp(req->method, "HEAD") == 0) {
            connection_answer(c, &head);
        } else {
            stream = alloc_zero(1, sizeof *stream);
            *stream = (struct http_stream){.connection = c, .on_close = on_close, .ctx = ctx,
                                           .on_body = x->req.on_body,
                                           .on_body_ctx = x->req.on_body_ctx,
                                           .max_queued = c->server->limits.stream_bytes,
                                           .chunked = x->head->minor == 1};
            connection_stream(c, &head, stream);
        }
    }
    exchange_free(x);
    return stream;
}

static bool ending(const struct http_stream *stream)
{
    return stream->closing || stream->connection->closing;
}

bool http_stream_write(struct http_stream *stream, const void *bytes, size_t len)
{
    struct http_connection *c = stream->connection;
    struct buf chunk = {0};
    if (ending(stream))
        return false;
    if (len == 0)
        return true;
    if (net_queued(c->socket) + len > stream->max_queued) {
        connection_break_stream(c, "the reader is too slow");
        return false;
    }
    if (stream->chunked)
        buf_printf(&chunk, "%zx\r\n", len);
    buf_add(&chunk, bytes, len);
    if (stream->chunked)
        buf_puts(&chunk, "\r\n");
    net_send(c->socket, &chunk);
    return !ending(stream);
}

void http_stream_close(struct http_stream *stream)
{
    connection_end_stream(stream->connection);
}

void http_stream_break(struct http_stream *stream, const char *why)
{
    if (!ending(stream))
        connection_break_stream(stream->connection, why);
}

size_t http_stream_queued(const struct http_stream *stream)
{
    return ending(stream) ? 0 : net_queued(stream->connection->socket);
}

void http_stream_on_drain(struct http_stream *stream, void (*on_drain)(void *ctx))
{
    stream->on_drain = on_drain;
}

void http_stream_may_queue(struct http_stream *stream, size_t bytes)
{
    stream->max_queued = bytes;
}

void http_stream_trailer(struct http_stream *stream, const char *name, const char *value)
{
    http_put_field(&stream->trailers, name, value);
}

void http_stream_clear_trailers(struct http_stream *stream)
{
    buf_clear(&stream->trailers);
}

void http_stream_pause(struct http_stream *stream)
{
    connection_read_body(stream->connection, false);
}

void http_stream_resume(struct http_stream *stream)
{
    connection_read_body(stream->connection, true);
}

static void put_line(struct buf *out, const char *field, const char *text)
{
    buf_puts(out, field);
    buf_add(out, text, strcspn(text, "\r\n"));
    buf_putc(out, '\n');
}

/* Each line becomes one field; a carriage return ends a line in this format too. */
static void put_lines(struct buf *out, const char *field, const char *text)
{
    for (;;) {
        put_line(out, field, text);
        text += strcspn(text, "\r\n");
        if (!*text)
            return;
        text += text[0] == '\r' && text[1] == '\n' ? 2 : 1;
    }
}

static bool send_event(struct http_stream *stream, struct buf *event)
{
    buf_putc(event, '\n');
    bool going = http_stream_write(stream, event->data, event->len);
    buf_free(event);
    return going;
}

bool http_sse_event(struct http_stream *stream, const char *id, const char *event,
                    const char *data)
{
    struct buf out = {0};
    if (id)
        put_line(&out, "id: ", id);
    if (event)
        put_line(&out, "event: ", event);
    put_lines(&out, "data: ", data);
    return send_event(stream, &out);
}

bool http_sse_comment(struct http_stream *stream, const char *text)
{
    struct buf out = {0};
    put_lines(&out, ": ", text);
    return send_event(stream, &out);
}
