/* SPDX-License-Identifier: Apache-2.0 */
/* How an address of a gateway is read, and an answer. */
#include "support/terminal.h"

#include "cli/connection/answer.h"
#include "cli/connection/endpoint.h"

static void an_address_is_read(void **state)
{
    static const struct {
        const char *gateway, *path, *host, *port, *authority, *prefix;
        bool tls;
    } cases[] = {
        {"unix:/run/s.sock", "/run/s.sock", NULL, NULL, "localhost", "", false},
        {"tcp:127.0.0.1:7443", NULL, "127.0.0.1", "7443", "127.0.0.1:7443", "", false},
        {"http://a.test", NULL, "a.test", "80", "a.test", "", false},
        {"https://a.test/", NULL, "a.test", "443", "a.test", "", true},
        {"https://a.test:1/b/c//", NULL, "a.test", "1", "a.test:1", "/b/c", true},
        {"http://[::1]:99/x", NULL, "::1", "99", "[::1]:99", "/x", false},
        {"http://[::1]", NULL, "::1", "80", "[::1]", "", false},
        {"http://user:word@a.test:5", NULL, "a.test", "5", "a.test:5", "", false},
        {"http://a@b@c", NULL, "c", "80", "c", "", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct endpoint e;
        endpoint_read(cases[i].gateway, &e);
        if (cases[i].path)
            assert_string_equal(e.path, cases[i].path);
        else
            assert_null(e.path);
        if (cases[i].host) {
            assert_string_equal(e.host, cases[i].host);
            assert_string_equal(e.port, cases[i].port);
        }
        assert_string_equal(e.authority, cases[i].authority);
        assert_string_equal(e.prefix, cases[i].prefix);
        assert_int_equal(e.tls, cases[i].tls);
        endpoint_free(&e);
    }
}

static void the_state_of_a_gateway_is_beside_its_socket_but_for_the_machines(void **state)
{
    static const char *const cases[][2] = {
        {"unix:/run/sluice/sluice.sock", "/var/lib/sluice"}, {"unix:/a/b/s.sock", "/a/b"},
        {"unix:/s.sock", "/"}, {"unix:s.sock", "."}, {"https://a.test", NULL}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *folder = endpoint_state_folder(cases[i][0]);
        if (cases[i][1])
            assert_string_equal(folder, cases[i][1]);
        else
            assert_null(folder);
        free(folder);
    }
}

static void an_answer_is_read_however_it_is_cut(void **state)
{
    static const char text[] = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
                               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                               "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    (void)state;
    for (size_t step = 1; step < sizeof text; step++) {
        struct answer answer;
        struct buf in = {0};
        bool done = false;
        answer_begin(&answer, 5);
        for (size_t at = 0; at < sizeof text - 1; at += step) {
            assert_false(done);
            buf_add(&in, text + at, at + step < sizeof text ? step : sizeof text - 1 - at);
            done = answer_read(&answer, &in);
        }
        assert_true(done && answer.complete);
        assert_int_equal(answer.head->status, 200);
        assert_string_equal(buf_str(&answer.body), "abcde");
        answer_free(&answer);
        buf_free(&in);
    }
}

static void assert_answer(const char *text, uint64_t max, bool complete, int wrong)
{
    struct answer answer;
    struct buf in = {0};
    answer_begin(&answer, max);
    buf_puts(&in, text);
    if (!answer_read(&answer, &in))
        answer_ended(&answer);
    assert_int_equal(answer.complete, complete);
    assert_int_equal(answer.wrong ? answer.wrong_status : 0, wrong);
    answer_free(&answer);
    buf_free(&in);
}

static void an_answer_that_was_cut_short_is_not_complete(void **state)
{
    (void)state;
    assert_answer("", 0, false, 0);
    assert_answer("HTTP/1.1 200 OK\r\nContent-Le", 0, false, 0);
    assert_answer("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc", 0, false, 0);
    assert_answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", 0, false, 0);
    assert_answer("HTTP/1.1 103 Early\r\n\r\n", 0, false, 0);
    assert_answer("HTTP/1.1 200 OK\r\n\r\nuntil the end", 0, true, 0);
    assert_answer("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd", 4, true, 0);
}

static void what_follows_an_upgrade_stays(void **state)
{
    struct answer answer;
    struct buf in = {0};
    (void)state;
    answer_begin(&answer, 9);
    buf_puts(&in, "HTTP/1.1 101 Go\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nbytes");
    assert_true(answer_read(&answer, &in));
    assert_int_equal(answer.head->status, 101);
    assert_string_equal(buf_str(&in), "bytes");
    answer_free(&answer);
    buf_free(&in);
}

static void an_answer_that_is_too_large_or_no_http_is_told(void **state)
{
    (void)state;
    assert_answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde", 4, false, 413);
    assert_answer("HTTP/1.1 200 OK\r\n\r\nabcde", 4, false, 413);
    assert_answer("SSH-2.0-x\r\n\r\n", 0, false, 400);
    assert_answer("HTTP/1.1 200 OK\r\nA : b\r\n\r\n", 0, false, 400);
}

static void text_is_escaped_for_a_path(void **state)
{
    char *escaped = url_escape("a/b c-._~%\xc3\xa4\n");
    (void)state;
    assert_string_equal(escaped, "a%2Fb%20c-._~%25%C3%A4%0A");
    free(escaped);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_read),
        cmocka_unit_test(the_state_of_a_gateway_is_beside_its_socket_but_for_the_machines),
        cmocka_unit_test(an_answer_is_read_however_it_is_cut),
        cmocka_unit_test(an_answer_that_was_cut_short_is_not_complete),
        cmocka_unit_test(what_follows_an_upgrade_stays),
        cmocka_unit_test(an_answer_that_is_too_large_or_no_http_is_told),
        cmocka_unit_test(text_is_escaped_for_a_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
