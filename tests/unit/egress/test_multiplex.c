/* SPDX-License-Identifier: Apache-2.0 */
/* Streams of a client that speaks HTTP/2, and the connections to the origin that they share: each
 * stream succeeds, fails and ends alone. */
#include "support/crossing.h"

#define ANY "access: full"
#define READ "access: read-only"
#define POST(path) "POST " path " HTTP/1.1\r\n%sContent-Length: 4\r\n\r\nbody"

enum { STREAMS = 4, FRAME = 16 * 1024, WINDOW = 65535 };

/* A plain tunnel, and requests that the origin has seen: streams[i] asks for paths[i]. */
struct requests {
    struct crossing x;
    struct crossing_origin *origin;
    struct pair_end *ends[STREAMS];
    uint32_t streams[STREAMS];
    unsigned n;
};

static void add(struct requests *r, const char *request, const char *path)
{
    unsigned i = r->n++;
    r->ends[i] = crossing_ask(&r->x, request);
    CROSS(&r->x, (r->streams[i] = origin_asked(r->origin, path)));
}

static void begin(struct requests *r, const char *rules)
{
    memset(r, 0, sizeof *r);
    crossing_begin(&r->x, rules, NULL);
    r->origin = &r->x.origins[0];
    origin_settle(r->origin);
}

static void end(struct requests *r)
{
    for (unsigned i = 0; i < r->n; i++)
        end_free(r->ends[i]);
    crossing_end(&r->x);
}

#define GET(path) "GET " path " HTTP/1.1\r\n%s\r\n"
#define ADD_GET(r, path) add(r, GET(path), path)

static bool answered(const struct pair_end *end, const char *body)
{
    return end_got(end, "HTTP/1.1 200 ") && end_got(end, body) && end_got(end, "0\r\n\r\n");
}

static void answer(struct requests *r, unsigned i, const char *text)
{
    origin_answer(r->origin, r->streams[i], text);
    CROSS(&r->x, answered(r->ends[i], text));
}

/* ---- sharing ---- */

static void streams_share_a_connection(void **state)
{
    struct requests r;
    (void)state;
    begin(&r, ANY);
    ADD_GET(&r, "/1");
    ADD_GET(&r, "/2");
    add(&r, POST("/3"), "/3");
    CROSS(&r.x, origin_saw(r.origin, "DATA 5 end body"));
    answer(&r, 2, "three");
    answer(&r, 0, "one");
    answer(&r, 1, "two");
    assert_int_equal(r.x.n_origins, 1);
    end(&r);
}

static void streams_beyond_what_the_origin_allows_have_another_connection(void **state)
{
    struct requests r;
    uint32_t stream;
    (void)state;
    begin(&r, ANY);
    origin_set(r.origin, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 2);
    ADD_GET(&r, "/1");
    ADD_GET(&r, "/2");
    struct pair_end *third = crossing_get(&r.x, "/3");
    CROSS(&r.x, r.x.n_origins == 2);
    origin_settle(&r.x.origins[1]);
    CROSS(&r.x, (stream = origin_asked(&r.x.origins[1], "/3")));
    origin_answer(&r.x.origins[1], stream, "three");
    CROSS(&r.x, answered(third, "three"));
    answer(&r, 0, "one");
    answer(&r, 1, "two");
    end_free(third);
    end(&r);
}

/* Those that begin while the first one connects wait for it. */
static void streams_that_begin_together_make_one_connection(void **state)
{
    struct crossing x;
    struct pair_end *ends[3];
    (void)state;
    crossing_begin(&x, ANY, NULL);
    origin_settle(&x.origins[0]);
    origin_leave(&x.origins[0], 0);
    CROSS(&x, x.origins[0].ended);
    ends[0] = crossing_get(&x, "/0");
    ends[1] = crossing_get(&x, "/1");
    ends[2] = crossing_get(&x, "/2");
    CROSS(&x, x.n_origins == 2);
    origin_settle(&x.origins[1]);
    CROSS(&x, origin_asked(&x.origins[1], "/0") && origin_asked(&x.origins[1], "/1") &&
                  origin_asked(&x.origins[1], "/2"));
    assert_int_equal(x.n_origins, 2);
    for (int i = 0; i < 3; i++)
        end_free(ends[i]);
    crossing_end(&x);
}

static void the_sandbox_has_so_many_streams(void **state)
{
    struct requests r;
    (void)state;
    begin(&r, ANY);
    ADD_GET(&r, "/1");
    r.x.scene.proxy.n_streams += 1023;
    struct pair_end *one_more = crossing_get(&r.x, "/2");
    CROSS(&r.x, end_got(one_more, "HTTP/1.1 503 ") && end_got(one_more, "1024 requests"));
    r.x.scene.proxy.n_streams -= 1023;
    answer(&r, 0, "one");
    end_free(one_more);
    end(&r);
}

/* ---- what fails ---- */

static void a_refused_stream_leaves_the_others_alone(void **state)
{
    struct requests r;
    (void)state;
    begin(&r, READ);
    ADD_GET(&r, "/1");
    struct pair_end *refused = crossing_ask(&r.x, POST("/2"));
    CROSS(&r.x,
          end_got(refused, "HTTP/1.1 403 ") && end_got(refused, "\"error\":\"policy_denied\""));
    ADD_GET(&r, "/3");
    answer(&r, 0, "one");
    answer(&r, 1, "three");
    assert_int_equal(origin_asked(r.origin, "/2"), 0);
    end_free(refused);
    end(&r);
}

static void a_stream_that_the_origin_resets_fails_alone(void **state)
{
    struct requests r;
    (void)state;
    begin(&r, ANY);
    ADD_GET(&r, "/1");
    add(&r, POST("/2"), "/2");
    add(&r, POST("/3"), "/3");
    origin_reset(r.origin, r.streams[1], NGHTTP2_INTERNAL_ERROR);
    CROSS(&r.x,
          end_got(r.ends[1], "HTTP/1.1 502 ") && end_got(r.ends[1], "broke the connection off"));
    origin_begin_answer(r.origin, r.streams[2]);
    origin_add(r.origin, r.streams[2], "part", false);
    CROSS(&r.x, end_got(r.ends[2], "part"));
    origin_reset(r.origin, r.streams[2], NGHTTP2_INTERNAL_ERROR);
    CROSS(&r.x, r.ends[2]->status == UV_ECONNRESET);
    assert_false(end_got(r.ends[2], "0\r\n\r\n"));
    answer(&r, 0, "one");
    end(&r);
}

/* The origin has not looked at the request: it is sent again, once, where it has no body. */
static void a_request_that_the_origin_refuses_is_repeated_once(void **state)
{
    struct requests r;
    uint32_t again;
    (void)state;
    begin(&r, ANY);
    ADD_GET(&r, "/1");
    add(&r, POST("/2"), "/2");
    origin_reset(r.origin, r.streams[1], NGHTTP2_REFUSED_STREAM);
    CROSS(&r.x, end_got(r.ends[1], "HTTP/1.1 502 "));
    buf_clear(&r.x.origins[0].end.in);
    origin_reset(r.origin, r.streams[0], NGHTTP2_REFUSED_STREAM);
    again = r.streams[1] + 2;
    CROSS(&r.x, r.origin->end.in.len >= 9 &&
                    memcmp(r.origin->end.in.data + 3, "\x01\x05\0\0\0\x05", 6) == 0);
    origin_reset(r.origin, again, NGHTTP2_REFUSED_STREAM);
    CROSS(&r.x, end_got(r.ends[0], "HTTP/1.1 502 "));
    end(&r);
}

/* Streams up to the last one that it takes go on, the others on another connection. */
static void what_an_origin_that_leaves_does_not_take_goes_elsewhere(void **state)
{
    struct requests r;
    uint32_t stream;
    (void)state;
    begin(&r, ANY);
    ADD_GET(&r, "/1");
    ADD_GET(&r, "/2");
    add(&r, POST("/3"), "/3");
    origin_leave(r.origin, r.streams[0]);
    CROSS(&r.x, r.x.n_origins == 2 && end_got(r.ends[2], "HTTP/1.1 502 "));
    origin_settle(&r.x.origins[1]);
    CROSS(&r.x, (stream = origin_asked(&r.x.origins[1], "/2")));
    origin_answer(&r.x.origins[1], stream, "two");
    CROSS(&r.x, answered(r.ends[1], "two"));
    answer(&r, 0, "one");
    CROSS(&r.x, r.origin->ended);
    struct pair_end *fourth = crossing_get(&r.x, "/4");
    CROSS(&r.x, (stream = origin_asked(&r.x.origins[1], "/4")));
    end_free(fourth);
    end(&r);
}

/* Whose answer has begun breaks off, what may be repeated is, the rest is answered. */
static void an_origin_that_dies_fails_each_stream_in_its_own_way(void **state)
{
    struct requests r;
    uint32_t stream;
    (void)state;
    begin(&r, ANY);
    ADD_GET(&r, "/1");
    ADD_GET(&r, "/2");
    add(&r, POST("/3"), "/3");
    origin_begin_answer(r.origin, r.streams[0]);
    origin_add(r.origin, r.streams[0], "part", false);
    CROSS(&r.x, end_got(r.ends[0], "part"));
    origin_close(r.origin);
    CROSS(&r.x, r.ends[0]->status == UV_ECONNRESET && end_got(r.ends[2], "HTTP/1.1 502 ") &&
                    r.x.n_origins == 2);
    assert_false(end_got(r.ends[0], "0\r\n\r\n"));
    origin_settle(&r.x.origins[1]);
    CROSS(&r.x, (stream = origin_asked(&r.x.origins[1], "/2")));
    origin_answer(&r.x.origins[1], stream, "two");
    CROSS(&r.x, answered(r.ends[1], "two"));
    assert_int_equal(origin_asked(&r.x.origins[1], "/3"), 0);
    end(&r);
}

static void an_origin_that_speaks_no_http_2_any_more_is_sent_away(void **state)
{
    struct requests r;
    (void)state;
    begin(&r, ANY);
    add(&r, POST("/1"), "/1");
    origin_say(r.origin, "HTTP/1.1 200 OK\r\n\r\n");
    CROSS(&r.x, end_got(r.ends[0], "HTTP/1.1 502 ") && origin_saw(r.origin, "GOAWAY"));
    end(&r);
}

static void an_origin_that_cannot_be_reached_is_told_to_each_stream(void **state)
{
    struct requests r;
    (void)state;
    begin(&r, ANY);
    uv_close((uv_handle_t *)&r.x.listener, NULL);
    origin_leave(r.origin, 0);
    CROSS(&r.x, r.origin->ended);
    for (r.n = 0; r.n < 3; r.n++)
        r.ends[r.n] = crossing_get(&r.x, "/1");
    for (unsigned i = 0; i < r.n; i++)
        CROSS(&r.x,
              end_got(r.ends[i], "HTTP/1.1 502 ") && end_got(r.ends[i], "connection refused"));
    end(&r);
}

/* ---- windows ---- */

/* A stream that the client does not read stops at its window, and no other one with it. */
static void a_client_that_does_not_read_stops_its_own_stream(void **state)
{
    struct requests r;
    struct buf frame = {0};
    (void)state;
    begin(&r, ANY);
    ADD_GET(&r, "/1");
    ADD_GET(&r, "/2");
    net_pause(r.ends[0]->stream);
    origin_begin_answer(r.origin, r.streams[0]);
    for (int i = 0; i < FRAME; i++)
        buf_putc(&frame, 'x');
    for (int i = 0; i < 256 * 1024 / FRAME; i++)
        origin_add(r.origin, r.streams[0], buf_str(&frame), false);
    answer(&r, 1, "two");
    assert_int_equal(r.ends[0]->in.len, 0);
    net_read(r.ends[0]->stream);
    origin_add(r.origin, r.streams[0], "", true);
    CROSS(&r.x, end_got(r.ends[0], "\r\n0\r\n\r\n"));
    assert_true(r.ends[0]->in.len > 256 * 1024);
    buf_free(&frame);
    end(&r);
}

/* The origin's window, of the stream and of the connection, holds the body back, not requests. */
static void an_origin_whose_window_is_used_up_holds_bodies_back(void **state)
{
    struct requests r;
    struct buf body = {0}, frames = {0}, payload = {0};
    (void)state;
    begin(&r, ANY);
    add(&r, "POST /1 HTTP/1.1\r\n%sContent-Length: 200000\r\n\r\n", "/1");
    for (int i = 0; i < 200000; i++)
        buf_putc(&body, 'x');
    net_write(r.ends[0]->stream, body.data, body.len);
    CROSS(&r.x, r.origin->end.in.len > WINDOW);
    ADD_GET(&r, "/2");
    answer(&r, 1, "two");
    assert_true(r.origin->end.in.len < WINDOW + 4096);
    wire_number(&payload, 200000, 4);
    wire_frame(&frames, NGHTTP2_WINDOW_UPDATE, 0, 0, payload.data, payload.len);
    wire_frame(&frames, NGHTTP2_WINDOW_UPDATE, 0, r.streams[0], payload.data, payload.len);
    origin_send(r.origin, &frames);
    CROSS(&r.x, r.origin->end.in.len > 200000);
    answer(&r, 0, "one");
    buf_free(&payload);
    buf_free(&body);
    end(&r);
}

/* ---- who goes ---- */

static void a_client_that_resets_a_stream_ends_it_at_the_origin(void **state)
{
    struct requests r;
    (void)state;
    begin(&r, ANY);
    ADD_GET(&r, "/1");
    ADD_GET(&r, "/2");
    net_close(r.ends[0]->stream);
    CROSS(&r.x, origin_saw(r.origin, "RST_STREAM 1 CANCEL"));
    answer(&r, 1, "two");
    end(&r);
}

static void a_client_that_goes_takes_its_connections_with_it(void **state)
{
    struct requests r;
    (void)state;
    begin(&r, ANY);
    ADD_GET(&r, "/1");
    http2_close(r.x.user->client);
    r.x.user->client = NULL;
    CROSS(&r.x, r.origin->ended && !r.x.scene.client);
    end(&r);
}

#define ALLOW(...) "rules: [" __VA_ARGS__ "]"
#define PATH(path) "{allow: {method: GET, path: " path "}}, "

/* One stream has no answer yet, another one a part of it. */
static void a_rule_that_goes_ends_its_streams_alone(void **state)
{
    struct requests r;
    (void)state;
    begin(&r, ALLOW(PATH("/1") PATH("/2") PATH("/3")));
    ADD_GET(&r, "/1");
    ADD_GET(&r, "/2");
    ADD_GET(&r, "/3");
    origin_begin_answer(r.origin, r.streams[1]);
    origin_add(r.origin, r.streams[1], "part", false);
    CROSS(&r.x, end_got(r.ends[1], "part"));
    crossing_set(&r.x, ALLOW(PATH("/3")));
    CROSS(&r.x,
          end_got(r.ends[0], "HTTP/1.1 403 ") && end_got(r.ends[0], "because policy changed"));
    CROSS(&r.x, r.ends[1]->status == UV_ECONNRESET);
    CROSS(&r.x, origin_saw(r.origin, "RST_STREAM 1 CANCEL") &&
                    origin_saw(r.origin, "RST_STREAM 3 CANCEL"));
    answer(&r, 2, "three");
    end(&r);
}

static void a_connection_that_is_no_longer_allowed_takes_no_more_streams(void **state)
{
    struct requests r;
    (void)state;
    begin(&r, ANY);
    ADD_GET(&r, "/1");
    struct policy *none = memory_policy("version: 1\n");
    egress_set_policy(&r.x.scene.proxy, none);
    policy_unref(none);
    CROSS(&r.x, end_got(r.ends[0], "HTTP/1.1 403 "));
    CROSS(&r.x, !http2_may_open(r.x.user->client));
    CROSS(&r.x, r.origin->ended);
    end(&r);
}

int main(void)
{
    const struct CMUnitTest list[] = {
        cmocka_unit_test(streams_share_a_connection),
        cmocka_unit_test(streams_beyond_what_the_origin_allows_have_another_connection),
        cmocka_unit_test(streams_that_begin_together_make_one_connection),
        cmocka_unit_test(the_sandbox_has_so_many_streams),
        cmocka_unit_test(a_refused_stream_leaves_the_others_alone),
        cmocka_unit_test(a_stream_that_the_origin_resets_fails_alone),
        cmocka_unit_test(a_request_that_the_origin_refuses_is_repeated_once),
        cmocka_unit_test(what_an_origin_that_leaves_does_not_take_goes_elsewhere),
        cmocka_unit_test(an_origin_that_dies_fails_each_stream_in_its_own_way),
        cmocka_unit_test(an_origin_that_speaks_no_http_2_any_more_is_sent_away),
        cmocka_unit_test(an_origin_that_cannot_be_reached_is_told_to_each_stream),
        cmocka_unit_test(a_client_that_does_not_read_stops_its_own_stream),
        cmocka_unit_test(an_origin_whose_window_is_used_up_holds_bodies_back),
        cmocka_unit_test(a_client_that_resets_a_stream_ends_it_at_the_origin),
        cmocka_unit_test(a_client_that_goes_takes_its_connections_with_it),
        cmocka_unit_test(a_rule_that_goes_ends_its_streams_alone),
        cmocka_unit_test(a_connection_that_is_no_longer_allowed_takes_no_more_streams),
    };
    network_enter();
    return cmocka_run_group_tests(list, NULL, NULL);
}
