/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and responses of HTTP/1.1 through a client and a server of HTTP/2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "support/http2_pair.h"
#include "support/http2_wire.h"

#define OK "HTTP/1.1 200 \r\n"

static void expect_request(const char *asked, const char *seen)
{
    struct pair *pair = pair_new(false, NULL);
    struct pair_end *end = pair_open(pair);
    end_write(end, asked);
    pair_run(pair);
    assert_int_equal(pair->n_requests, 1);
    assert_string_equal(buf_str(&pair->requests[0].in), seen);
    assert_int_equal(pair->requests[0].status, 0);
    end_free(end);
    pair_free(pair);
}

static void requests_arrive_as_they_were_sent(void **state)
{
    (void)state;
    expect_request("GET /a?b HTTP/1.1\r\nHost: h.test\r\nX-One: 1\r\nX-One: 2\r\n\r\n",
                   "GET /a?b HTTP/1.1\r\nHost: h.test\r\nx-one: 1\r\nx-one: 2\r\n\r\n");
    expect_request("POST / HTTP/1.1\r\nHost: h.test\r\nContent-Length: 5\r\n\r\nhello",
                   "POST / HTTP/1.1\r\nHost: h.test\r\ncontent-length: 5\r\n\r\nhello");
    expect_request("PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                   "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
                   "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                   "5\r\nhello\r\n0\r\n\r\n");
    expect_request("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
                   "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n");
}

static void fields_about_the_connection_stay_behind(void **state)
{
    (void)state;
    expect_request("GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, X-Mine\r\nX-Mine: 1\r\n"
                   "Keep-Alive: 5\r\nProxy-Connection: close\r\nUpgrade: h2c\r\nTE: gzip\r\n\r\n",
                   "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    expect_request("GET / HTTP/1.1\r\nHost: h\r\nConnection: TE\r\nTE: trailers, deflate\r\n\r\n",
                   "GET / HTTP/1.1\r\nHost: h\r\nte: trailers\r\n\r\n");
}

static void expect_response(const char *request, const char *answered, const char *seen)
{
    struct pair *pair = pair_new(false, NULL);
    struct pair_end *end = pair_open(pair);
    end_write(end, request);
    pair_run(pair);
    end_write(&pair->requests[0], answered);
    pair_run(pair);
    assert_string_equal(buf_str(&end->in), seen);
    assert_int_equal(end->status, UV_EOF);
    assert_int_equal(pair->requests[0].status, UV_EOF);
    end_free(end);
    pair_free(pair);
}

#define GET "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
#define HEAD "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n\r\n"

static void responses_arrive_as_they_were_sent(void **state)
{
    (void)state;
    expect_response(GET, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: b\r\n\r\nhi",
                    OK "content-length: 2\r\nx-a: b\r\n\r\nhi");
    expect_response(GET, "HTTP/1.1 200 OK\r\n" CHUNKED "1\r\nh\r\n1\r\ni\r\n0\r\n\r\n",
                    OK CHUNKED "2\r\nhi\r\n0\r\n\r\n");
    expect_response(GET, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
                    "HTTP/1.1 204 \r\n\r\n");
    expect_response(GET, "HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n",
                    "HTTP/1.1 304 \r\netag: x\r\n\r\n");
    expect_response(HEAD, "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n",
                    OK "content-length: 7\r\n\r\n");
    expect_response(GET, "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
                         "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
                    "HTTP/1.1 103 \r\nlink: </x>\r\n\r\n"
                    "HTTP/1.1 404 \r\ncontent-length: 0\r\n\r\n");
}

static void trailers_follow_the_body(void **state)
{
    (void)state;
    expect_response(GET, "HTTP/1.1 200 OK\r\n" CHUNKED "2\r\nhi\r\n0\r\nGrpc-Status: 0\r\n"
                         "Grpc-Message: a b\r\n\r\n",
                    OK CHUNKED "2\r\nhi\r\n0\r\ngrpc-status: 0\r\ngrpc-message: a b\r\n\r\n");
    expect_response(GET, "HTTP/1.1 200 OK\r\n" CHUNKED "0\r\ngrpc-status: 5\r\n\r\n",
                    OK CHUNKED "0\r\ngrpc-status: 5\r\n\r\n");
    /* An error of gRPC: one header block, which ends the stream. */
    expect_response(GET, "HTTP/1.1 200 OK\r\ngrpc-status: 12\r\nContent-Length: 0\r\n\r\n",
                    OK "grpc-status: 12\r\ncontent-length: 0\r\n\r\n");
}

/* Without a length, a response of HTTP/1.1 lasts until its sender ends. */
static void the_end_of_a_connection_ends_a_response(void **state)
{
    struct pair *pair = pair_new(false, NULL);
    struct pair_end *end = pair_open(pair);
    (void)state;
    end_write(end, GET);
    pair_run(pair);
    end_write(&pair->requests[0], "HTTP/1.1 200 OK\r\n\r\nsome");
    pair_run(pair);
    assert_string_equal(buf_str(&end->in), OK CHUNKED "4\r\nsome\r\n");
    net_finish(pair->requests[0].stream);
    pair_run(pair);
    assert_int_equal(pair->requests[0].finished, 1);
    assert_string_equal(buf_str(&end->in), OK CHUNKED "4\r\nsome\r\n0\r\n\r\n");
    end_free(end);
    pair_free(pair);
}

static void a_stream_that_is_closed_early_is_reset(void **state)
{
    struct pair *pair = pair_new(false, NULL);
    struct pair_end *first = pair_open(pair), *second = pair_open(pair);
    (void)state;
    end_write(first, GET);
    end_write(second, GET);
    pair_run(pair);
    net_close(first->stream);                       /* the client gives up */
    end_write(&pair->requests[1], "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nsome");
    pair_run(pair);
    assert_int_equal(pair->requests[0].status, UV_ECONNRESET);
    net_close(pair->requests[1].stream);            /* the server does */
    pair_run(pair);
    assert_int_equal(second->status, UV_ECONNRESET);
    assert_false(http2_was_refused(second->stream));
    assert_false(pair->server_ended || pair->client_ended);
    end_free(first);
    end_free(second);
    pair_free(pair);
}

/* A reader that pauses stops its sender once the stream's window is full, and no other stream. */
static void a_paused_stream_stops_its_sender_alone(void **state)
{
    enum { BIG = 1 << 20 };
    struct pair *pair = pair_new(false, NULL);
    struct pair_end *slow = pair_open(pair), *quick = pair_open(pair);
    char *body = alloc_zero(1, BIG), head[100];
    (void)state;
    memset(body, 'x', BIG);
    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", BIG);
    end_write(slow, GET);
    end_write(quick, GET);
    pair_run(pair);
    net_pause(slow->stream);
    for (int i = 0; i < 2; i++) {
        end_write(&pair->requests[i], head);
        assert_false(net_write(pair->requests[i].stream, body, BIG));
    }
    for (int i = 0; i < 50; i++)
        pair_run(pair);
    assert_int_equal(slow->in.len, 0);
    assert_int_equal(pair->requests[0].drained, 0);
    assert_true(net_queued(pair->requests[0].stream) > BIG / 2);
    assert_true(quick->in.len > BIG);
    assert_int_equal(pair->requests[1].drained, 1);
    net_read(slow->stream);
    for (int i = 0; i < 50; i++)
        pair_run(pair);
    assert_true(slow->in.len > BIG);
    assert_int_equal(pair->requests[0].drained, 1);
    free(body);
    end_free(slow);
    end_free(quick);
    pair_free(pair);
}

static void a_hundred_streams_run_at_once(void **state)
{
    enum { N = 100 };
    struct pair *pair = pair_new(false, NULL);
    struct pair_end *ends[N];
    (void)state;
    for (int i = 0; i < N; i++) {
        ends[i] = pair_open(pair);
        end_write(ends[i], GET);
    }
    assert_false(http2_may_open(pair->client));
    pair_run(pair);
    assert_int_equal(pair->n_requests, N);
    for (int i = N - 1; i >= 0; i--)
        end_write(&pair->requests[i], "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n.");
    pair_run(pair);
    for (int i = 0; i < N; i++) {
        assert_string_equal(buf_str(&ends[i]->in), OK "content-length: 1\r\n\r\n.");
        end_free(ends[i]);
    }
    assert_true(http2_may_open(pair->client));
    pair_free(pair);
}

#define UPGRADE                                                                                  \
    "GET /chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"             \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

static void a_websocket_is_an_upgrade(void **state)
{
    struct pair *pair = pair_new(false, NULL);
    struct pair_end *end = pair_open(pair), *peer = &pair->requests[0];
    (void)state;
    pair_run(pair);                                 /* the server's settings come */
    assert_true(http2_takes_websockets(pair->client));
    end_write(end, UPGRADE);
    pair_run(pair);
    assert_non_null(strstr(buf_str(&peer->in), "GET /chat HTTP/1.1\r\nHost: h\r\n"
                                               "sec-websocket-version: 13\r\nConnection: Upgrade"));
    assert_null(strstr(peer->in.data, "dGhlIHNhbXBsZSBub25jZQ=="));
    buf_clear(&peer->in);
    end_write(peer, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                    "Connection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\nfirst");
    pair_run(pair);
    assert_string_equal(buf_str(&end->in),
                        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
                        "Upgrade: websocket\r\n"
                        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nfirst");
    end_write(end, "GET / no HTTP");
    pair_run(pair);
    assert_string_equal(buf_str(&peer->in), "GET / no HTTP");
    net_finish(end->stream);
    pair_run(pair);
    assert_int_equal(peer->status, UV_EOF);
    assert_int_equal(end->status, 0);
    end_write(peer, "last");
    net_finish(peer->stream);
    pair_run(pair);
    assert_non_null(strstr(buf_str(&end->in), "firstlast"));
    assert_int_equal(end->status, UV_EOF);
    end_free(end);
    pair_free(pair);
}

/* 200 would tell the client that its WebSocket is open. */
static void an_upgrade_that_is_answered_with_a_page_is_reset(void **state)
{
    struct pair *pair = pair_new(false, NULL);
    struct pair_end *end = pair_open(pair);
    (void)state;
    pair_run(pair);
    end_write(end, UPGRADE);
    pair_run(pair);
    end_write(&pair->requests[0], "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    pair_run(pair);
    assert_string_equal(buf_str(&end->in), "");
    assert_int_equal(end->status, UV_ECONNRESET);
    end_free(end);
    pair_free(pair);
}

static void an_upgrade_that_is_refused_says_why(void **state)
{
    struct pair *pair = pair_new(false, NULL);
    struct pair_end *end = pair_open(pair);
    (void)state;
    pair_run(pair);
    end_write(end, UPGRADE);
    pair_run(pair);
    end_write(&pair->requests[0], "HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nwhy");
    pair_run(pair);
    assert_string_equal(buf_str(&end->in), "HTTP/1.1 403 \r\ncontent-length: 3\r\n\r\nwhy");
    end_free(end);
    pair_free(pair);
}

static void streams_break_with_their_connection(void **state)
{
    struct pair *pair = pair_new(false, NULL);
    struct pair_end *end = pair_open(pair);
    (void)state;
    end_write(end, GET);
    pair_run(pair);
    http2_close(pair->server);
    pair_run(pair);
    assert_int_equal(end->status, UV_ECONNRESET);
    assert_int_equal(pair->requests[0].status, UV_ECANCELED);
    assert_true(pair->client_ended);
    assert_false(http2_may_open(pair->client));
    struct pair_end *late = pair_open(pair);
    pair_run(pair);
    assert_int_equal(late->status, UV_ECONNRESET);
    assert_true(http2_was_refused(late->stream));
    end_free(late);
    end_free(end);
    pair_free(pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_arrive_as_they_were_sent),
        cmocka_unit_test(fields_about_the_connection_stay_behind),
        cmocka_unit_test(responses_arrive_as_they_were_sent),
        cmocka_unit_test(trailers_follow_the_body),
        cmocka_unit_test(the_end_of_a_connection_ends_a_response),
        cmocka_unit_test(a_stream_that_is_closed_early_is_reset),
        cmocka_unit_test(a_paused_stream_stops_its_sender_alone),
        cmocka_unit_test(a_hundred_streams_run_at_once),
        cmocka_unit_test(a_websocket_is_an_upgrade),
        cmocka_unit_test(an_upgrade_that_is_answered_with_a_page_is_reset),
        cmocka_unit_test(an_upgrade_that_is_refused_says_why),
        cmocka_unit_test(streams_break_with_their_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
