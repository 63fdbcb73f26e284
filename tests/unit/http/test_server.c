/* SPDX-License-Identifier: Apache-2.0 */
/* Connections over time: limits, keep-alive, hang-ups, draining. */
#include "support/http.h"

#include <sys/resource.h>

static void named(struct http_request *req, void *ctx)
{
    (void)ctx;
    char text[256];
    const char *q = http_request_query(req, "label");
    snprintf(text, sizeof text, "%s|%s|%zu", http_request_param(req, "name"), q ? q : "-",
             req->n_query);
    http_header(req, "X-Name", "a\r\nEvil: b");
    http_respond(req, 200, "text/plain", text, strlen(text));
}

static void big(struct http_request *req, void *ctx)
{
    (void)ctx;
    char *bytes = alloc_zero(1, 16 << 20);
    http_respond(req, 200, "application/octet-stream", bytes, 16 << 20);
    free(bytes);
}

static void wrong(struct http_request *req, void *ctx)
{
    (void)ctx;
    struct error err;
    error_set(&err, ERROR_NOT_FOUND, "there is no sandbox \"%s\"", "demo");
    http_respond_error(req, &err);
}

static void forbidden(struct http_request *req, void *ctx)
{
    (void)ctx;
    hello(req, ctx);
    fail_msg("a request that was refused reached its handler");
}

static void count_free(void *user)
{
    ++*(unsigned *)user;
}

static int gate(struct http_request *req, void *ctx)
{
    struct fixture *f = ctx;
    req->user = &f->users_freed;
    req->free_user = count_free;
    if (strcmp(req->path, "/forbidden") != 0)
        return 0;
    http_respond_problem(req, 401, "unauthorized", "Who are you?", NULL, NULL);
    return -1;
}

static const struct http_route routes[] = {
    {.method = "GET", .pattern = "/hello", .handler = hello},
    {.method = "POST", .pattern = "/echo", .handler = echo},
    {.method = "POST", .pattern = "/small", .handler = echo, .max_body = 4},
    {.method = "GET", .pattern = "/later", .handler = later},
    {.method = "GET", .pattern = "/big", .handler = big},
    {.method = "GET", .pattern = "/wrong", .handler = wrong},
    {.method = "POST", .pattern = "/forbidden", .handler = forbidden},
    {.method = "GET", .pattern = "/v1/sandboxes/{name}/policy", .handler = named},
};
static const struct http_router router = {routes, sizeof routes / sizeof *routes, gate};

static struct fixture *serving(const struct http_limits *limits, bool tcp)
{
    struct fixture *f = fixture_new();
    fixture_serve(f, limits, &router, tcp);
    return f;
}

/* Sends text and waits until the server has closed. */
static struct raw *talk(struct fixture *f, const char *text)
{
    struct raw *raw = raw_new(f);
    raw_puts(raw, text);
    RUN_UNTIL(f, raw->eof);
    return raw;
}

/* The whole exchange must end with the server closing, and its answer must contain all texts. */
static void expect_last(const struct http_limits *limits, const char *text, const char *a,
                        const char *b)
{
    struct fixture *f = serving(limits, false);
    struct raw *raw = talk(f, text);
    if (!raw_has(raw, a) || !raw_has(raw, b) || !raw_has(raw, "Connection: close\r\n"))
        fail_msg("wanted \"%s\" and \"%s\" in: %s", a, b, buf_str(&raw->got));
    assert_int_equal(f->hits, 0);
    raw_free(raw);
    fixture_free(f);
}

static void test_head_too_large(void **state)
{
    (void)state;
    char text[2048];
    snprintf(text, sizeof text, HEAD("GET /hello") "X: %01200d\r\n\r\n", 1);
    expect_last(SMALL, text, "HTTP/1.1 431 Request Header Fields Too Large\r\n",
                "\"type\":\"https://sluice.dev/problems/header-too-large\"");
}

static void test_too_many_fields(void **state)
{
    (void)state;
    struct buf text = {0};
    buf_puts(&text, HEAD("GET /hello"));
    for (int i = 0; i < 100; i++)
        buf_puts(&text, "X: y\r\n");
    buf_puts(&text, "\r\n");
    expect_last(NULL, text.data, "431", "more than 100 header fields");
    buf_free(&text);
}

static void test_body_too_large(void **state)
{
    (void)state;
    expect_last(SMALL, HEAD("POST /echo") "Content-Length: 101\r\n\r\nx",
                "HTTP/1.1 413 Content Too Large",
                "the body is too large: at most 100 bytes are taken here: send less");
    expect_last(SMALL, HEAD("POST /small") "Transfer-Encoding: chunked\r\n\r\n"
                "2\r\nab\r\n3\r\ncde\r\n", "413", "at most 4 bytes are taken here: send less");
    expect_last(SMALL, HEAD("POST /echo") "Content-Length: 101\r\nExpect: 100-continue\r\n\r\n",
                "HTTP/1.1 413 ", "too-large");
}

static void test_slow_head(void **state)
{
    (void)state;
    expect_last(LIMITS(20, 5000, 5000, 5000, 16), "GET /hello HT", "HTTP/1.1 408 Request Timeout",
                "the request head did not arrive in time");
}

static void test_slow_body(void **state)
{
    (void)state;
    expect_last(LIMITS(5000, 20, 5000, 5000, 16), HEAD("POST /echo") "Content-Length: 5\r\n\r\nabc",
                "HTTP/1.1 408 Request Timeout", "the request body did not arrive in time");
}

static void test_idle_is_closed(void **state)
{
    (void)state;
    struct fixture *f = serving(LIMITS(5000, 5000, 20, 5000, 16), false);
    struct raw *raw = talk(f, HEAD("GET /hello") "\r\n");
    assert_true(raw_has(raw, "HTTP/1.1 200 OK\r\nDate: "));
    assert_int_equal(raw_count(raw, "HTTP/1.1"), 1);
    raw_free(raw);
    fixture_free(f);
}

static void test_keep_alive(void **state)
{
    (void)state;
    struct fixture *f = serving(SMALL, true);
    struct raw *raw = raw_new(f);
    for (unsigned i = 1; i <= 3; i++) {
        raw_puts(raw, HEAD("GET /hello") "\r\n");
        RUN_UNTIL(f, raw_count(raw, "\r\n\r\nhello") == i);
    }
    raw_puts(raw, HEAD("HEAD /hello") "\r\n" HEAD("GET /wrong") "Connection: close\r\n\r\n");
    RUN_UNTIL(f, raw->eof);
    assert_int_equal(raw_count(raw, "\r\n\r\nhello"), 3);
    assert_int_equal(raw_count(raw, "Content-Length: 5\r\n\r\nHTTP/1.1 404"), 1);
    assert_true(raw_has(raw, "there is no sandbox \\\"demo\\\""));
    assert_int_equal(http_server_stats(f->server).requests, 5);
    raw_free(raw);
    fixture_free(f);
}

static void test_pipelined_in_order(void **state)
{
    (void)state;
    struct fixture *f = serving(SMALL, false);
    struct raw *raw = raw_new(f);
    raw_puts(raw, HEAD("GET /later") "\r\n" HEAD("GET /hello") "\r\n");
    RUN_UNTIL(f, f->held);
    assert_int_equal(f->hits, 1);
    assert_int_equal(http_server_stats(f->server).requests_running, 1);
    assert_false(http_request_gone(f->held));
    http_respond(f->held, 200, "text/plain", "first", 5);
    RUN_UNTIL(f, raw_has(raw, "hello"));
    assert_true(strstr(raw->got.data, "first") < strstr(raw->got.data, "hello"));
    raw_free(raw);
    fixture_free(f);
}

/* More than the server keeps arrives while a request runs: nothing is lost, nothing grows. */
static void test_pipelined_flood(void **state)
{
    (void)state;
    enum { N = 12000 };
    struct buf flood = {0};
    struct fixture *f = serving(SMALL, false);
    struct raw *raw = raw_new(f);
    raw_puts(raw, HEAD("GET /later") "\r\n");
    for (int i = 0; i < N; i++)
        buf_puts(&flood, HEAD("GET /hello") "\r\n");
    net_send(raw->socket, &flood);
    RUN_UNTIL(f, f->held);
    for (int i = 0; i < 300; i++)
        uv_run(&f->loop, UV_RUN_NOWAIT);
    assert_int_equal(f->hits, 1);
    assert_true(net_queued(raw->socket) > 0);
    http_respond(f->held, 204, NULL, NULL, 0);
    RUN_UNTIL(f, f->hits == N + 1);
    raw_free(raw);
    fixture_free(f);
}

static void test_params_and_query(void **state)
{
    (void)state;
    struct fixture *f = serving(SMALL, false);
    struct raw *raw = raw_new(f);
    raw_puts(raw, HEAD("GET /v1/sandboxes/my%20box/policy?x&label=k%3Dv+w&label=2") "\r\n");
    RUN_UNTIL(f, raw_has(raw, "my box|k=v w|3"));
    assert_true(raw_has(raw, "X-Name: a  Evil: b\r\n"));
    raw_free(raw);
    fixture_free(f);
}

static void test_hang_up_before_answer(void **state)
{
    (void)state;
    struct fixture *f = serving(SMALL, true);
    struct raw *raw = raw_new(f);
    raw_puts(raw, HEAD("GET /later") "\r\n");
    RUN_UNTIL(f, f->held);
    raw_free(raw);
    RUN_UNTIL(f, http_request_gone(f->held));
    assert_string_equal(f->held->path, "/later");
    assert_int_equal(f->users_freed, 0);
    http_respond(f->held, 200, "text/plain", "nobody", 6);
    assert_int_equal(f->users_freed, 1);
    RUN_UNTIL(f, http_server_stats(f->server).connections == 0);
    fixture_free(f);
}

static void test_close_before_answer(void **state)
{
    (void)state;
    struct fixture *f = serving(SMALL, true);
    struct raw *raw = raw_new(f);
    raw_puts(raw, HEAD("GET /later") "\r\n");
    RUN_UNTIL(f, f->held);
    http_server_close(f->server, mark, &f->server_closed);
    RUN_UNTIL(f, f->server_closed);
    f->server = NULL;
    assert_true(http_request_gone(f->held));
    http_respond(f->held, 200, "text/plain", "nobody", 6);
    raw_free(raw);
    fixture_free(f);
}

/* The peer is still sending when it is refused: it reads the answer, and no reset. */
static void test_refused_while_sending(void **state)
{
    (void)state;
    struct fixture *f = serving(SMALL, true);
    struct raw *raw = raw_new(f);
    char *body = alloc_zero(1, 4 << 20);
    raw_puts(raw, HEAD("POST /echo") "Content-Length: 8000000\r\n\r\n");
    raw_send(raw, body, 4 << 20);
    RUN_UNTIL(f, raw->eof && net_queued(raw->socket) == 0);
    assert_int_equal(raw->status, 0);
    assert_true(raw_has(raw, "HTTP/1.1 413 "));
    free(body);
    raw_free(raw);
    fixture_free(f);
}

static void test_before_refuses(void **state)
{
    (void)state;
    struct fixture *f = serving(SMALL, false);
    struct raw *raw = talk(f, HEAD("POST /forbidden") "Content-Length: 50\r\n\r\nabc");
    assert_true(raw_has(raw, "HTTP/1.1 401 Unauthorized"));
    assert_true(raw_has(raw, "\"title\":\"Who are you?\",\"status\":401}"));
    assert_int_equal(f->users_freed, 1);
    raw_free(raw);
    fixture_free(f);
}

static void test_allow(void **state)
{
    (void)state;
    struct fixture *f = serving(SMALL, false);
    struct raw *raw = raw_new(f);
    raw_puts(raw, HEAD("DELETE /hello") "\r\n");
    RUN_UNTIL(f, raw_has(raw, "405 Method Not Allowed"));
    assert_true(raw_has(raw, "Allow: GET, HEAD\r\n"));
    assert_true(raw_has(raw, "/hello allows GET, HEAD, not DELETE"));
    raw_free(raw);
    fixture_free(f);
}

static void test_unknown_method(void **state)
{
    (void)state;
    expect_last(SMALL, HEAD("FROB /hello") "\r\n", "HTTP/1.1 501 Not Implemented\r\n",
                "this server does not know the method of the request: methods are written in "
                "capitals, such as GET");
}

static void test_continue(void **state)
{
    (void)state;
    struct fixture *f = serving(SMALL, false);
    struct raw *raw = raw_new(f);
    raw_puts(raw, HEAD("POST /echo") "Content-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    RUN_UNTIL(f, raw_has(raw, "HTTP/1.1 100 Continue\r\n\r\n"));
    assert_int_equal(f->hits, 0);
    raw_puts(raw, "abc");
    RUN_UNTIL(f, raw_has(raw, "\r\n\r\nabc"));
    raw_free(raw);
    fixture_free(f);
}

static void test_unread_answer(void **state)
{
    (void)state;
    struct fixture *f = serving(LIMITS(5000, 5000, 5000, 50, 16), false);
    struct raw *raw = raw_new(f);
    net_pause(raw->socket);
    raw_puts(raw, HEAD("GET /big") "\r\n");
    RUN_UNTIL(f, http_server_stats(f->server).requests == 1);
    RUN_UNTIL(f, http_server_stats(f->server).connections == 0);
    raw_free(raw);
    fixture_free(f);
}

static void on_drained(void *ctx)
{
    ((struct fixture *)ctx)->drained++;
}

static void test_drain(void **state)
{
    (void)state;
    struct fixture *f = serving(SMALL, false);
    struct raw *idle = raw_new(f), *busy = raw_new(f), *partial = raw_new(f);
    raw_puts(busy, HEAD("GET /later") "\r\n");
    raw_puts(partial, "GET /hel");
    raw_puts(idle, HEAD("GET /hello") "\r\n");
    RUN_UNTIL(f, f->held && raw_has(idle, "hello"));
    http_server_drain(f->server, on_drained, f);
    RUN_UNTIL(f, idle->eof);
    assert_int_equal(f->drained, 0);
    assert_int_equal(access(f->address + 5, F_OK), -1);
    raw_puts(partial, "lo HTTP/1.1\r\nHost: a\r\n\r\n");
    RUN_UNTIL(f, partial->eof);
    assert_true(raw_has(partial, "Connection: close\r\nContent-Length: 5\r\n\r\nhello"));
    raw_end(partial);
    assert_int_equal(f->drained, 0);
    http_respond(f->held, 200, "text/plain", "done", 4);
    RUN_UNTIL(f, busy->eof);
    raw_end(busy);
    RUN_UNTIL(f, f->drained);
    assert_true(raw_has(busy, "Connection: close\r\nContent-Length: 4\r\n\r\ndone"));
    raw_free(idle);
    raw_free(busy);
    raw_free(partial);
    assert_int_equal(f->drained, 1);
    fixture_free(f);
}

static void test_drain_when_nothing_is_open(void **state)
{
    (void)state;
    struct fixture *f = serving(SMALL, false);
    http_server_drain(f->server, on_drained, f);
    assert_int_equal(f->drained, 0);
    RUN_UNTIL(f, f->drained);
    fixture_free(f);
}

static void test_thousand_connections(void **state)
{
    (void)state;
    enum { N = 1000 };
    struct rlimit files = {4096, 4096};
    if (setrlimit(RLIMIT_NOFILE, &files) != 0)
        skip();
    struct fixture *f = serving(LIMITS(5000, 5000, 5000, 5000, N), false);
    struct raw *all[N], *extra;
    for (int i = 0; i < N; i++)
        all[i] = raw_new(f);
    RUN_UNTIL(f, http_server_stats(f->server).connections == N);
    extra = raw_new(f);
    RUN_UNTIL(f, extra->eof);
    assert_true(raw_has(extra, "HTTP/1.1 503 Service Unavailable"));
    assert_true(raw_has(extra, "as many connections as it may"));
    raw_free(extra);
    raw_puts(all[N - 1], HEAD("GET /hello") "\r\n");
    RUN_UNTIL(f, raw_has(all[N - 1], "hello"));
    for (int i = 0; i < N; i++)
        raw_free(all[i]);
    RUN_UNTIL(f, http_server_stats(f->server).connections == 0);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_head_too_large), cmocka_unit_test(test_too_many_fields),
        cmocka_unit_test(test_body_too_large), cmocka_unit_test(test_slow_head),
        cmocka_unit_test(test_slow_body), cmocka_unit_test(test_idle_is_closed),
        cmocka_unit_test(test_keep_alive), cmocka_unit_test(test_pipelined_in_order),
        cmocka_unit_test(test_pipelined_flood), cmocka_unit_test(test_params_and_query),
        cmocka_unit_test(test_hang_up_before_answer), cmocka_unit_test(test_close_before_answer),
        cmocka_unit_test(test_refused_while_sending),
        cmocka_unit_test(test_before_refuses), cmocka_unit_test(test_allow),
        cmocka_unit_test(test_unknown_method),
        cmocka_unit_test(test_continue), cmocka_unit_test(test_unread_answer),
        cmocka_unit_test(test_drain), cmocka_unit_test(test_drain_when_nothing_is_open),
        cmocka_unit_test(test_thousand_connections),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
