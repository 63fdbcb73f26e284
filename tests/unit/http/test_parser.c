/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/http_corpus.h"
#include "support/http_trace.h"

static void same_however_cut(const struct corpus_case *c, void *ctx)
{
    struct buf whole = {0};
    (void)ctx;
    trace(HTTP_OF_CLIENT, c->bytes.data, c->bytes.len, c->bytes.len, &whole);
    for (size_t cut = 1; cut < 9; cut++) {
        struct buf cuts = {0};
        trace(HTTP_OF_CLIENT, c->bytes.data, c->bytes.len, cut, &cuts);
        if (strcmp(buf_str(&whole), buf_str(&cuts)) != 0)
            fail_msg("%s: whole %s, in pieces of %zu %s", c->name, buf_str(&whole), cut,
                     buf_str(&cuts));
        buf_free(&cuts);
    }
    buf_free(&whole);
}

static void test_cuts(void **state)
{
    (void)state;
    assert_true(corpus_each(same_however_cut, NULL) > 90);
}

static void expect(enum http_side side, const char *bytes, const char *want)
{
    struct buf got = {0};
    trace(side, bytes, strlen(bytes), strlen(bytes), &got);
    assert_string_equal(buf_str(&got), want);
    buf_free(&got);
}

static void test_requests(void **state)
{
    (void)state;
    expect(HTTP_OF_CLIENT, "", "[eof]");
    expect(HTTP_OF_CLIENT, "POST /a?b HTTP/1.1\r\n"
           "hOsT: h\r\nContent-Length: 2\r\nX:  y z\t \r\n\r\nhi",
           "[POST /a?b 0.1 1001 2|hOsT=h|Content-Length=2|X=y z]hi[end][eof]");
    expect(HTTP_OF_CLIENT, "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n",
           "[CONNECT a:443 0.1 1100 0|Host=a:443][end][eof]");
    expect(HTTP_OF_CLIENT, "GET http://a/b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
           "[GET http://a/b 0.1 0000 0|Host=a|Connection=close][end][eof]");
    expect(HTTP_OF_CLIENT, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\nG",
           "[OPTIONS * 0.1 1000 0|Host=a][end][bad eof]");
}

static void test_responses(void **state)
{
    (void)state;
    expect(HTTP_OF_SERVER, "HTTP/1.1 200 OK\r\nA:\r\n\r\nuntil", "[- - 200.1 0000 0|A=]until[eof]");
    expect(HTTP_OF_SERVER, "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
           "[- - 304.1 1001 5|Content-Length=5][end][eof]");
    expect(HTTP_OF_SERVER, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab",
           "[- - 200.1 1001 5|Content-Length=5]ab[bad eof]");
    expect(HTTP_OF_SERVER, "HTTP/1.1 20 OK\r\n\r\n",
           "[bad the status line is not HTTP/1.1 and three digits]");
}

/* A stream may go on for days, its server may pad each size: only one extension has a bound. */
static void test_what_is_left_out_of_a_response(void **state)
{
    (void)state;
    struct buf stream = {0}, body = {0}, got = {0};
    buf_puts(&stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 3000; i++) {
        buf_puts(&stream, "1       ;x=y\r\n.\r\n");
        buf_putc(&body, '.');
    }
    buf_puts(&stream, "0\r\nX: y\r\n\r\n");
    for (size_t cut = 1; cut < 40; cut++) {
        trace(HTTP_OF_SERVER, buf_str(&stream), stream.len, cut, &got);
        if (!strstr(buf_str(&got), buf_str(&body)) || !strstr(buf_str(&got), ".[end][eof]"))
            fail_msg("in pieces of %zu: %s", cut, buf_str(&got));
        buf_clear(&got);
    }
    buf_free(&body);
    buf_free(&stream);
    buf_printf(&stream,
               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1%*s\r\n.\r\n0\r\n\r\n",
               16 * 1024 + 1, "");
    expect(HTTP_OF_SERVER, buf_str(&stream),
           "[- - 200.1 1010 0|Transfer-Encoding=chunked][bad a chunk extension or the trailers are "
           "too long]");
    buf_free(&stream);
    buf_free(&got);
}

static void test_trailers_that_are_kept(void **state)
{
#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n.\r\n0;x=y\r\n"
#define HEAD "[- - 200.1 1010 0|Transfer-Encoding=chunked]"
    static const char *const cases[][2] = {
        {CHUNKED "\r\n", HEAD ".[end][eof]"},
        {CHUNKED "grpc-status: 0\r\nGrpc-Message:\t a b \t\r\nEmpty:\r\n\r\n",
         HEAD ".{grpc-status=0}{Grpc-Message=a b}{Empty=}[end][eof]"},
        {CHUNKED "X: 1\r\n\r\n" CHUNKED "\r\n", HEAD ".{X=1}[end]" HEAD ".[end][eof]"},
        {CHUNKED "no colon\r\n\r\n",
         HEAD ".[bad a header name is not followed by its colon at once]"},
        {CHUNKED ": 1\r\n\r\n",
         HEAD ".[bad a header name is empty or begins with a byte that no name may have]"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t cut = 1; cut <= strlen(cases[i][0]); cut++) {
            struct buf got = {0};
            trace_trailers_too(HTTP_OF_SERVER, cases[i][0], strlen(cases[i][0]), cut, &got);
            if (strcmp(buf_str(&got), cases[i][1]) != 0)
                fail_msg("in pieces of %zu: %s", cut, buf_str(&got));
            buf_free(&got);
        }
    }
}

static void test_every_byte_in_every_place(void **state)
{
    (void)state;
    static const char head[] = "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n";
    char bytes[sizeof head];
    for (size_t at = 0; at < sizeof head - 1; at++) {
        for (int byte = 0; byte < 256; byte++) {
            struct buf got = {0};
            memcpy(bytes, head, sizeof head);
            bytes[at] = (char)byte;
            trace(HTTP_OF_CLIENT, bytes, sizeof head - 1, sizeof head - 1, &got);
            bool control = (byte < 0x20 && byte != '\t') || byte == 0x7f || byte > 0x7f;
            if (control && byte != head[at] && strstr(buf_str(&got), "[end]"))
                fail_msg("byte 0x%02x at %zu is accepted: %s", (unsigned)byte, at, buf_str(&got));
            buf_free(&got);
        }
    }
}

static void test_head_lists(void **state)
{
    (void)state;
    struct http_field fields[] = {{"Connection", "keep-alive ,UPGRADE"}, {"connection", "te"}};
    struct http_head head = {.fields = fields, .n_fields = 2};
    assert_true(http_head_lists(&head, "Connection", "upgrade"));
    assert_true(http_head_lists(&head, "Connection", "TE"));
    assert_false(http_head_lists(&head, "Connection", "up"));
    assert_false(http_head_lists(&head, "Upgrade", "te"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cuts), cmocka_unit_test(test_requests),
        cmocka_unit_test(test_responses), cmocka_unit_test(test_every_byte_in_every_place),
        cmocka_unit_test(test_what_is_left_out_of_a_response),
        cmocka_unit_test(test_trailers_that_are_kept), cmocka_unit_test(test_head_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
