/* SPDX-License-Identifier: Apache-2.0 */
#include "http/connection.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "http/problem.h"
#include "http/router.h"
#include "net/certificate.h"
#include "net/tls_server.h"

static void process(struct http_connection *c);

static void unlink_connection(struct http_connection *c)
{
    *(c->prev ? &c->prev->next : &c->server->connections) = c->next;
    if (c->next)
        c->next->prev = c->prev;
    if (c->carrier)
        carrier_lose(c);
    else
        c->server->stats.connections--;
}

static void end_stream(struct http_connection *c)
{
    struct http_stream *stream = c->stream;
    c->stream = NULL;
    if (!stream)
        return;
    if (stream->on_close)
        stream->on_close(stream->ctx, stream->broken ? &stream->why : NULL);
    buf_free(&stream->trailers);
    free(stream);
}

void connection_part_closed(void *owner)
{
    struct http_connection *c = owner;
    struct http_server *server = c->server;
    if (--c->open_parts > 0)
        return;
    end_stream(c);
    unlink_connection(c);
    http_parser_free(c->parser);
    net_certificate_unref(c->certificate);
    buf_free(&c->input);
    free(c);
    http_server_check(server);
}

static void timer_closed(uv_handle_t *timer)
{
    connection_part_closed(timer->data);
}

/* A handler that has the request keeps it; otherwise nobody needs it any more. */
static void orphan(struct http_connection *c)
{
    struct http_exchange *x = c->exchange;
    c->exchange = NULL;
    if (!x)
        return;
    x->connection = NULL;
    c->server->stats.requests_running -= x->handed;
    if (x->handed)
        exchange_peer_gone(x);
    else
        exchange_free(x);
}

void connection_close(struct http_connection *c)
{
    if (c->closing)
        return;
    c->closing = true;
    orphan(c);
    uv_close((uv_handle_t *)&c->timer, timer_closed);
    if (c->session)
        carrier_close(c);
    if (c->socket)
        net_close(c->socket);
    c->socket = NULL;
}

struct net_stream *connection_release(struct http_connection *c, struct buf *unread)
{
    struct net_stream *socket = c->socket;
    buf_consume(&c->input, c->parsed);
    c->parsed = 0;
    *unread = c->input;
    c->input = (struct buf){0};
    c->socket = NULL;
    c->open_parts--;
    net_pause(socket);
    connection_close(c);
    return socket;
}

void connection_break_stream(struct http_connection *c, const char *why)
{
    if (c->stream && !c->stream->closing) {
        c->stream->broken = true;
        error_set(&c->stream->why, ERROR_UPSTREAM, "%s", why);
    }
    connection_close(c);
}

void connection_refuse(struct http_connection *c, int status, const char *detail)
{
    c->last = true;
    c->server->stats.refused++;
    if (!c->exchange)
        c->exchange = exchange_new(c, NULL);
    log_debug(c->server->log, "%s: answering %d: %s", c->peer.text, status, detail);
    http_respond_problem(&c->exchange->req, status, http_problem_word(status), NULL, detail, NULL);
}

static void on_time(uv_timer_t *timer)
{
    struct http_connection *c = timer->data;
    if (c->state == CONNECTION_HEAD)
        connection_refuse(c, 408, "the request head did not arrive in time");
    else if (c->state == CONNECTION_BODY)
        connection_refuse(c, 408, "the request body did not arrive in time");
    else
        connection_break_stream(c, "the peer did not take the end of the stream in time");
}

void connection_enter(struct http_connection *c, enum connection_state state, unsigned ms)
{
    c->state = state;
    if (ms && !c->closing)
        uv_timer_start(&c->timer, on_time, ms, 0);
    else
        uv_timer_stop(&c->timer);
}

static void end_lingering(void *owner, int status)
{
    struct http_connection *c = owner;
    if (status < 0 || c->eof)
        connection_close(c);
}

static void read_again(struct http_connection *c);

static void linger(struct http_connection *c)
{
    if (c->carrier) {                               /* whose peer meets no reset */
        connection_close(c);
        return;
    }
    connection_enter(c, CONNECTION_LINGER, CONNECTION_LINGER_MS);
    buf_clear(&c->input);
    c->parsed = 0;
    read_again(c);
    if (!c->closing)
        net_finish(c->socket);
}

/* The answer is with the kernel. */
static void answered(struct http_connection *c, int status)
{
    end_stream(c);
    if (c->closing)
        return;
    if (status < 0) {
        connection_close(c);
    } else if (c->last || c->server->draining) {
        linger(c);
    } else {
        connection_enter(c, CONNECTION_IDLE, c->server->limits.idle_ms);
        process(c);
        read_again(c);
    }
}

static void drained(void *owner, int status)
{
    struct http_connection *c = owner;
    if (c->state == CONNECTION_WRITING)
        answered(c, status);
    else if (status < 0)
        connection_break_stream(c, "the connection is broken");
    else if (c->stream && c->stream->on_drain && !c->stream->closing)
        c->stream->on_drain(c->stream->ctx);
}

void connection_answer(struct http_connection *c, struct buf *answer)
{
    connection_enter(c, CONNECTION_WRITING, c->server->limits.write_ms);
    net_send(c->socket, answer);
}

void connection_stream(struct http_connection *c, struct buf *head, struct http_stream *stream)
{
    c->stream = stream;
    connection_enter(c, CONNECTION_STREAMING, 0);
    net_send(c->socket, head);
    if (c->eof)
        connection_break_stream(c, "the peer has hung up");
}

static void run(struct http_connection *c)
{
    struct http_exchange *x = c->exchange;
    connection_enter(c, CONNECTION_RUNNING, 0);
    x->handed = true;
    x->gone = c->eof;
    c->server->stats.requests++;
    c->server->stats.requests_running++;
    x->req.route->handler(&x->req, x->ctx);
}

static void ask_for_body(struct http_connection *c, const struct http_head *head)
{
    struct buf go = {0};
    bool empty = !head->chunked && head->length == 0;
    if (empty || head->minor == 0 || !http_head_get(head, "Expect"))
        return;
    buf_puts(&go, "HTTP/1.1 100 Continue\r\n\r\n");
    net_send(c->socket, &go);
}

/* Its authority is not one of the listener's any more. */
static void forget_certificate(struct http_connection *c)
{
    if (!c->certificate || tls_server_trusts(c->tls, c->epoch))
        return;
    net_certificate_unref(c->certificate);
    c->certificate = NULL;
    c->last = true;
}

static void got_head(struct http_connection *c)
{
    struct http_head *head = http_parser_take_head(c->parser);
    c->fresh = false;
    c->last = !head->keep_alive || c->server->draining || c->carrier;
    forget_certificate(c);
    c->exchange = exchange_new(c, head);
    connection_enter(c, CONNECTION_BODY, c->server->limits.body_ms);
    if (!exchange_route(c->exchange))
        return;
    ask_for_body(c, head);
    c->body_open = c->exchange->req.route->reads_body;
    c->body_paused = false;
    if (c->body_open)
        run(c);
}

/* Whoever has the request, or the stream that it has become. */
static void give_body(struct http_connection *c, const char *bytes, size_t len)
{
    if (c->stream && c->stream->on_body)
        c->stream->on_body(c->stream->on_body_ctx, bytes, len);
    else if (c->exchange && c->exchange->req.on_body)
        c->exchange->req.on_body(c->exchange->req.on_body_ctx, bytes, len);
}

static void got_end(struct http_connection *c)
{
    if (c->body_open) {
        c->body_open = false;
        give_body(c, "", 0);
    } else if (c->state == CONNECTION_BODY) {
        run(c);
    }
}

static bool reads_body(const struct http_connection *c)
{
    return c->body_open && (c->state == CONNECTION_RUNNING ||
                            (c->state == CONNECTION_STREAMING && !c->stream->closing));
}

static bool parsing(const struct http_connection *c)
{
    return !c->closing &&
           (c->state <= CONNECTION_BODY || (reads_body(c) && !c->body_paused));
}

static void violated(struct http_connection *c)
{
    int status;
    const char *detail = http_parser_error(c->parser, &status);
    if (c->body_open)                               /* a handler has the request */
        connection_break_stream(c, detail);
    else
        connection_refuse(c, status, detail);
}

/* One step; false when the input is used up. */
static bool parse(struct http_connection *c)
{
    const char *at = buf_str(&c->input) + c->parsed, *body;
    size_t len = c->input.len - c->parsed, body_len, before = len;
    enum http_event event = http_parser_next(c->parser, &at, &len, &body, &body_len);
    c->parsed += before - len;
    switch (event) {
    case HTTP_GOT_HEAD:
        got_head(c);
        break;
    case HTTP_GOT_BODY:
        if (c->body_open)
            give_body(c, body, body_len);
        else
            buf_add(&c->exchange->req.body, body, body_len);
        break;
    case HTTP_GOT_END:
        got_end(c);
        break;
    case HTTP_BAD:
        violated(c);
        break;
    case HTTP_MORE:
        return false;
    }
    return true;
}

static void forget_parsed(struct http_connection *c)
{
    buf_consume(&c->input, c->parsed);
    c->parsed = 0;
}

static void at_end_of_input(struct http_connection *c)
{
    if (http_parser_eof(c->parser) == HTTP_BAD)
        violated(c);
    else
        connection_close(c);
}

/* The time for the first head runs from accept. */
static void begin_head(struct http_connection *c)
{
    if (c->fresh)
        c->state = CONNECTION_HEAD;
    else
        connection_enter(c, CONNECTION_HEAD, c->server->limits.head_ms);
}

static void process(struct http_connection *c)
{
    if (c->processing || (c->fresh && carrier_is_asked(c)))
        return;
    c->processing = true;
    while (parsing(c) && parse(c))
        ;
    c->processing = false;
    if (c->closing)
        return;
    forget_parsed(c);
    if (!parsing(c) || reads_body(c))
        return;
    if (c->eof)
        at_end_of_input(c);
    else if (c->state == CONNECTION_IDLE && !http_parser_idle(c->parser))
        begin_head(c);
}

static void on_eof(struct http_connection *c)
{
    c->eof = true;
    if (c->exchange)
        exchange_peer_gone(c->exchange);
    if (c->state == CONNECTION_STREAMING)
        connection_break_stream(c, "the peer has hung up");
    else if (c->state == CONNECTION_LINGER)
        connection_close(c);
    else
        process(c);
}

static void on_read(void *owner, const char *bytes, ssize_t n)
{
    struct http_connection *c = owner;
    if (n == UV_EOF) {
        on_eof(c);
    } else if (n < 0) {
        connection_break_stream(c, n == UV_ECONNRESET ? "the peer has hung up"
                                                      : uv_strerror((int)n));
    } else if (!c->last || c->state < CONNECTION_WRITING || reads_body(c)) {
        buf_add(&c->input, bytes, (size_t)n);
        process(c);
        if (!c->closing && c->input.len > CONNECTION_INPUT_MAX) {
            c->read_paused = true;
            net_pause(c->socket);
        }
    }
}

void connection_read_body(struct http_connection *c, bool wanted)
{
    c->body_paused = !wanted;
    if (!wanted || c->closing || !reads_body(c))
        return;
    process(c);
    read_again(c);
}

static void read_again(struct http_connection *c)
{
    if (!c->read_paused || c->closing || c->eof || c->input.len > CONNECTION_INPUT_MAX)
        return;
    c->read_paused = false;
    net_read(c->socket);
}

static void connected(void *owner, int status)
{
    connection_shaken(owner, status);
}

const struct net_calls connection_calls = {
    .connected = connected,
    .read = on_read,
    .drained = drained,
    .finished = end_lingering,
    .closed = connection_part_closed,
};

struct http_connection *connection_new(struct http_server *server)
{
    struct http_connection *c = alloc_zero(1, sizeof *c);
    c->server = server;
    c->open_parts = 2;
    c->fresh = true;
    c->parser = http_parser_new(HTTP_OF_CLIENT, server->limits.head_bytes);
    uv_timer_init(server->loop, &c->timer);
    c->timer.data = c;
    c->next = server->connections;
    if (c->next)
        c->next->prev = c;
    server->connections = c;
    return c;
}

void connection_end_stream(struct http_connection *c)
{
    struct buf last = {0};
    if (c->closing || c->stream->closing)
        return;
    c->stream->closing = true;
    if (c->stream->chunked)
        buf_printf(&last, "0\r\n%s\r\n", buf_str(&c->stream->trailers));
    connection_answer(c, &last);
}

void connection_drain(struct http_connection *c)
{
    c->last = true;
    if (c->session)
        carrier_drain(c);
    else if (c->state == CONNECTION_IDLE && !c->carrier)
        connection_close(c);
    else if (c->stream)
        connection_end_stream(c);
}
