/* SPDX-License-Identifier: Apache-2.0 */
/* A loop with a server on it, and raw clients that say exactly the bytes a test wants. */
#ifndef TESTS_SUPPORT_HTTP_H
#define TESTS_SUPPORT_HTTP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/log.h"
#include "net/stream.h"
#include "http/server.h"
#include "http/stream.h"
#include "http/tunnel.h"
#include "support/patience.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UNUSED __attribute__((unused))

struct fixture {
    uv_loop_t loop;
    uv_timer_t watchdog;
    bool expired, server_closed;
    struct log log;
    struct http_server *server;
    char dir[64], address[HTTP_ADDRESS_SIZE];
    /* what the handlers saw */
    unsigned hits;
    struct http_request *held;                      /* of GET /later */
    struct http_stream *stream;
    unsigned stream_closes, tunnel_closes, users_freed;
    bool stream_broken;
    char stream_why[1024];
    struct http_tunnel *tunnel;
    struct buf tunnel_got;
    bool tunnel_ended;
    unsigned drained, drains;
};

static inline void expire(uv_timer_t *timer)
{
    ((struct fixture *)timer->data)->expired = true;
}

static inline void mark(void *flag)
{
    *(bool *)flag = true;
}

/* Turns the loop until the condition holds; a test that waits in vain fails. */
#define RUN_UNTIL(f, condition)                                                                    \
    while (!(condition)) {                                                                         \
        if ((f)->expired)                                                                          \
            fail_msg("waited in vain for %s", #condition);                                         \
        uv_run(&(f)->loop, UV_RUN_ONCE);                                                           \
    }

static UNUSED struct fixture *fixture_new(void)
{
    struct fixture *f = alloc_zero(1, sizeof *f);
    signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&f->loop);
    uv_timer_init(&f->loop, &f->watchdog);
    f->watchdog.data = f;
    uv_timer_start(&f->watchdog, expire, patience_ms(), 0);
    f->log = (struct log){.fd = 2, .level = LOG_ERROR, .program = "test"};
    strcpy(f->dir, "/tmp/sluice-http-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    return f;
}

static UNUSED void fixture_serve(struct fixture *f, const struct http_limits *limits,
                                 const struct http_router *router, bool tcp)
{
    char address[HTTP_ADDRESS_SIZE];
    struct error err;
    snprintf(address, sizeof address, "unix:%s/socket", f->dir);
    f->server = http_server_new(&f->loop, limits, router, f, &f->log);
    if (http_server_listen(f->server, tcp ? "tcp:127.0.0.1:0" : address,
                           tcp ? HTTP_TRUST_LOCAL_UIDS : 0, &err) != 0)
        fail_msg("%s", err.text);
    http_server_address(f->server, 0, f->address);
}

static inline void count_open(uv_handle_t *handle, void *n)
{
    *(int *)n += !uv_is_closing(handle);
}

static UNUSED void fixture_free(struct fixture *f)
{
    int open = 0;
    if (f->server) {
        http_server_close(f->server, mark, &f->server_closed);
        RUN_UNTIL(f, f->server_closed);
    }
    uv_close((uv_handle_t *)&f->watchdog, NULL);
    uv_run(&f->loop, UV_RUN_NOWAIT);
    uv_walk(&f->loop, count_open, &open);
    assert_int_equal(open, 0);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    assert_int_equal(rmdir(f->dir), 0);
    buf_free(&f->tunnel_got);
    free(f);
}

struct raw {
    struct fixture *f;
    struct net_stream *socket;
    bool connected, eof, closed;
    int status;                                     /* what failed last, or 0 */
    struct buf got;
};

static inline void raw_read(void *owner, const char *bytes, ssize_t n)
{
    struct raw *raw = owner;
    if (n > 0)
        buf_add(&raw->got, bytes, (size_t)n);
    else
        raw->eof = true;
    if (n < 0 && n != UV_EOF)
        raw->status = (int)n;
}

static inline void raw_connected(void *owner, int status)
{
    struct raw *raw = owner;
    raw->connected = true;
    raw->status = status;
}

static inline void raw_drained(void *owner, int status)
{
    if (status < 0)
        ((struct raw *)owner)->status = status;
}

static inline void raw_closed(void *owner)
{
    ((struct raw *)owner)->closed = true;
}

static const struct net_calls raw_calls = {
    .read = raw_read,
    .drained = raw_drained,
    .connected = raw_connected,
    .closed = raw_closed,
};

static UNUSED struct raw *raw_new(struct fixture *f)
{
    struct raw *raw = alloc_zero(1, sizeof *raw);
    struct http_address address;
    assert_int_equal(http_address_parse(f->address, &address, NULL), 0);
    raw->f = f;
    bool tcp = address.kind == HTTP_TCP;
    raw->socket = net_socket_new(&f->loop, tcp ? NET_TCP : NET_PIPE, &raw_calls, raw);
    assert_int_equal(tcp ? net_connect_tcp(raw->socket, (struct sockaddr *)&address.ip)
                         : net_connect_unix(raw->socket, address.path), 0);
    RUN_UNTIL(f, raw->connected);
    assert_int_equal(raw->status, 0);
    net_read(raw->socket);
    return raw;
}

static UNUSED void raw_send(struct raw *raw, const char *bytes, size_t len)
{
    struct buf copy = {0};
    buf_add(&copy, bytes, len);
    net_send(raw->socket, &copy);
}

static UNUSED void raw_puts(struct raw *raw, const char *text)
{
    raw_send(raw, text, strlen(text));
}

static UNUSED void raw_end(struct raw *raw)
{
    net_finish(raw->socket);
}

static UNUSED void raw_free(struct raw *raw)
{
    net_close(raw->socket);
    RUN_UNTIL(raw->f, raw->closed);
    buf_free(&raw->got);
    free(raw);
}

static UNUSED bool raw_has(const struct raw *raw, const char *text)
{
    return raw->got.len && memmem(raw->got.data, raw->got.len, text, strlen(text));
}

/* How many times text is in what came. */
static UNUSED unsigned raw_count(const struct raw *raw, const char *text)
{
    unsigned n = 0;
    for (const char *at = buf_str(&raw->got); (at = strstr(at, text)); at++)
        n++;
    return n;
}

static UNUSED void hello(struct http_request *req, void *ctx)
{
    ((struct fixture *)ctx)->hits++;
    http_respond(req, 200, "text/plain", "hello", 5);
}

static UNUSED void echo(struct http_request *req, void *ctx)
{
    ((struct fixture *)ctx)->hits++;
    http_respond(req, 200, http_request_type(req), buf_str(&req->body), req->body.len);
}

static UNUSED void later(struct http_request *req, void *ctx)
{
    struct fixture *f = ctx;
    f->hits++;
    f->held = req;
}

#define LIMITS(head, body, idle, write, most)      \
    (&(struct http_limits){.head_bytes = 1024,     \
                           .body_bytes = 100,      \
                           .stream_bytes = 100000, \
                           .head_ms = head,        \
                           .body_ms = body,        \
                           .idle_ms = idle,        \
                           .write_ms = write,      \
                           .connections = most,    \
                           .handshakes = 4,        \
                           .streams = 200})
#define SMALL LIMITS(5000, 5000, 5000, 5000, 16)

#define HEAD(line) line " HTTP/1.1\r\nHost: a\r\n"

#endif
