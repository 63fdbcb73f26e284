/* SPDX-License-Identifier: Apache-2.0 */
#include "http/client.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "http/tunnel_parts.h"
#include "net/stream.h"

enum {
    DEFAULT_TIMEOUT_MS = 30 * 1000,
    DEFAULT_BODY = 8 * 1024 * 1024,
    HEAD_MAX = 16 * 1024,
};

struct http_call {
    uv_loop_t *loop;
    struct net_stream *socket;                      /* NULL: not yet, closed, or now a tunnel's */
    uv_timer_t timer;
    uv_getaddrinfo_t resolving;
    bool is_resolving;
    unsigned open_parts;                            /* socket, timer, resolver: not ended yet */
    bool done;                                      /* a callback was called, or it is cancelled */
    struct http_address address;
    char *name;                                     /* the address as text, for errors */
    struct buf request;
    bool head_only;
    size_t max_body;
    struct http_parser *parser;
    struct http_head *head;
    struct buf body;
    struct http_call_callbacks callbacks;
    void *ctx;
    struct error early;                             /* found before the loop ran */
    bool failed_early;
};

static void part_ended(void *owner)
{
    struct http_call *call = owner;
    if (--call->open_parts > 0)
        return;
    http_parser_free(call->parser);
    http_head_free(call->head);
    buf_free(&call->request);
    buf_free(&call->body);
    free(call->name);
    free(call);
}

static void timer_closed(uv_handle_t *timer)
{
    part_ended(timer->data);
}

void http_client_cancel(struct http_call *call)
{
    if (call->done)
        return;
    call->done = true;
    if (call->socket)
        net_close(call->socket);
    call->socket = NULL;
    if (call->is_resolving)
        uv_cancel((uv_req_t *)&call->resolving);
    uv_close((uv_handle_t *)&call->timer, timer_closed);
}

static void fail(struct http_call *call, enum error_kind kind, const char *reason)
{
    struct error err;
    if (call->done)
        return;
    error_set(&err, kind, "%s: %s", call->name, reason);
    http_client_cancel(call);
    call->callbacks.on_error(call->ctx, &err);
}

static void on_timeout(uv_timer_t *timer)
{
    struct http_call *call = timer->data;
    if (call->failed_early)
        fail(call, call->early.kind, call->early.text);
    else
        fail(call, ERROR_TIMEOUT, "no complete answer in time");
}

static void complete(struct http_call *call)
{
    struct http_response response = {.head = call->head, .body = call->body};
    http_client_cancel(call);
    call->callbacks.on_response(call->ctx, &response);
}

static void upgrade(struct http_call *call, const char *bytes, size_t len)
{
    struct buf pending = {0};
    if (!call->callbacks.on_upgrade) {
        fail(call, ERROR_UPSTREAM, "switched protocols without being asked to");
        return;
    }
    buf_add(&pending, bytes, len);
    struct http_tunnel *tunnel = http_tunnel_new(call->socket, &pending, NULL);
    call->socket = NULL;
    call->open_parts--;
    http_client_cancel(call);
    call->callbacks.on_upgrade(call->ctx, call->head, tunnel);
}

static void got_head(struct http_call *call)
{
    http_head_free(call->head);
    call->head = http_parser_take_head(call->parser);
    if (call->head_only)
        http_parser_no_body(call->parser);
    http_parser_limit_body(call->parser, call->max_body);
}

/* Answers below 200 announce another one, but for the switch of protocols. */
static void got_end(struct http_call *call, const char *bytes, size_t len)
{
    if (call->head->status == 101)
        upgrade(call, bytes, len);
    else if (call->head->status >= 200)
        complete(call);
}

static void feed(struct http_call *call, const char *bytes, size_t len)
{
    const char *body;
    size_t body_len;
    int status;
    while (!call->done) {
        switch (http_parser_next(call->parser, &bytes, &len, &body, &body_len)) {
        case HTTP_GOT_HEAD:
            got_head(call);
            break;
        case HTTP_GOT_BODY:
            buf_add(&call->body, body, body_len);
            break;
        case HTTP_GOT_END:
            got_end(call, bytes, len);
            break;
        case HTTP_BAD:
            fail(call, ERROR_UPSTREAM, http_parser_error(call->parser, &status));
            break;
        case HTTP_MORE:
            return;
        }
    }
}

static void on_eof(struct http_call *call)
{
    bool answered = call->head && call->head->status >= 200;
    if (answered && http_parser_eof(call->parser) == HTTP_GOT_END)
        complete(call);
    else
        fail(call, ERROR_UPSTREAM, "the connection ended before the answer was complete");
}

static void on_read(void *owner, const char *bytes, ssize_t n)
{
    struct http_call *call = owner;
    if (n >= 0)
        feed(call, bytes, (size_t)n);
    else if (n == UV_EOF)
        on_eof(call);
    else
        fail(call, ERROR_UPSTREAM, uv_strerror((int)n));
}

static void on_connect(void *owner, int status)
{
    struct http_call *call = owner;
    if (call->done)
        return;
    if (status != 0) {
        fail(call, ERROR_UPSTREAM, uv_strerror(status));
        return;
    }
    /* A server that refuses early stops reading, but its answer can still be read. */
    net_read(call->socket);
    net_send(call->socket, &call->request);
}

static const struct net_calls socket_calls = {
    .read = on_read,
    .connected = on_connect,
    .closed = part_ended,
};

static int connect_to(struct http_call *call, const struct sockaddr *ip)
{
    bool tcp = call->address.kind == HTTP_TCP;
    call->socket = net_socket_new(call->loop, tcp ? NET_TCP : NET_PIPE, &socket_calls, call);
    call->open_parts++;
    return tcp ? net_connect_tcp(call->socket, ip)
               : net_connect_unix(call->socket, call->address.path);
}

static void on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *found)
{
    struct http_call *call = req->data;
    call->is_resolving = false;
    if (!call->done && status == 0)
        status = connect_to(call, found->ai_addr);
    if (!call->done && status != 0)
        fail(call, ERROR_UPSTREAM, uv_strerror(status));
    uv_freeaddrinfo(found);
    part_ended(call);
}

static int resolve(struct http_call *call)
{
    char port[8];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    snprintf(port, sizeof port, "%u", call->address.port);
    call->resolving.data = call;
    int rc = uv_getaddrinfo(call->loop, &call->resolving, on_resolved, call->address.host, port,
                            &hints);
    call->is_resolving = rc == 0;
    call->open_parts += rc == 0;
    return rc;
}

static bool has_control(const char *text)
{
    for (; text && *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return true;
    return false;
}

static bool malformed(const struct http_call_request *request)
{
    bool bad = *request->path != '/' || strpbrk(request->path, " #") ||
               has_control(request->path) || has_control(request->method) ||
               has_control(request->type) || has_control(request->upgrade);
    for (size_t i = 0; i < request->n_headers && !bad; i++)
        bad = has_control(request->headers[i].name) || has_control(request->headers[i].value);
    return bad;
}

static void put_request(struct http_call *call, const struct http_call_request *request)
{
    struct buf *out = &call->request;
    bool tcp = call->address.kind == HTTP_TCP;
    buf_printf(out, "%s %s HTTP/1.1\r\nHost: %s\r\n", request->method, request->path,
               tcp ? call->name + strlen("tcp:") : "localhost");
    for (size_t i = 0; i < request->n_headers; i++)
        buf_printf(out, "%s: %s\r\n", request->headers[i].name, request->headers[i].value);
    if (request->upgrade)
        buf_printf(out, "Connection: upgrade\r\nUpgrade: %s\r\n", request->upgrade);
    else
        buf_puts(out, "Connection: close\r\n");
    if (request->type)
        buf_printf(out, "Content-Type: %s\r\n", request->type);
    if (request->len || request->type)
        buf_printf(out, "Content-Length: %zu\r\n", request->len);
    buf_puts(out, "\r\n");
    if (request->len)
        buf_add(out, request->body, request->len);
}

static int prepare(struct http_call *call, const struct http_call_request *request)
{
    if (http_address_parse(request->address, &call->address, &call->early) != 0)
        return -1;
    if (malformed(request))
        return error_set(&call->early, ERROR_MALFORMED, "the request to %s cannot be sent: its "
                         "path or a header contains what HTTP does not allow", request->path);
    put_request(call, request);
    int rc = call->address.kind == HTTP_TCP && !call->address.resolved
                 ? resolve(call)
                 : connect_to(call, (struct sockaddr *)&call->address.ip);
    return rc == 0 ? 0 : error_set(&call->early, ERROR_UPSTREAM, "%s", uv_strerror(rc));
}

struct http_call *http_client_send(uv_loop_t *loop, const struct http_call_request *request,
                                   const struct http_call_callbacks *callbacks, void *ctx)
{
    struct http_call *call = alloc_zero(1, sizeof *call);
    unsigned timeout = request->timeout_ms ? request->timeout_ms : DEFAULT_TIMEOUT_MS;
    call->loop = loop;
    call->open_parts = 1;
    call->name = alloc_str(request->address);
    call->callbacks = *callbacks;
    call->ctx = ctx;
    call->head_only = strcmp(request->method, "HEAD") == 0;
    call->max_body = request->max_body ? request->max_body : DEFAULT_BODY;
    call->parser = http_parser_new(HTTP_OF_SERVER, HEAD_MAX);
    call->failed_early = prepare(call, request) != 0;
    uv_timer_init(loop, &call->timer);
    call->timer.data = call;
    uv_timer_start(&call->timer, on_timeout, call->failed_early ? 0 : timeout, 0);
    return call;
}
