/* SPDX-License-Identifier: Apache-2.0 */
#include "support/http.h"

static void stream_closed(void *ctx, const struct error *why)
{
    struct fixture *f = ctx;
    f->stream = NULL;
    f->stream_closes++;
    f->stream_broken = why != NULL;
    snprintf(f->stream_why, sizeof f->stream_why, "%s", why ? why->text : "");
}

static void begin(struct http_request *req, void *ctx)
{
    struct fixture *f = ctx;
    f->hits++;
    http_header(req, "Cache-Control", "no-store");
    f->stream = http_stream_begin(req, 200, HTTP_SSE_TYPE, stream_closed, f);
}

static const struct http_route routes[] = {
    {.method = "GET", .pattern = "/events", .handler = begin},
    {.method = "GET", .pattern = "/hello", .handler = hello},
    {.method = "GET", .pattern = "/later", .handler = later},
};
static const struct http_router router = {.routes = routes, .n_routes = 3};

#define EVENTS "GET /events HTTP/1.1\r\nHost: a\r\n\r\n"
#define HELLO  "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"

static struct fixture *serving(void)
{
    struct http_limits limits = HTTP_LIMITS_DEFAULT;
    struct fixture *f = fixture_new();
    limits.stream_bytes = 64 * 1024;
    fixture_serve(f, &limits, &router, false);
    return f;
}

static void test_events(void **state)
{
    (void)state;
    struct fixture *f = serving();
    struct raw *raw = raw_new(f);
    raw_puts(raw, EVENTS HELLO);
    RUN_UNTIL(f, f->stream);
    assert_true(http_sse_event(f->stream, "7", "revision", "{\"a\":1}\ntwo\r\nthree"));
    assert_true(http_sse_event(f->stream, "8\nevent: evil", NULL, ""));
    assert_true(http_sse_comment(f->stream, "alive"));
    assert_true(http_stream_write(f->stream, "", 0));
    http_stream_close(f->stream);
    assert_false(http_stream_write(f->stream, "x", 1));
    assert_int_equal(f->stream_closes, 0);
    RUN_UNTIL(f, raw_has(raw, "hello"));
    assert_int_equal(f->stream_closes, 1);
    assert_false(f->stream_broken);
    assert_true(raw_has(raw, "Cache-Control: no-store\r\nTransfer-Encoding: chunked\r\n\r\n"
                             "3b\r\nid: 7\nevent: revision\n"
                             "data: {\"a\":1}\ndata: two\ndata: three\n\n\r\n"
                             "e\r\nid: 8\ndata: \n\n\r\n" "9\r\n: alive\n\n\r\n" "0\r\n\r\n"
                             "HTTP/1.1 200 OK"));
    raw_free(raw);
    fixture_free(f);
}

static void test_http_1_0_is_not_chunked(void **state)
{
    (void)state;
    struct fixture *f = serving();
    struct raw *raw = raw_new(f);
    raw_puts(raw, "GET /events HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    RUN_UNTIL(f, f->stream);
    http_stream_write(f->stream, "abc", 3);
    http_stream_close(f->stream);
    RUN_UNTIL(f, raw->eof);
    assert_true(raw_has(raw, "Connection: close\r\n\r\nabc"));
    assert_false(raw_has(raw, "chunked"));
    raw_free(raw);
    fixture_free(f);
}

static void test_head_of_a_stream(void **state)
{
    (void)state;
    struct fixture *f = serving();
    struct raw *raw = raw_new(f);
    raw_puts(raw, "HEAD /events HTTP/1.1\r\nHost: a\r\n\r\n" HELLO);
    RUN_UNTIL(f, raw_has(raw, "hello"));
    assert_null(f->stream);
    assert_int_equal(f->stream_closes, 0);
    raw_free(raw);
    fixture_free(f);
}

static void test_hang_up(void **state)
{
    (void)state;
    struct fixture *f = serving();
    struct raw *raw = raw_new(f);
    raw_puts(raw, EVENTS);
    RUN_UNTIL(f, f->stream);
    raw_free(raw);
    RUN_UNTIL(f, f->stream_closes == 1);
    assert_string_equal(f->stream_why, "the peer has hung up");
    fixture_free(f);
}

static void test_hang_up_before_begin(void **state)
{
    (void)state;
    struct fixture *f = serving();
    struct raw *raw = raw_new(f);
    raw_puts(raw, "GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
    RUN_UNTIL(f, f->held);
    raw_free(raw);
    RUN_UNTIL(f, http_request_gone(f->held));
    f->stream = http_stream_begin(f->held, 200, HTTP_SSE_TYPE, stream_closed, f);
    if (f->stream) {
        assert_int_equal(f->stream_closes, 0);
        RUN_UNTIL(f, f->stream_closes == 1);
    }
    fixture_free(f);
}

static void test_slow_reader(void **state)
{
    (void)state;
    struct fixture *f = serving();
    struct raw *raw = raw_new(f);
    char block[4096];
    size_t most = 0;
    memset(block, 'x', sizeof block);
    raw_puts(raw, EVENTS);
    RUN_UNTIL(f, f->stream);
    net_pause(raw->socket);
    while (http_stream_write(f->stream, block, sizeof block)) {
        size_t queued = http_stream_queued(f->stream);
        most = queued > most ? queued : most;
    }
    assert_int_equal(f->stream_closes, 0);
    RUN_UNTIL(f, f->stream_closes == 1);
    assert_string_equal(f->stream_why, "the reader is too slow");
    assert_true(most > 32 * 1024 && most <= 65 * 1024);
    raw_free(raw);
    fixture_free(f);
}

static void drained(void *ctx)
{
    ((struct fixture *)ctx)->drained++;
}

static void test_drain_ends_streams(void **state)
{
    (void)state;
    struct fixture *f = serving();
    struct raw *raw = raw_new(f);
    raw_puts(raw, EVENTS);
    RUN_UNTIL(f, f->stream);
    http_server_drain(f->server, drained, f);
    assert_int_equal(f->stream_closes, 0);
    RUN_UNTIL(f, raw->eof);
    assert_true(raw_has(raw, "\r\n\r\n0\r\n\r\n"));
    assert_int_equal(f->stream_closes, 1);
    assert_false(f->stream_broken);
    raw_end(raw);
    RUN_UNTIL(f, f->drained);
    raw_free(raw);
    fixture_free(f);
}

static void test_close_ends_streams(void **state)
{
    (void)state;
    struct fixture *f = serving();
    struct raw *raw = raw_new(f);
    raw_puts(raw, EVENTS);
    RUN_UNTIL(f, f->stream);
    http_server_close(f->server, mark, &f->server_closed);
    f->server = NULL;
    assert_false(http_stream_write(f->stream, "x", 1));
    RUN_UNTIL(f, f->server_closed);
    assert_int_equal(f->stream_closes, 1);
    raw_free(raw);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events), cmocka_unit_test(test_http_1_0_is_not_chunked),
        cmocka_unit_test(test_head_of_a_stream), cmocka_unit_test(test_hang_up),
        cmocka_unit_test(test_hang_up_before_begin), cmocka_unit_test(test_slow_reader),
        cmocka_unit_test(test_drain_ends_streams), cmocka_unit_test(test_close_ends_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
