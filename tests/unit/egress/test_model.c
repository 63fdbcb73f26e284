/* SPDX-License-Identifier: Apache-2.0 */
/* The model in the body of a call: overwritten as every server reads it, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "egress/local/model.h"

struct row {
    const char *body, *result;                      /* NULL: refused */
};

static void check(const struct row *row, const char *model)
{
    struct buf body = {0};
    buf_puts(&body, row->body);
    int rc = model_set(&body, model);
    if (rc != (row->result ? 0 : -1))
        fail_msg("%s: %d", row->body, rc);
    assert_string_equal(buf_str(&body), row->result ? row->result : row->body);
    buf_free(&body);
}

#define CHECK(rows, model)                                        \
    for (size_t i = 0; i < sizeof(rows) / sizeof *(rows); i++)    \
    check(&(rows)[i], model)

static void the_model_is_overwritten_and_nothing_else(void **state)
{
    static const struct row rows[] = {
        {"{}", "{\"model\":\"m\\\"1\"}"},
        {" { } ", " {\"model\":\"m\\\"1\" } "},
        {"{\"a\": [1, -0.5e+3, true, false, null]}",
         "{\"model\":\"m\\\"1\",\"a\": [1, -0.5e+3, true, false, null]}"},
        {"{\"model\" : \"x\\u0041\\ud83d\\ude00\" ,\"b\":{\"model\":\"y\",\"model\":1}}",
         "{\"model\" : \"m\\\"1\" ,\"b\":{\"model\":\"y\",\"model\":1}}"},
        {"{\"b\":\"\\\"}{[]:,\\\\\",\"model\":{\"a\":[{}]}}",
         "{\"b\":\"\\\"}{[]:,\\\\\",\"model\":\"m\\\"1\"}"},
        {"{\"\xc3\xa9\":\"\xf0\x9f\x98\x80\",\"model\":0}",
         "{\"\xc3\xa9\":\"\xf0\x9f\x98\x80\",\"model\":\"m\\\"1\"}"},
    };
    static const struct row as_it_is[] = {{"{ \"model\":1 }", "{ \"model\":1 }"}, {"{}", "{}"}};
    (void)state;
    CHECK(rows, "m\"1");
    CHECK(as_it_is, "");
}

/* Also where the model stays: the server may be another reader than the one that is meant. */
static void what_servers_could_read_differently_is_refused(void **state)
{
    static const struct row rows[] = {
        {"{\"model\":1,\"model\":2}", NULL},   {"{\"a\":1,\"a\":2}", NULL},
        {"{\"model\":1,\"MODEL\":2}", NULL},   {"{\"Model\":1}", NULL},
        {"{\"mod\\u0065l\":1}", NULL},          {"{\"a\":1,\"A\":2}", NULL},
        {"{\"a\":\"\\u0000\"}", NULL},        {"{\"a\":\"\\ud800\"}", NULL},
        {"{\"a\":\"\\udc00\"}", NULL},        {"{\"a\":\"\\ud800\\u0041\"}", NULL},
        {"{\"a\":\"\xc0\xae\"}", NULL},       {"{\"a\":\"\n\"}", NULL},
        {"\xef\xbb\xbf{}", NULL},
    };
    (void)state;
    CHECK(rows, "m");
    CHECK(rows, "");
}

static void what_is_no_object_is_refused(void **state)
{
    static const struct row rows[] = {
        {"", NULL},           {"[1]", NULL},         {"1", NULL},          {"{", NULL},
        {"{\"a\"}", NULL},    {"{\"a\":}", NULL},    {"{\"a\":1,}", NULL}, {"{\"a\":1", NULL},
        {"{\"a\":01}", NULL}, {"{\"a\":1.}", NULL},  {"{\"a\":+1}", NULL}, {"{\"a\":1e}", NULL},
        {"{\"a\":-}", NULL},  {"{\"a\":tru}", NULL}, {"{\"a\":[1,]}", NULL},
        {"{\"a\":[1}", NULL}, {"{a:1}", NULL},       {"{\"a\":'b'}", NULL},
        {"{\"a\":\"\\x\"}", NULL}, {"{\"a\":\"\\u12g4\"}", NULL}, {"{\"a\":\"b}", NULL},
        {"{\"a\":\"b\\", NULL}, {"{}{}", NULL}, {"{\"a\":{\"b\":[}]}", NULL}, {"{,}", NULL},
        {"{\"a\":1 \"b\":2}", NULL}, {"{\"a\":/**/1}", NULL}, {"{\"a\":NaN}", NULL},
    };
    (void)state;
    CHECK(rows, "m");
}

static void put_many(struct buf *out, const char *text, int n)
{
    for (int i = 0; i < n; i++)
        buf_puts(out, text);
}

/* A tree of them took a hundred times as much memory as the text, and seconds of the loop. */
static void values_are_passed_over(void **state)
{
    enum { MANY = 300000, DEEP = 500 };
    static const char *const values[] = {"[],", "{},", "\"\",", "0,", "{\"a\":0},"};
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct buf body = {0};
        buf_puts(&body, "{\"input\":[");
        put_many(&body, values[i], MANY);
        buf_puts(&body, "0]}");
        size_t len = body.len;
        assert_int_equal(model_set(&body, "m"), 0);
        assert_int_equal(body.len, len + strlen("\"model\":\"m\","));
        buf_free(&body);
    }
    for (int depth = DEEP; depth <= 100 * DEEP; depth *= 100) {
        struct buf body = {0};
        buf_puts(&body, "{\"input\":");
        put_many(&body, "[", depth);
        put_many(&body, "]", depth);
        buf_puts(&body, "}");
        assert_int_equal(model_set(&body, "m"), depth == DEEP ? 0 : -1);
        buf_free(&body);
    }
    struct buf body = {0};
    for (int i = 0; i < 300; i++)
        buf_printf(&body, "%c\"k%d\":0", i ? ',' : '{', i);
    buf_puts(&body, "}");
    assert_int_equal(model_set(&body, "m"), -1);
    buf_free(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_model_is_overwritten_and_nothing_else),
        cmocka_unit_test(what_servers_could_read_differently_is_refused),
        cmocka_unit_test(what_is_no_object_is_refused),
        cmocka_unit_test(values_are_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
