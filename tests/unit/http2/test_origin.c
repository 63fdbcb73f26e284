/* SPDX-License-Identifier: Apache-2.0 */
/* What a server of HTTP/2 could do at no cost of its own to a client of ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "support/http2_pair.h"
#include "support/http2_wire.h"

enum { END_HEADERS = NGHTTP2_FLAG_END_HEADERS, MANY = 5000 };

#define STATUS(code) (const char *const[]){":status", code, NULL}
#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

static struct pair *begin(void)
{
    struct pair *pair = pair_of_client(NULL);
    struct buf out = {0};
    wire_frame(&out, NGHTTP2_SETTINGS, 0, 0, "", 0);
    raw_send(pair, &out);
    return pair;
}

static struct pair_end *ask(struct pair *pair)
{
    struct pair_end *end = pair_open(pair);
    end_write(end, GET);
    pair_run(pair);
    return end;
}

/* Sends interim responses until the client has enough. */
static void expect_to_be_left(struct pair *pair)
{
    for (uint32_t i = 0; i < MANY && !pair->raw_ended; i++) {
        struct buf out = {0};
        wire_headers(&out, END_HEADERS, 1, STATUS("103"));
        raw_send(pair, &out);
    }
    assert_true(pair->raw_ended);
    net_close(pair->raw);
    pair->raw = NULL;
    pair_run(pair);
    assert_true(pair->client_ended);
}

static void interim_responses_without_end(void **state)
{
    struct pair *pair = begin();
    struct pair_end *end = ask(pair);
    (void)state;
    expect_to_be_left(pair);
    assert_int_equal(end->status, UV_ECONNRESET);
    end_free(end);
    pair_free(pair);
}

static void header_blocks_for_a_stream_that_is_over(void **state)
{
    struct pair *pair = begin();
    struct pair_end *end = ask(pair);
    (void)state;
    net_close(end->stream);
    pair_run(pair);
    expect_to_be_left(pair);
    end_free(end);
    pair_free(pair);
}

static void a_few_of_each_response_are_fine(void **state)
{
    enum { RESPONSES = 400, INTERIM = 5 };
    struct pair *pair = begin();
    (void)state;
    for (uint32_t n = 0; n < RESPONSES; n++) {
        struct pair_end *end = ask(pair);
        struct buf out = {0};
        for (int i = 0; i < INTERIM; i++)
            wire_headers(&out, END_HEADERS, 2 * n + 1,
                         STATUS("103"));
        wire_headers(&out, END_HEADERS | NGHTTP2_FLAG_END_STREAM, 2 * n + 1,
                     STATUS("200"));
        raw_send(pair, &out);
        assert_non_null(strstr(buf_str(&end->in), "HTTP/1.1 200"));
        end_free(end);
    }
    assert_false(pair->client_ended);
    pair_free(pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(interim_responses_without_end),
        cmocka_unit_test(header_blocks_for_a_stream_that_is_over),
        cmocka_unit_test(a_few_of_each_response_are_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
