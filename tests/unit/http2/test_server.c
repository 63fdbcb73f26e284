/* SPDX-License-Identifier: Apache-2.0 */
/* A server of http/ that speaks HTTP/2 beside HTTP/1.1 on the same listener. */
#include "support/http.h"
#include "support/http2_floods.h"

#include "http2/server.h"

enum { MANY = 5000, BIG = 300 * 1000 };

static void big(struct http_request *req, void *ctx)
{
    char *body = alloc_zero(1, BIG);
    ((struct fixture *)ctx)->hits++;
    memset(body, 'b', BIG);
    http_respond(req, 200, "text/plain", body, BIG);
    free(body);
}

static void on_gone(void *ctx)
{
    ((struct fixture *)ctx)->users_freed++;
}

static void hold(struct http_request *req, void *ctx)
{
    struct fixture *f = ctx;
    req->on_gone = on_gone;
    req->on_gone_ctx = f;
    f->held = req;
}

static void stream_closed(void *ctx, const struct error *why)
{
    struct fixture *f = ctx;
    f->stream = NULL;
    f->stream_closes++;
    f->stream_broken = why != NULL;
}

static void events(struct http_request *req, void *ctx)
{
    struct fixture *f = ctx;
    f->stream = http_stream_begin(req, 200, HTTP_SSE_TYPE, stream_closed, f);
}

static const struct http_route routes[] = {
    {.method = "GET", .pattern = "/hello", .handler = hello},
    {.method = "POST", .pattern = "/echo", .handler = echo},
    {.method = "GET", .pattern = "/big", .handler = big},
    {.method = "GET", .pattern = "/hold", .handler = hold},
    {.method = "GET", .pattern = "/events", .handler = events},
};
static const struct http_router router = {.routes = routes, .n_routes = 5};

static struct fixture *serving_within(const struct http_limits *limits)
{
    struct fixture *f = fixture_new();
    fixture_serve(f, limits, &router, false);
    http_server_carry(f->server, &http2_protocol);
    return f;
}

static struct fixture *serving(void)
{
    return serving_within(SMALL);
}

static void send_frames(struct raw *raw, struct buf *frames)
{
    if (!raw->status)
        net_send(raw->socket, frames);
    buf_free(frames);
}

static struct raw *begin(struct fixture *f)
{
    struct buf out = {0};
    struct raw *raw = raw_new(f);
    wire_preface(&out);
    send_frames(raw, &out);
    return raw;
}

static bool said(const struct raw *raw, const char *line)
{
    struct buf text = {0};
    wire_print(&raw->got, &text);
    bool is = strstr(buf_str(&text), line);
    buf_free(&text);
    return is;
}

static void get(struct raw *raw, uint32_t id, const char *path)
{
    struct buf out = {0};
    wire_headers(&out, WHOLE, id, WIRE_GET(path));
    send_frames(raw, &out);
}

static const char *const post[] = {":method", "POST",  ":scheme", "http", ":authority", "a",
                                   ":path",   "/echo", NULL};

static void put_post(struct buf *out, uint32_t id, const char *body)
{
    wire_headers(out, END_HEADERS, id, post);
    wire_frame(out, NGHTTP2_DATA, END_STREAM, id, body, strlen(body));
}

static void end(struct fixture *f, struct raw *raw)
{
    raw_free(raw);
    fixture_free(f);
}

static void both_versions_are_served(void **state)
{
    struct fixture *f = serving();
    struct raw *one = raw_new(f), *two = begin(f);
    struct buf out = {0};
    (void)state;
    raw_puts(one, HEAD("GET /hello") "\r\n");
    get(two, 1, "/hello");
    put_post(&out, 3, "ping");
    send_frames(two, &out);
    get(two, 5, "/nothing");
    RUN_UNTIL(f, raw_has(one, "HTTP/1.1 200 OK") && said(two, "DATA 1 end hello\n"));
    RUN_UNTIL(f, said(two, "DATA 3 end ping\n") && said(two, "HEADERS 5 :status=404"));
    assert_int_equal(http_server_stats(f->server).connections, 2);
    RUN_UNTIL(f, http_server_stats(f->server).streams == 0);
    assert_false(raw_has(two, "RST_STREAM"));
    raw_free(one);
    end(f, two);
}

static void a_preface_may_come_in_pieces(void **state)
{
    struct fixture *f = serving();
    struct raw *raw = raw_new(f);
    struct buf out = {0};
    (void)state;
    wire_preface(&out);
    wire_headers(&out, WHOLE, 1, WIRE_GET("/hello"));
    for (size_t i = 0; i < out.len; i++) {
        raw_send(raw, out.data + i, 1);
        uv_run(&f->loop, UV_RUN_NOWAIT);
    }
    RUN_UNTIL(f, said(raw, "DATA 1 end hello\n"));
    buf_free(&out);
    end(f, raw);
}

/* More than one read brings, at once: the order stays. */
static void much_may_come_with_the_preface(void **state)
{
    enum { FRAME = 16 * 1024, N = 4 };
    static const char piece[FRAME];
    struct fixture *f = serving_within(NULL);
    struct raw *raw = raw_new(f);
    struct buf out = {0};
    (void)state;
    wire_preface(&out);
    wire_headers(&out, END_HEADERS, 1, post);
    for (int i = 0; i < N; i++)                     /* as much as a window holds at first */
        wire_frame(&out, NGHTTP2_DATA, i == N - 1 ? END_STREAM : 0, 1, piece,
                   i == N - 1 ? FRAME - 1 : FRAME);
    send_frames(raw, &out);
    RUN_UNTIL(f, said(raw, "HEADERS 1 :status=200") || raw->eof);
    assert_false(raw->eof);
    end(f, raw);
}

static void what_only_begins_like_a_preface_is_refused(void **state)
{
    static const char *const firsts[] = {"PRI * HTTP/2.0\r\n\r\nSM\r\n\rX", "PRI * HTTP/2.0\r\n"};
    (void)state;
    for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++) {
        struct fixture *f = serving_within(LIMITS(100, 5000, 5000, 5000, 16));
        struct raw *raw = raw_new(f);
        raw_puts(raw, firsts[i]);
        RUN_UNTIL(f, raw->eof);
        assert_true(raw_has(raw, i ? "HTTP/1.1 408 " : "HTTP/1.1 400 "));
        end(f, raw);
    }
}

static void limits_are_those_of_http_1_1(void **state)
{
    char body[101 + 1] = "";
    struct fixture *f = serving();
    struct raw *raw = begin(f);
    struct buf out = {0};
    (void)state;
    memset(body, 'x', sizeof body - 1);
    put_post(&out, 1, body);
    body[100] = '\0';
    put_post(&out, 3, body);
    send_frames(raw, &out);
    RUN_UNTIL(f, said(raw, "HEADERS 1 :status=413") && said(raw, "HEADERS 3 :status=200"));
    wire_headers(&out, END_HEADERS, 5,
                 (const char *const[]){":method", "POST", ":scheme", "http", ":authority", "a",
                                       ":path", "/missing", NULL});
    send_frames(raw, &out);                                /* its body does not come */
    RUN_UNTIL(f, said(raw, "HEADERS 5 :status=404") && said(raw, "RST_STREAM 5 NO_ERROR\n"));
    end(f, raw);
}

static void a_body_has_to_come_in_time(void **state)
{
    struct fixture *f = serving_within(LIMITS(5000, 50, 5000, 5000, 16));
    struct raw *raw = begin(f);
    struct buf out = {0};
    (void)state;
    wire_headers(&out, END_HEADERS, 1,
                 (const char *const[]){":method", "POST", ":scheme", "http", ":authority", "a",
                                       ":path", "/echo", NULL});
    send_frames(raw, &out);
    RUN_UNTIL(f, said(raw, "HEADERS 1 :status=408"));
    get(raw, 3, "/hello");
    RUN_UNTIL(f, said(raw, "DATA 3 end hello\n"));
    end(f, raw);
}

static void many_requests_run_side_by_side(void **state)
{
    struct fixture *f = serving();
    struct raw *raw = begin(f);
    (void)state;
    get(raw, 1, "/hold");
    RUN_UNTIL(f, f->held);
    for (uint32_t i = 1; i < 100; i++)
        get(raw, 2 * i + 1, "/hello");
    RUN_UNTIL(f, f->hits == 99 && said(raw, "DATA 199 end hello\n"));
    http_respond(f->held, 200, "text/plain", "done", 4);
    RUN_UNTIL(f, said(raw, "DATA 1 end done\n"));
    end(f, raw);
}

static void a_reset_is_told_to_the_handler(void **state)
{
    struct fixture *f = serving();
    struct raw *raw = begin(f);
    struct buf out = {0};
    (void)state;
    get(raw, 1, "/hold");
    RUN_UNTIL(f, f->held);
    wire_frame(&out, NGHTTP2_RST_STREAM, 0, 1, "\0\0\0\x8", 4);
    send_frames(raw, &out);
    RUN_UNTIL(f, f->users_freed == 1);
    assert_true(http_request_gone(f->held));
    http_respond(f->held, 200, "text/plain", "done", 4);
    get(raw, 3, "/hello");
    RUN_UNTIL(f, said(raw, "DATA 3 end hello\n"));
    assert_false(said(raw, "HEADERS 1 "));
    end(f, raw);
}

/* The code does not matter: an answer that is not complete has lost its reader. */
static void a_reset_without_an_error_is_told_too(void **state)
{
    struct fixture *f = serving();
    struct raw *raw = begin(f);
    struct buf out = {0};
    (void)state;
    get(raw, 1, "/hold");
    get(raw, 3, "/events");
    RUN_UNTIL(f, f->held && f->stream);
    wire_frame(&out, NGHTTP2_RST_STREAM, 0, 1, "\0\0\0\0", 4);
    wire_frame(&out, NGHTTP2_RST_STREAM, 0, 3, "\0\0\0\0", 4);
    send_frames(raw, &out);
    RUN_UNTIL(f, f->users_freed == 1 && f->stream_closes == 1);
    assert_true(f->stream_broken);
    http_respond(f->held, 200, "text/plain", "done", 4);
    RUN_UNTIL(f, http_server_stats(f->server).streams == 0);
    end(f, raw);
}

static void a_lost_connection_is_told_to_all_handlers(void **state)
{
    struct fixture *f = serving();
    struct raw *raw = begin(f);
    (void)state;
    get(raw, 1, "/hold");
    get(raw, 3, "/events");
    RUN_UNTIL(f, f->held && f->stream);
    raw_free(raw);
    RUN_UNTIL(f, f->users_freed == 1 && f->stream_closes == 1);
    assert_true(f->stream_broken);
    http_respond(f->held, 200, "text/plain", "done", 4);
    RUN_UNTIL(f, http_server_stats(f->server).connections == 0);
    fixture_free(f);
}

static void drained(void *ctx)
{
    ((struct fixture *)ctx)->drained++;
}

static void a_drain_says_so_and_waits(void **state)
{
    struct fixture *f = serving();
    struct raw *raw = begin(f), *idle = begin(f);
    (void)state;
    get(raw, 1, "/hold");
    get(raw, 3, "/events");
    RUN_UNTIL(f, f->held && f->stream);
    http_sse_event(f->stream, NULL, NULL, "last");
    http_server_drain(f->server, drained, f);
    RUN_UNTIL(f, said(raw, "GOAWAY 0 NO_ERROR\n") && said(idle, "GOAWAY 0 NO_ERROR\n"));
    RUN_UNTIL(f, f->stream_closes == 1 && said(raw, "DATA 3 data: last\n\n"));
    assert_false(f->stream_broken);
    assert_int_equal(f->drained, 0);
    get(raw, 5, "/hello");                          /* nobody hears of it */
    http_respond(f->held, 200, "text/plain", "done", 4);
    RUN_UNTIL(f, f->drained == 1);
    assert_true(said(raw, "DATA 1 end done\n"));
    assert_int_equal(f->hits, 0);
    raw_free(idle);
    end(f, raw);
}

static void a_server_closes_with_requests_under_way(void **state)
{
    struct fixture *f = serving();
    struct raw *raw = begin(f);
    (void)state;
    get(raw, 1, "/hold");
    get(raw, 3, "/events");
    RUN_UNTIL(f, f->held && f->stream);
    http_server_close(f->server, mark, &f->server_closed);
    RUN_UNTIL(f, f->server_closed);
    f->server = NULL;
    http_respond(f->held, 200, "text/plain", "done", 4);
    end(f, raw);
}

/* ---- crowds and floods ---- */

static void requests_beyond_the_limit_are_told_so(void **state)
{
    struct http_limits limits = HTTP_LIMITS_DEFAULT;
    limits.streams = 2;
    struct fixture *f = serving_within(&limits);
    struct raw *one = begin(f), *two = begin(f);
    (void)state;
    get(one, 1, "/events");
    get(two, 1, "/events");
    RUN_UNTIL(f, said(one, "HEADERS 1 ") && said(two, "HEADERS 1 "));
    get(two, 3, "/hello");
    RUN_UNTIL(f, said(two, "HEADERS 3 :status=503"));
    raw_free(one);
    RUN_UNTIL(f, http_server_stats(f->server).streams == 1);
    get(two, 5, "/hello");
    RUN_UNTIL(f, said(two, "HEADERS 5 :status=200"));
    end(f, two);
}

/* Two sources by TCP would have three requests each, and all of them together nine. */
static void one_source_has_its_share_of_the_requests(void **state)
{
    struct http_limits limits = HTTP_LIMITS_DEFAULT;
    struct fixture *f = fixture_new();
    (void)state;
    limits.streams = 16;
    fixture_serve(f, &limits, &router, true);
    http_server_carry(f->server, &http2_protocol);
    struct raw *one = begin(f), *two = begin(f);
    get(one, 1, "/hold");
    get(one, 3, "/events");
    get(two, 1, "/events");
    RUN_UNTIL(f, said(one, "HEADERS 3 :status=200") && said(two, "HEADERS 1 :status=200"));
    get(two, 3, "/hello");
    RUN_UNTIL(f, said(two, "HEADERS 3 :status=503"));
    http_respond(f->held, 200, "text/plain", "done", 4);
    raw_free(one);
    end(f, two);
}

static void an_idle_connection_gives_way(void **state)
{
    enum { SHARE = 3 };
    struct fixture *f = fixture_new();
    struct raw *all[SHARE + 1];
    (void)state;
    fixture_serve(f, SMALL, &router, true);
    http_server_carry(f->server, &http2_protocol);
    for (int i = 0; i < SHARE; i++) {
        all[i] = begin(f);
        get(all[i], 1, i ? "/events" : "/hello");
        RUN_UNTIL(f, said(all[i], "HEADERS 1 :status=200"));
    }
    RUN_UNTIL(f, http_server_stats(f->server).streams == SHARE - 1);
    all[SHARE] = begin(f);
    get(all[SHARE], 1, "/hello");
    RUN_UNTIL(f, all[0]->eof && said(all[SHARE], "DATA 1 end hello\n"));
    for (int i = 0; i <= SHARE; i++)
        raw_free(all[i]);
    fixture_free(f);
}

static void an_answer_that_nobody_takes_ends(void **state)
{
    struct fixture *f = serving_within(LIMITS(5000, 5000, 5000, 50, 16));
    struct raw *raw = begin(f);
    struct buf out = {0};
    (void)state;
    wire_frame(&out, NGHTTP2_SETTINGS, 0, 0, "\0\x4\0\0\0\0", 6);   /* windows of no bytes */
    send_frames(raw, &out);
    get(raw, 1, "/big");
    RUN_UNTIL(f, said(raw, "RST_STREAM 1 "));
    assert_int_equal(http_server_stats(f->server).streams, 0);
    end(f, raw);
}

static const struct {
    const char *name;
    void (*add)(struct buf *out, uint32_t i);
} floods[] = {
    {"resets", add_reset},           {"resets without an error", add_reset_without_error},
    {"provoked resets", add_provoked_reset},
    {"malformed", add_malformed},    {"pings", add_ping},
    {"settings", add_settings},      {"priorities", add_priority},
    {"windows", add_window},         {"empty data", add_empty_data},
    {"continuation", add_continuation},
};

/* The connection ends, with little said and nothing left; others are served. */
static void floods_end_their_connection(void **state)
{
    enum { ANSWERS_MAX = 64 * 1024 };
    (void)state;
    for (size_t k = 0; k < sizeof floods / sizeof *floods; k++) {
        struct fixture *f = serving();
        struct raw *raw = begin(f), *other = raw_new(f);
        for (uint32_t i = 0; i < MANY && !raw->eof; i++) {
            struct buf out = {0};
            floods[k].add(&out, i);
            send_frames(raw, &out);
            if (i % 16 == 0)
                uv_run(&f->loop, UV_RUN_NOWAIT);
        }
        RUN_UNTIL(f, raw->eof);
        /* The end may be lost in a reset. */
        if (raw->status == 0 && !said(raw, "GOAWAY 0 ENHANCE_YOUR_CALM\n"))
            fail_msg("%s: the connection ends without saying why", floods[k].name);
        if (raw->got.len > ANSWERS_MAX)
            fail_msg("%s: %zu bytes of answers", floods[k].name, raw->got.len);
        raw_puts(other, HEAD("GET /hello") "\r\n");
        RUN_UNTIL(f, raw_has(other, "hello"));
        RUN_UNTIL(f, http_server_stats(f->server).connections == 1);
        assert_int_equal(http_server_stats(f->server).streams, 0);
        raw_free(other);
        end(f, raw);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_versions_are_served),
        cmocka_unit_test(a_preface_may_come_in_pieces),
        cmocka_unit_test(much_may_come_with_the_preface),
        cmocka_unit_test(what_only_begins_like_a_preface_is_refused),
        cmocka_unit_test(limits_are_those_of_http_1_1),
        cmocka_unit_test(a_body_has_to_come_in_time),
        cmocka_unit_test(many_requests_run_side_by_side),
        cmocka_unit_test(a_reset_is_told_to_the_handler),
        cmocka_unit_test(a_reset_without_an_error_is_told_too),
        cmocka_unit_test(a_lost_connection_is_told_to_all_handlers),
        cmocka_unit_test(a_drain_says_so_and_waits),
        cmocka_unit_test(a_server_closes_with_requests_under_way),
        cmocka_unit_test(requests_beyond_the_limit_are_told_so),
        cmocka_unit_test(one_source_has_its_share_of_the_requests),
        cmocka_unit_test(an_idle_connection_gives_way),
        cmocka_unit_test(an_answer_that_nobody_takes_ends),
        cmocka_unit_test(floods_end_their_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
