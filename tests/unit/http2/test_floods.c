/* SPDX-License-Identifier: Apache-2.0 */
/* What a client of HTTP/2 could do at no cost of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "support/http2_floods.h"
#include "support/http2_pair.h"

#include "http/parser.h"

enum {
    MANY = 5000,
};

static struct pair *begin(const struct http2_limits *limits)
{
    struct buf out = {0};
    struct pair *pair = pair_new(true, limits);
    wire_preface(&out);
    raw_send(pair, &out);
    return pair;
}

static void expect_line(const struct pair *pair, const char *line)
{
    struct buf said = {0};
    wire_print(&pair->raw_in, &said);
    if (!strstr(buf_str(&said), line))
        fail_msg("no %s at the end of:\n%s%s", line,
                 said.len > 400 ? said.data + said.len - 400 : buf_str(&said), pair->ended);
    buf_free(&said);
}

/* Sends one frame after the other until the server has enough; what it says stays small. */
static void expect_to_be_sent_away(void (*add)(struct buf *out, uint32_t i), const char *why)
{
    enum { ANSWERS_MAX = 64 * 1024 };
    struct pair *pair = begin(NULL);
    for (uint32_t i = 0; i < MANY && !pair->raw_ended; i++) {
        struct buf out = {0};
        add(&out, i);
        net_write(pair->raw, out.data, out.len);
        if (i % 16 == 0)
            pair_run(pair);
        buf_free(&out);
    }
    pair_run(pair);
    expect_line(pair, "GOAWAY 0 ENHANCE_YOUR_CALM\n");
    assert_true(pair->raw_ended);
    assert_true(pair->raw_in.len < ANSWERS_MAX);
    net_close(pair->raw);
    pair->raw = NULL;
    pair_run(pair);
    assert_true(pair->server_ended);
    assert_string_equal(pair->ended, why);
    pair_free(pair);
}

static void resets_without_end(void **state)
{
    (void)state;
    expect_to_be_sent_away(add_reset, "streams are reset too fast");
    expect_to_be_sent_away(add_reset_without_error, "streams are reset too fast");
    expect_to_be_sent_away(add_provoked_reset, "streams are reset too fast");
    expect_to_be_sent_away(add_malformed, "streams are reset too fast");
}

static void frames_without_use(void **state)
{
    static const char why[] = "the peer sends frames without use too fast";
    (void)state;
    expect_to_be_sent_away(add_ping, why);
    expect_to_be_sent_away(add_settings, why);
    expect_to_be_sent_away(add_priority, why);
    expect_to_be_sent_away(add_window, why);
    expect_to_be_sent_away(add_empty_data, why);
}

/* Nobody reads the answers: what waits stays bounded, and the connection ends. */
static void pings_whose_answers_are_not_read(void **state)
{
    struct pair *pair = begin(NULL);
    struct buf out = {0};
    (void)state;
    net_pause(pair->raw);
    buf_clear(&pair->raw_in);
    for (uint32_t i = 0; i < MANY; i++)
        add_ping(&out, i);
    raw_send(pair, &out);
    net_read(pair->raw);
    pair_run(pair);
    assert_true(pair->raw_in.len < 64 * 1024);
    expect_line(pair, "GOAWAY 0 ENHANCE_YOUR_CALM\n");
    pair_free(pair);
}

static void header_blocks_without_end(void **state)
{
    (void)state;
    expect_to_be_sent_away(add_continuation,
                           "Too many CONTINUATION frames following a HEADER frame");
}

/* What a reader with the limit of a server says of the request. */
static const char *refusal_of(const struct buf *text, int *status)
{
    static char why[200];
    const char *bytes = buf_str(text), *body;
    size_t len = text->len, body_len;
    struct http_parser *parser = http_parser_new(HTTP_OF_CLIENT, 16 * 1024);
    *status = 0;
    why[0] = '\0';
    if (http_parser_next(parser, &bytes, &len, &body, &body_len) == HTTP_BAD)
        snprintf(why, sizeof why, "%s", http_parser_error(parser, status));
    http_parser_free(parser);
    return why;
}

static void expect_too_long(struct pair *pair)
{
    int status;
    pair_run(pair);
    assert_int_equal(pair->n_requests, 1);
    assert_true(pair->requests[0].in.len < 64 * 1024);
    assert_string_equal(refusal_of(&pair->requests[0].in, &status),
                        "the request line and header fields are too long");
    assert_int_equal(status, 431);
    assert_false(pair->server_ended);
    pair_free(pair);
}

static void send_block(struct pair *pair, const struct buf *block)
{
    struct buf out = {0};
    wire_frame(&out, NGHTTP2_HEADERS, WHOLE, 1, block->data, block->len);
    raw_send(pair, &out);
}

static void begin_block(struct buf *block)
{
    wire_field(block, ":method", "GET");
    wire_field(block, ":scheme", "http");
    wire_field(block, ":path", "/");
    wire_field(block, ":authority", "a");
}

static void header_lists_that_are_too_long(void **state)
{
    struct buf block = {0};
    struct pair *pair;
    char value[801] = "";
    (void)state;
    begin_block(&block);
    memset(value, 'v', sizeof value - 1);
    for (int i = 0; i < 20; i++)
        wire_field(&block, "x-long", value);
    pair = begin(NULL);
    send_block(pair, &block);
    expect_too_long(pair);
    buf_clear(&block);
    begin_block(&block);
    for (int i = 0; i < 200; i++)
        wire_field(&block, "n", "");
    pair = begin(NULL);
    send_block(pair, &block);
    expect_too_long(pair);
    buf_free(&block);
}

/* One entry of the dynamic table, named ten thousand times by a byte each. */
static void header_blocks_that_unfold(void **state)
{
    struct buf block = {0};
    struct pair *pair = begin(NULL);
    char value[3501] = "";
    (void)state;
    begin_block(&block);
    memset(value, 'v', sizeof value - 1);
    buf_putc(&block, 0x40);                         /* a literal with indexing */
    wire_length(&block, 1);
    buf_puts(&block, "x");
    wire_length(&block, strlen(value));
    buf_puts(&block, value);
    for (int i = 0; i < 10000; i++)
        buf_putc(&block, (char)0xbe);               /* index 62 */
    send_block(pair, &block);
    buf_free(&block);
    expect_too_long(pair);
}

static void streams_beyond_the_limit(void **state)
{
    struct buf out = {0};
    struct pair *pair = begin(NULL);
    (void)state;
    for (uint32_t i = 0; i <= 100; i++)
        wire_headers(&out, WHOLE, 2 * i + 1, WIRE_GET("/"));
    raw_send(pair, &out);
    assert_int_equal(pair->n_requests, 100);
    expect_line(pair, "RST_STREAM 201 REFUSED_STREAM\n");
    wire_frame(&out, NGHTTP2_SETTINGS, NGHTTP2_FLAG_ACK, 0, "", 0);
    wire_headers(&out, WHOLE, 203, WIRE_GET("/"));
    raw_send(pair, &out);
    expect_line(pair, "GOAWAY 0 PROTOCOL_ERROR\n"); /* now it knows of the limit */
    assert_int_equal(pair->n_requests, 100);
    pair_free(pair);
}

/* The client takes nothing of its response. */
static void a_window_that_stays_closed(void **state)
{
    const struct http2_limits limits = {.stall_ms = 40};
    struct buf out = {0};
    struct pair *pair = begin(&limits);
    (void)state;
    wire_frame(&out, NGHTTP2_SETTINGS, 0, 0, "\0\x4\0\0\0\0", 6);   /* windows of no bytes */
    wire_headers(&out, WHOLE, 1, WIRE_GET("/"));
    wire_headers(&out, WHOLE, 3, WIRE_GET("/"));
    raw_send(pair, &out);
    end_write(&pair->requests[0], "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    while (pair->requests[0].status == 0)
        uv_run(pair->loop, UV_RUN_ONCE);
    pair_run(pair);
    assert_int_equal(pair->requests[0].status, UV_ETIMEDOUT);
    expect_line(pair, "RST_STREAM 1 CANCEL\n");
    assert_int_equal(pair->requests[1].status, 0);  /* it has nothing to send */
    assert_false(pair->server_ended);
    pair_free(pair);
}

static void windows_that_overflow(void **state)
{
    struct buf out = {0};
    struct pair *pair = begin(NULL);
    (void)state;
    wire_headers(&out, WHOLE, 1, WIRE_GET("/"));
    wire_frame(&out, NGHTTP2_WINDOW_UPDATE, 0, 1, "\x7f\xff\xff\xff", 4);
    raw_send(pair, &out);
    expect_line(pair, "RST_STREAM 1 FLOW_CONTROL_ERROR\n");
    assert_false(pair->server_ended);
    wire_frame(&out, NGHTTP2_WINDOW_UPDATE, 0, 0, "\x7f\xff\xff\xff", 4);
    raw_send(pair, &out);
    expect_line(pair, "GOAWAY 0 FLOW_CONTROL_ERROR\n");
    pair_free(pair);
}

/* More than the stream's window lets it. */
static void bodies_beyond_the_window(void **state)
{
    static const char *const fields[] = {":method", "POST", ":scheme", "http", ":authority", "a",
                                         ":path",   "/",    NULL};
    static const char piece[16384];
    struct buf out = {0};
    struct pair *pair = begin(NULL);
    (void)state;
    pair->paused = true;
    wire_headers(&out, END_HEADERS, 1, fields);
    for (int i = 0; i < 5; i++)
        wire_frame(&out, NGHTTP2_DATA, 0, 1, piece, sizeof piece);
    raw_send(pair, &out);
    expect_line(pair, "FLOW_CONTROL_ERROR\n");
    pair_free(pair);
}

static void priorities_are_ignored(void **state)
{
    struct buf out = {0};
    struct pair *pair = begin(NULL);
    (void)state;
    wire_headers(&out, WHOLE, 1, WIRE_GET("/"));
    for (uint32_t i = 0; i < 200; i++)
        wire_frame(&out, NGHTTP2_PRIORITY, 0, 1001 + 2 * i, "\x80\0\0\x1\xff", 5);
    raw_send(pair, &out);
    end_write(&pair->requests[0], "HTTP/1.1 204 No Content\r\n\r\n");
    pair_run(pair);
    expect_line(pair, "HEADERS 1 end :status=204\n");
    pair_free(pair);
}

/* A connection without streams, one that says nothing at all, and one that never ends its first
 * header block, ends after a while. */
static void connections_that_are_idle(void **state)
{
    const struct http2_limits limits = {.idle_ms = 40};
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct pair *pair = i == 1 ? pair_new(true, &limits) : begin(&limits);
        struct buf out = {0};
        if (i == 2)
            wire_frame(&out, NGHTTP2_HEADERS, 0, 1, "\x82", 1);
        raw_send(pair, &out);
        while (!pair->raw_ended)
            uv_run(pair->loop, UV_RUN_ONCE);
        expect_line(pair, "GOAWAY 0 NO_ERROR\n");
        net_close(pair->raw);
        pair->raw = NULL;
        pair_run(pair);
        assert_true(pair->server_ended);
        assert_string_equal(pair->ended, "");
        pair_free(pair);
    }
}

/* ---- malformed requests ---- */

static void expect_said(const char *const *fields, const char *line)
{
    struct buf out = {0};
    struct pair *pair = begin(NULL);
    wire_headers(&out, WHOLE, 1, fields);
    raw_send(pair, &out);
    assert_int_equal(pair->n_requests, 0);
    expect_line(pair, line);
    pair_free(pair);
}

#define FIELDS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define REQUEST ":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a"

static void requests_that_http2_forbids_are_reset(void **state)
{
    static const char line[] = "RST_STREAM 1 PROTOCOL_ERROR\n";
    (void)state;
    expect_said(FIELDS(REQUEST, "Upper", "x"), line);
    expect_said(FIELDS(REQUEST, "transfer-encoding", "chunked"), line);
    expect_said(FIELDS(REQUEST, "connection", "close"), line);
    expect_said(FIELDS(REQUEST, "upgrade", "h2c"), line);
    expect_said(FIELDS(REQUEST, "te", "gzip"), line);
    expect_said(FIELDS(REQUEST, "content-length", "5"), line);
    expect_said(FIELDS(REQUEST, "content-length", "0", "content-length", "0"), line);
    expect_said(FIELDS(REQUEST, ":path", "/b"), line);
    expect_said(FIELDS("x", "y", REQUEST), line);
    expect_said(FIELDS(":method", "GET", ":scheme", "http", ":authority", "a"), line);
    expect_said(FIELDS(":method", "GET", ":scheme", "http", ":path", "", ":authority", "a"), line);
    expect_said(FIELDS(":method", "GET", ":scheme", "http", ":path", "/", "x", "y"), line);
}

static void expect_refused(const char *const *fields, int status, const char *why)
{
    int got;
    struct buf out = {0};
    struct pair *pair = begin(NULL);
    wire_headers(&out, WHOLE, 1, fields);
    raw_send(pair, &out);
    assert_int_equal(pair->n_requests, 1);
    assert_string_equal(refusal_of(&pair->requests[0].in, &got), why);
    assert_int_equal(got, status);
    pair_free(pair);
}

/* These become text that a reader of HTTP/1.1 refuses, too. */
static void requests_that_could_be_read_in_two_ways_are_refused(void **state)
{
    static const char control[] = "the head contains a control byte";
    (void)state;
    expect_refused(FIELDS(REQUEST, "x", "a\r\nHost: b"), 400, control);
    expect_refused(FIELDS(REQUEST, "x", "a\nb"), 400, control);
    expect_refused(FIELDS(REQUEST, "x", " a"), 400, control);
    expect_refused(FIELDS(REQUEST, "x y", "a"), 400, control);
    expect_refused(FIELDS(REQUEST, "host", "b"), 400, "Host is given more than once");
    expect_refused(FIELDS(":method", "get", ":scheme", "http", ":path", "/", ":authority", "a"),
                   501,
                   "this server does not know the method of the request: methods are written in "
                   "capitals, such as GET");
}

/* A placeholder of a credential (core/secret) makes no method, no scheme and no name of a field; as
 * an authority it is no host (unit/egress). */
static void placeholders_in_pseudo_fields_make_no_request(void **state)
{
    static const char marker[] = "openshell:resolve:env:s00_TOKEN";
    (void)state;
    expect_said(FIELDS(":method", marker, ":scheme", "http", ":path", "/", ":authority", "a"),
                "RST_STREAM 1 PROTOCOL_ERROR\n");
    expect_said(FIELDS(":method", "GET", ":scheme", marker, ":path", "/", ":authority", "a"),
                "RST_STREAM 1 PROTOCOL_ERROR\n");
    expect_said(FIELDS(REQUEST, marker, "1"), "RST_STREAM 1 PROTOCOL_ERROR\n");
}

static void expect_text(const char *const *fields, const char *text)
{
    struct buf out = {0};
    struct pair *pair = begin(NULL);
    wire_headers(&out, WHOLE, 1, fields);
    raw_send(pair, &out);
    assert_string_equal(buf_str(&pair->requests[0].in), text);
    pair_free(pair);
}

static void requests_become_text(void **state)
{
    (void)state;
    expect_text(FIELDS(REQUEST, "cookie", "a=1", "x", "y", "cookie", "b=2"),
                "GET / HTTP/1.1\r\nHost: a\r\nx: y\r\ncookie: a=1; b=2\r\n\r\n");
    expect_text(FIELDS(REQUEST, "host", "A"), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    expect_text(FIELDS(":method", "GET", ":scheme", "https", ":path", "/", ":authority", "a"),
                "GET https://a/ HTTP/1.1\r\nHost: a\r\n\r\n");
    expect_text(FIELDS(":method", "CONNECT", ":authority", "a:1"),
                "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n");
    expect_text(FIELDS(":method", "CONNECT", ":protocol", "other", ":scheme", "http", ":path", "/",
                       ":authority", "a"),
                "CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n");
}

/* A reader of the text would take them for another request. */
static void bytes_behind_connect_are_kept_back(void **state)
{
    const char *const *const heads[] = {
        FIELDS(":method", "CONNECT", ":authority", "a:1"),
        FIELDS(":method", "CONNECT", ":protocol", "websocket", ":scheme", "http", ":path", "/",
               ":authority", "a")};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct buf out = {0};
        struct pair *pair = begin(NULL);
        wire_headers(&out, END_HEADERS, 1, heads[i]);
        wire_frame(&out, NGHTTP2_DATA, END_STREAM, 1, "GET /2 HTTP/1.1\r\n\r\n", 19);
        raw_send(pair, &out);
        assert_int_equal(pair->n_requests, 1);
        assert_null(strstr(buf_str(&pair->requests[0].in), "/2"));
        pair_free(pair);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resets_without_end),
        cmocka_unit_test(frames_without_use),
        cmocka_unit_test(pings_whose_answers_are_not_read),
        cmocka_unit_test(header_blocks_without_end),
        cmocka_unit_test(header_lists_that_are_too_long),
        cmocka_unit_test(header_blocks_that_unfold),
        cmocka_unit_test(streams_beyond_the_limit),
        cmocka_unit_test(a_window_that_stays_closed),
        cmocka_unit_test(windows_that_overflow),
        cmocka_unit_test(bodies_beyond_the_window),
        cmocka_unit_test(priorities_are_ignored),
        cmocka_unit_test(connections_that_are_idle),
        cmocka_unit_test(requests_that_http2_forbids_are_reset),
        cmocka_unit_test(requests_that_could_be_read_in_two_ways_are_refused),
        cmocka_unit_test(placeholders_in_pseudo_fields_make_no_request),
        cmocka_unit_test(requests_become_text),
        cmocka_unit_test(bytes_behind_connect_are_kept_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
