/* SPDX-License-Identifier: Apache-2.0 */
/* What the gateway makes of what sluice-fetch writes, and of one that fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "secret/fetch.h"

struct outcome {
    int status;
    struct buf body;
    struct error err;
};

/* A program that reads its stdin and then does as the script says. */
static struct outcome fetch_by(const char *script)
{
    char path[] = "/tmp/sluice-fetch-XXXXXX";
    struct outcome out = {0};
    struct oauth_request request = {.url = alloc_str("http://127.0.0.1:9/token")};
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    dprintf(fd, "#!/bin/sh\nread -r request\n%s\n", script);
    fchmod(fd, 0700);
    close(fd);
    buf_puts(&request.body, "grant_type=x");
    buf_add(&request.fields, "A: b", 5);
    out.status = fetch_token(path, &request, &out.body, &out.err);
    unlink(path);
    oauth_request_free(&request);
    return out;
}

static void an_answer_comes_with_its_status(void **state)
{
    (void)state;
    struct outcome o = fetch_by("printf '200\\n{\"a\": \"b\\n\"}'");
    assert_int_equal(o.status, 200);
    assert_string_equal(buf_str(&o.body), "{\"a\": \"b\n\"}");
    buf_free(&o.body);
    o = fetch_by("printf '401\\n'");
    assert_int_equal(o.status, 401);
    assert_int_equal(o.body.len, 0);
    buf_free(&o.body);
}

static void the_request_is_one_document(void **state)
{
    (void)state;
    struct outcome o = fetch_by("printf '200\\n%s' \"$request\"");
    assert_string_equal(buf_str(&o.body), "{\"url\":\"http://127.0.0.1:9/token\","
                                          "\"fields\":[\"A: b\"],\"body\":\"grant_type=x\"}");
    buf_free(&o.body);
}

static void what_is_no_answer_is_an_error(void **state)
{
    static const struct { const char *script, *text; } cases[] = {
        {"printf -- '- the server cannot be asked: x'", "the server cannot be asked: x"},
        {"exit 0", "sluice-fetch ended without an answer"},
        {"kill -9 $$", "sluice-fetch ended without an answer"},
        {"printf 200", "sluice-fetch ended without an answer"},
        {"printf 'abc\\n'", "sluice-fetch ended without an answer"},
        {"printf '99999\\nx'", "sluice-fetch ended without an answer"},
        {"printf '200\\n'; head -c 200000 /dev/zero", "sluice-fetch does not answer"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct outcome o = fetch_by(cases[i].script);
        assert_int_equal(o.status, -1);
        assert_string_equal(o.err.text, cases[i].text);
        assert_int_equal(o.body.len, 0);
    }
}

static void a_program_that_is_not_there_is_named(void **state)
{
    struct oauth_request request = {.url = alloc_str("x")};
    struct buf body = {0};
    struct error err;
    (void)state;
    assert_int_equal(fetch_token("/nowhere/sluice-fetch", &request, &body, &err), -1);
    assert_string_equal(err.text, "cannot start /nowhere/sluice-fetch: No such file or directory");
    oauth_request_free(&request);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_comes_with_its_status),
        cmocka_unit_test(the_request_is_one_document),
        cmocka_unit_test(what_is_no_answer_is_an_error),
        cmocka_unit_test(a_program_that_is_not_there_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
