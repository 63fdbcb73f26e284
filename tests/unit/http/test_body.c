/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers that read the body as it comes, answers that go on meanwhile, trailers, and requests
 * that their heads send to a service. */
#include "support/http.h"

enum { PIECE = 32 * 1024, PIECES = 40 };

static struct buf got;                              /* of the body */
static bool ended, gone;

static void keep(void *ctx, const char *bytes, size_t len)
{
    (void)ctx;
    ended |= !len;
    buf_add(&got, bytes, len);
}

static void on_gone(void *ctx)
{
    (void)ctx;
    gone = true;
}

static void read_it(struct http_request *req, void *ctx)
{
    struct fixture *f = ctx;
    f->held = req;
    assert_int_equal(req->body.len, 0);
    req->on_body = keep;
    req->on_gone = on_gone;
}

static void stream_closed(void *ctx, const struct error *why)
{
    struct fixture *f = ctx;
    f->stream = NULL;
    f->stream_closes++;
    f->stream_broken = why != NULL;
    snprintf(f->stream_why, sizeof f->stream_why, "%s", why ? why->text : "");
}

/* Says at once what it hears. */
static void echo_piece(void *ctx, const char *bytes, size_t len)
{
    struct fixture *f = ctx;
    if (len) {
        http_stream_write(f->stream, bytes, len);
        return;
    }
    http_stream_trailer(f->stream, "X-Sum", "9\r\n9");
    http_stream_close(f->stream);
}

static void echo_stream(struct http_request *req, void *ctx)
{
    struct fixture *f = ctx;
    req->on_body = echo_piece;
    req->on_body_ctx = f;
    f->stream = http_stream_begin(req, 200, "text/plain", stream_closed, f);
}

static const struct http_route routes[] = {
    {.method = "POST", .pattern = "/read", .handler = read_it, .reads_body = true},
    {.method = "POST", .pattern = "/echo", .handler = echo_stream, .reads_body = true},
    {.method = "GET", .pattern = "/hello", .handler = hello},
};
static const struct http_router router = {.routes = routes, .n_routes = 3};

static struct fixture *serving(void)
{
    struct fixture *f = fixture_new();
    buf_clear(&got);
    ended = gone = false;
    fixture_serve(f, SMALL, &router, false);
    return f;
}

static void end(struct fixture *f, struct raw *raw)
{
    raw_free(raw);
    fixture_free(f);
    buf_free(&got);
}

#define CHUNKED HEAD("POST /read") "Transfer-Encoding: chunked\r\n\r\n"

static void a_handler_reads_the_body_as_it_comes(void **state)
{
    struct fixture *f = serving();
    struct raw *raw = raw_new(f);
    (void)state;
    raw_puts(raw, CHUNKED "3\r\nabc\r\n");
    RUN_UNTIL(f, got.len == 3);
    assert_false(ended);
    raw_puts(raw, "2\r\nde\r\n0\r\n\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    RUN_UNTIL(f, ended);
    assert_string_equal(buf_str(&got), "abcde");
    assert_int_equal(f->hits, 0);                   /* answers come in order */
    http_respond(f->held, 200, "text/plain", "done", 4);
    RUN_UNTIL(f, raw_has(raw, "hello"));
    assert_true(raw_has(raw, "done"));
    end(f, raw);
}

static void an_answer_may_come_before_the_body_ends(void **state)
{
    struct fixture *f = serving();
    struct raw *raw = raw_new(f);
    (void)state;
    raw_puts(raw, CHUNKED "3\r\nabc\r\n");
    RUN_UNTIL(f, got.len == 3);
    http_respond(f->held, 403, "text/plain", "no", 2);
    raw_puts(raw, "5\r\nGET /\r\n");
    RUN_UNTIL(f, raw_has(raw, "no"));
    assert_true(raw_has(raw, "Connection: close\r\n"));
    raw_end(raw);
    RUN_UNTIL(f, raw->eof);
    assert_int_equal(got.len, 3);
    end(f, raw);
}

static void answer_and_body_go_on_side_by_side(void **state)
{
    struct fixture *f = serving();
    struct raw *raw = raw_new(f);
    (void)state;
    raw_puts(raw, HEAD("POST /echo") "Transfer-Encoding: chunked\r\n\r\n");
    RUN_UNTIL(f, raw_has(raw, "HTTP/1.1 200 OK"));
    raw_puts(raw, "3\r\nabc\r\n");
    RUN_UNTIL(f, raw_has(raw, "\r\n\r\n3\r\nabc\r\n"));
    raw_puts(raw, "3\r\ndef\r\n0\r\n\r\n");
    RUN_UNTIL(f, raw_has(raw, "3\r\ndef\r\n0\r\nX-Sum: 9  9\r\n\r\n"));
    assert_int_equal(f->stream_closes, 1);
    assert_false(f->stream_broken);
    end(f, raw);
}

static void a_client_whose_body_is_not_read_is_slowed_down(void **state)
{
    static char piece[PIECE];
    struct fixture *f = serving();
    struct raw *raw = raw_new(f);
    (void)state;
    memset(piece, 'p', sizeof piece);
    raw_puts(raw, CHUNKED);
    RUN_UNTIL(f, f->held);
    http_request_pause(f->held);
    for (int i = 0; i < PIECES; i++) {
        raw_puts(raw, "8000\r\n");
        raw_send(raw, piece, sizeof piece);
        raw_puts(raw, "\r\n");
    }
    raw_puts(raw, "0\r\n\r\n");
    for (int i = 0; i < 200; i++)
        uv_run(&f->loop, UV_RUN_NOWAIT);
    assert_int_equal(got.len, 0);
    assert_true(net_queued(raw->socket) > 0);
    http_request_resume(f->held);
    RUN_UNTIL(f, ended);
    assert_int_equal(got.len, PIECE * PIECES);
    http_respond(f->held, 200, "text/plain", "done", 4);
    RUN_UNTIL(f, raw_has(raw, "done"));
    end(f, raw);
}

static void a_malformed_body_ends_the_connection_and_is_told(void **state)
{
    struct fixture *f = serving();
    struct raw *raw = raw_new(f);
    (void)state;
    raw_puts(raw, CHUNKED "3\r\nabc\r\nXYZ\r\n");
    RUN_UNTIL(f, raw->eof && gone);
    http_respond(f->held, 200, "text/plain", "done", 4);
    assert_false(ended);
    end(f, raw);
}

/* ---- services ---- */

static bool is_mine(const struct http_head *head)
{
    const char *type = http_head_get(head, "Content-Type");
    return type && strcmp(type, "application/mine") == 0;
}

static void serve(struct http_request *req, void *ctx)
{
    http_respond(req, 200, "text/plain", ctx, strlen(ctx));
}

static void a_service_has_its_own_requests_and_context(void **state)
{
    static const struct http_service service = {is_mine, {.handler = serve, .reads_body = true}};
    static char mine[] = "served";
    struct fixture *f = serving();
    struct raw *raw = raw_new(f);
    (void)state;
    http_server_offer(f->server, &service, mine);
    raw_puts(raw, HEAD("GET /hello") "\r\n");
    raw_puts(raw,
             HEAD("POST /hello") "Content-Type: application/mine\r\nContent-Length: 0\r\n\r\n");
    RUN_UNTIL(f, raw_has(raw, "served"));
    assert_int_equal(f->hits, 1);
    end(f, raw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handler_reads_the_body_as_it_comes),
        cmocka_unit_test(an_answer_may_come_before_the_body_ends),
        cmocka_unit_test(answer_and_body_go_on_side_by_side),
        cmocka_unit_test(a_client_whose_body_is_not_read_is_slowed_down),
        cmocka_unit_test(a_malformed_body_ends_the_connection_and_is_told),
        cmocka_unit_test(a_service_has_its_own_requests_and_context),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
