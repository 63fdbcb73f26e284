/* SPDX-License-Identifier: Apache-2.0 */
/* What the origin of an inspected tunnel speaks, and how it is found out: HTTP/2 or HTTP/1.1, with
 * and without TLS, also where the client speaks the other one. */
#include "support/crossing.h"

#define ANY "access: full"
#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

/* ---- a client of HTTP/1.1 ---- */

static void ask(struct crossing *x, const char *method, const char *path, const char *more)
{
    char *text = alloc_printf("%s %s HTTP/1.1\r\nHost: origin.test:%u\r\n%s\r\n", method, path,
                              x->port, more);
    net_write(x->scene.user.stream, text, strlen(text));
    free(text);
}

static bool user_has(const struct crossing *x, const char *text)
{
    return strstr(buf_str(&x->scene.user.in), text) != NULL;
}

static void open_http_1_1(struct crossing *x, const char *rules, const char *spoken)
{
    crossing_open(x, rules, spoken);
    crossing_secure(x, "\x08http/1.1");
}

static void an_origin_of_http_2_alone_serves_a_client_of_http_1_1(void **state)
{
    struct crossing x;
    struct crossing_origin *origin = &x.origins[0];
    uint32_t stream;
    (void)state;
    open_http_1_1(&x, "access: read-only", "\x02h2");
    ask(&x, "GET", "/1?q", "X-One: 1\r\n");
    CROSS(&x, (stream = origin_asked(origin, "/1?q")));
    assert_non_null(origin_saw(origin, " :scheme=https "));
    assert_non_null(origin_saw(origin, " x-one=1"));
    origin_settle(origin);
    origin_answer(origin, stream, "one");
    CROSS(&x, user_has(&x, "3\r\none\r\n0\r\n\r\n"));
    assert_true(user_has(&x, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"));
    ask(&x, "HEAD", "/2", "");
    CROSS(&x, (stream = origin_asked(origin, "/2")));
    origin_begin_answer(origin, stream);
    origin_add(origin, stream, "", true);
    ask(&x, "POST", "/3", "Content-Length: 0\r\n");
    CROSS(&x, user_has(&x, "HTTP/1.1 403 "));
    assert_int_equal(origin_asked(origin, "/3"), 0);
    assert_int_equal(x.n_origins, 1);
    crossing_end(&x);
}

static void a_body_of_http_1_1_becomes_data(void **state)
{
    struct crossing x;
    struct crossing_origin *origin = &x.origins[0];
    uint32_t stream;
    (void)state;
    open_http_1_1(&x, ANY, "\x02h2");
    ask(&x, "POST", "/1", "Transfer-Encoding: chunked\r\n");
    net_write(x.scene.user.stream, "5\r\nhello\r\n", 10);
    CROSS(&x, (stream = origin_asked(origin, "/1")) && origin_saw(origin, "DATA 1 hello"));
    net_write(x.scene.user.stream, "0\r\n\r\n", 5);
    CROSS(&x, origin_saw(origin, "DATA 1 end"));
    origin_settle(origin);
    origin_answer(origin, stream, "done");
    CROSS(&x, user_has(&x, "done"));
    crossing_end(&x);
}

/* It resets the stream, or the connection ends: the client is told, and its next request has
 * another connection. */
static void what_ends_with_the_origin_of_http_2_is_told_to_a_client_of_http_1_1(void **state)
{
    struct crossing x;
    uint32_t stream;
    (void)state;
    open_http_1_1(&x, ANY, "\x02h2");
    ask(&x, "POST", "/1", "Content-Length: 0\r\n");
    CROSS(&x, (stream = origin_asked(&x.origins[0], "/1")));
    origin_settle(&x.origins[0]);
    origin_answer(&x.origins[0], stream, "one");
    CROSS(&x, user_has(&x, "0\r\n\r\n"));
    origin_leave(&x.origins[0], stream);
    CROSS(&x, x.origins[0].ended);
    ask(&x, "POST", "/2", "Content-Length: 0\r\n");
    CROSS(&x, x.n_origins == 2 && (stream = origin_asked(&x.origins[1], "/2")));
    origin_reset(&x.origins[1], stream, NGHTTP2_INTERNAL_ERROR);
    CROSS(&x, user_has(&x, "HTTP/1.1 502 ") && user_has(&x, "broke the connection off"));
    crossing_end(&x);
}

static void an_origin_that_chooses_http_1_1_is_asked_by_it(void **state)
{
    struct crossing x;
    (void)state;
    open_http_1_1(&x, ANY, "\x08http/1.1\x02h2");
    ask(&x, "GET", "/1", "");
    CROSS(&x, origin_got(&x.origins[0], "GET /1 HTTP/1.1\r\n"));
    origin_say(&x.origins[0], OK);
    CROSS(&x, user_has(&x, "\r\n\r\nok"));
    crossing_end(&x);
}

/* RFC 9113, 7: some servers want it for some of their requests. */
static void an_origin_may_require_http_1_1(void **state)
{
    struct crossing x;
    uint32_t stream;
    (void)state;
    open_http_1_1(&x, ANY, "\x02h2\x08http/1.1");
    ask(&x, "GET", "/1", "");
    CROSS(&x, (stream = origin_asked(&x.origins[0], "/1")));
    origin_settle(&x.origins[0]);
    origin_reset(&x.origins[0], stream, NGHTTP2_HTTP_1_1_REQUIRED);
    CROSS(&x, x.n_origins == 2 && origin_got(&x.origins[1], "GET /1 HTTP/1.1\r\n"));
    origin_say(&x.origins[1], OK);
    CROSS(&x, user_has(&x, "\r\n\r\nok"));
    crossing_end(&x);
}

/* ---- without TLS ---- */

/* What a server of HTTP/1.1 says of the preface of HTTP/2, or that it says nothing and ends. */
static void expect_http_1_1_after(const char *said, bool ends)
{
    struct crossing x;
    crossing_begin(&x, ANY, NULL);
    struct pair_end *get = crossing_get(&x, "/1"),
                    *post = crossing_ask(&x, "POST /2 HTTP/1.1\r\n%sContent-Length: 26\r\n\r\n"
                                             "GET /secret HTTP/1.1\r\n\r\n\r\n");
    CROSS(&x, origin_got(&x.origins[0], NGHTTP2_CLIENT_MAGIC));
    for (int i = 0; i < 40; i++)
        uv_run(&x.scene.loop, UV_RUN_NOWAIT);
    origin_say(&x.origins[0], said);
    if (ends)
        origin_close(&x.origins[0]);
    CROSS(&x, x.n_origins == 3 && x.origins[1].end.in.len && x.origins[2].end.in.len);
    assert_null(origin_saw(&x.origins[0], "HEADERS"));
    assert_false(origin_got(&x.origins[0], "secret"));
    struct crossing_origin *first = &x.origins[1], *second = &x.origins[2];
    bool in_order = origin_got(first, "GET /1 HTTP/1.1\r\n");
    CROSS(&x, origin_got(in_order ? second : first, "POST /2 HTTP/1.1\r\n"));
    CROSS(&x, origin_got(in_order ? second : first, "\r\n\r\nGET /secret"));
    origin_say(first, OK);
    origin_say(second, OK);
    CROSS(&x, end_got(get, "\r\n\r\nok") && end_got(post, "\r\n\r\nok"));
    end_free(get);
    end_free(post);
    crossing_end(&x);
}

static void an_origin_of_http_1_1_sees_nothing_of_http_2_but_its_preface(void **state)
{
    (void)state;
    expect_http_1_1_after("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", true);
    expect_http_1_1_after("HTTP/1.1 505 HTTP Version Not Supported\r\n\r\n", false);
    expect_http_1_1_after("", true);
}

static void an_origin_that_sends_no_settings_is_asked_by_http_1_1(void **state)
{
    struct crossing x;
    (void)state;
    crossing_open(&x, ANY, NULL);
    x.scene.proxy.limits.secure_ms = 50;
    crossing_multiplex(&x);
    struct pair_end *get = crossing_get(&x, "/1");
    CROSS(&x, x.n_origins == 2 && origin_got(&x.origins[1], "GET /1 HTTP/1.1\r\n"));
    assert_null(origin_saw(&x.origins[0], "HEADERS"));
    origin_say(&x.origins[1], OK);
    CROSS(&x, end_got(get, "\r\n\r\nok"));
    end_free(get);
    crossing_end(&x);
}

/* A connection of HTTP/1.1 serves the requests that follow. */
static void connections_of_http_1_1_are_kept(void **state)
{
    struct crossing x;
    (void)state;
    crossing_begin(&x, ANY, NULL);
    struct pair_end *first = crossing_get(&x, "/1");
    CROSS(&x, x.origins[0].end.in.len);
    origin_close(&x.origins[0]);
    CROSS(&x, x.n_origins == 2 && origin_got(&x.origins[1], "GET /1 "));
    origin_say(&x.origins[1], OK);
    CROSS(&x, end_got(first, "\r\n\r\nok"));
    struct pair_end *second = crossing_get(&x, "/2");
    CROSS(&x, origin_got(&x.origins[1], "GET /2 "));
    assert_int_equal(x.n_origins, 2);
    end_free(first);
    end_free(second);
    crossing_end(&x);
}

/* It has spoken HTTP/2 before: one connection that ends early says nothing. */
static void an_origin_of_http_2_stays_one(void **state)
{
    struct crossing x;
    uint32_t stream;
    (void)state;
    crossing_begin(&x, ANY, NULL);
    origin_settle(&x.origins[0]);
    struct pair_end *first = crossing_get(&x, "/1");
    CROSS(&x, (stream = origin_asked(&x.origins[0], "/1")));
    origin_answer(&x.origins[0], stream, "one");
    CROSS(&x, end_got(first, "one"));
    origin_close(&x.origins[0]);
    CROSS(&x, !x.origins[0].end.stream);
    struct pair_end *second = crossing_get(&x, "/2");
    CROSS(&x, x.n_origins == 2);
    origin_close(&x.origins[1]);
    CROSS(&x, x.n_origins == 3);
    origin_settle(&x.origins[2]);
    CROSS(&x, (stream = origin_asked(&x.origins[2], "/2")));
    origin_answer(&x.origins[2], stream, "two");
    CROSS(&x, end_got(second, "two"));
    end_free(first);
    end_free(second);
    crossing_end(&x);
}

/* ---- WebSockets ---- */

#define UPGRADE                                                                              \
    "GET /chat HTTP/1.1\r\n%sConnection: Upgrade\r\nUpgrade: websocket\r\n"                  \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

/* The client asks as soon as it may, which is before the origin's settings are here. */
static void expect_upgrade(const char *spoken, bool by_http_2)
{
    struct crossing x;
    struct crossing_origin *origin = &x.origins[0];
    uint32_t stream;
    crossing_begin(&x, ANY, spoken);
    CROSS(&x, http2_takes_websockets(x.user->client));
    struct pair_end *chat = crossing_ask(&x, UPGRADE);
    CROSS(&x, origin_got(origin, NGHTTP2_CLIENT_MAGIC));
    origin_set(origin, NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, by_http_2);
    if (by_http_2) {
        CROSS(&x, (stream = origin_asked(origin, "/chat")));
        assert_non_null(origin_saw(origin, " :protocol=websocket "));
        origin_begin_answer(origin, stream);
        origin_add(origin, stream, "\x81\x02hi", false);
    } else {
        CROSS(&x, x.n_origins == 2 && origin_got(&x.origins[1], "\r\n\r\n"));
        assert_true(origin_got(&x.origins[1], "GET /chat HTTP/1.1\r\n"));
        assert_null(origin_saw(origin, "HEADERS"));
    }
    if (by_http_2)
        CROSS(&x, end_got(chat, "HTTP/1.1 101 ") && end_got(chat, "\r\n\r\n\x81\x02hi"));
    end_free(chat);
    crossing_end(&x);
}

static void a_websocket_waits_for_the_settings_that_say_how_it_goes(void **state)
{
    (void)state;
    expect_upgrade(NULL, true);
    expect_upgrade(NULL, false);
    expect_upgrade("\x02h2\x08http/1.1", true);
    expect_upgrade("\x02h2\x08http/1.1", false);
}

static void a_websocket_of_http_1_1_may_go_over_http_2(void **state)
{
    struct crossing x;
    uint32_t stream;
    (void)state;
    open_http_1_1(&x, ANY, "\x02h2");
    ask(&x, "GET", "/chat", "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                            "Sec-WebSocket-Version: 13\r\n"
                            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n");
    CROSS(&x, origin_got(&x.origins[0], NGHTTP2_CLIENT_MAGIC));
    origin_set(&x.origins[0], NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1);
    CROSS(&x, (stream = origin_asked(&x.origins[0], "/chat")));
    origin_begin_answer(&x.origins[0], stream);
    CROSS(&x, user_has(&x, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    net_write(x.scene.user.stream, "\x81\x82kkkkhi", 8);
    CROSS(&x, origin_saw(&x.origins[0], "DATA 1 \x81\x82kkkkhi"));
    crossing_end(&x);
}

/* ---- */

/* An origin that takes no stream is not asked for another connection without end. */
static void an_origin_that_allows_no_streams_is_given_up(void **state)
{
    struct crossing x;
    unsigned settled = 0;
    (void)state;
    crossing_begin(&x, ANY, NULL);
    struct pair_end *get = crossing_get(&x, "/1");
    while (!end_got(get, "\r\n\r\n")) {
        if (settled < x.n_origins)
            origin_set(&x.origins[settled++], NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 0);
        CROSS(&x, settled < x.n_origins || end_got(get, "\r\n\r\n"));
    }
    assert_true(end_got(get, "HTTP/1.1 502 "));
    assert_true(end_got(get, "took the request on none of 4 connections"));
    assert_in_range(x.n_origins, 2, 6);
    end_free(get);
    crossing_end(&x);
}

int main(void)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test(an_origin_of_http_2_alone_serves_a_client_of_http_1_1),
        cmocka_unit_test(a_body_of_http_1_1_becomes_data),
        cmocka_unit_test(what_ends_with_the_origin_of_http_2_is_told_to_a_client_of_http_1_1),
        cmocka_unit_test(an_origin_that_chooses_http_1_1_is_asked_by_it),
        cmocka_unit_test(an_origin_may_require_http_1_1),
        cmocka_unit_test(an_origin_of_http_1_1_sees_nothing_of_http_2_but_its_preface),
        cmocka_unit_test(an_origin_that_sends_no_settings_is_asked_by_http_1_1),
        cmocka_unit_test(connections_of_http_1_1_are_kept),
        cmocka_unit_test(an_origin_of_http_2_stays_one),
        cmocka_unit_test(a_websocket_waits_for_the_settings_that_say_how_it_goes),
        cmocka_unit_test(a_websocket_of_http_1_1_may_go_over_http_2),
        cmocka_unit_test(an_origin_that_allows_no_streams_is_given_up),
    };
    network_enter();
    return cmocka_run_group_tests(list, NULL, NULL);
}
