/* SPDX-License-Identifier: Apache-2.0 */
/* The corpus of requests against a real server: which statuses answer, and that nothing that was
 * refused ever reached a handler. */
#include "support/http_corpus.h"
#include "support/http.h"

#include "http/parser.h"

static const struct http_route routes[] = {
    {.method = "GET", .pattern = "/hello", .handler = hello},
    {.method = "POST", .pattern = "/echo", .handler = echo},
};
static const struct http_router router = {.routes = routes, .n_routes = 2};

/* The statuses of the answers in bytes, as our own strict parser reads them. */
static void statuses(const struct buf *bytes, char *out, unsigned *ok)
{
    struct http_parser *parser = http_parser_new(HTTP_OF_SERVER, 16 * 1024);
    const char *at = buf_str(bytes), *body;
    size_t len = bytes->len, body_len;
    enum http_event event;
    *out = '\0';
    while ((event = http_parser_next(parser, &at, &len, &body, &body_len)) != HTTP_MORE) {
        assert_int_not_equal(event, HTTP_BAD);
        if (event != HTTP_GOT_HEAD)
            continue;
        struct http_head *head = http_parser_take_head(parser);
        sprintf(out + strlen(out), "%s%d", *out ? " " : "", head->status);
        *ok += head->status == 200;
        if (head->status >= 400)
            assert_string_equal(http_head_get(head, "Content-Type"), "application/problem+json");
        http_head_free(head);
    }
    http_parser_free(parser);
}

static void check(const struct corpus_case *c, void *ctx)
{
    struct fixture *f = ctx;
    char got[256];
    unsigned ok = 0, hits = f->hits;
    struct raw *raw = raw_new(f);
    raw_send(raw, c->bytes.data, c->bytes.len);
    raw_end(raw);
    RUN_UNTIL(f, raw->eof);
    statuses(&raw->got, got, &ok);
    if (strcmp(got, c->expect) != 0)
        fail_msg("%s: wanted %s, got %s\n%s", c->name, c->expect, got, buf_str(&raw->got));
    assert_int_equal(f->hits - hits, ok);
    raw_free(raw);
}

static void test_corpus(bool tcp)
{
    struct fixture *f = fixture_new();
    fixture_serve(f, NULL, &router, tcp);
    assert_true(corpus_each(check, f) > 90);
    fixture_free(f);
}

static void test_unix(void **state)
{
    (void)state;
    test_corpus(false);
}

static void test_tcp(void **state)
{
    (void)state;
    test_corpus(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_unix), cmocka_unit_test(test_tcp)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
