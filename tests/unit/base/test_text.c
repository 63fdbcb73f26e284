/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/text.h"

static void test_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len, valid;
    } cases[] = {
        {"", 0, 0},
        {"abc", 3, 3},
        {"a\xc3\xa9", 3, 3},
        {"\xe2\x82\xac", 3, 3},
        {"\xf0\x9f\x98\x80", 4, 4},
        {"a\0b", 3, 1},
        {"\x80", 1, 0},
        {"a\xc3", 2, 1},
        {"\xc0\xaf", 2, 0},
        {"\xe0\x80\xaf", 3, 0},
        {"\xed\xa0\x80", 3, 0},
        {"\xf4\x90\x80\x80", 4, 0},
        {"\xf5\x80\x80\x80", 4, 0},
        {"ab\xff", 3, 2},
        {"\xef\xbf\xbf", 3, 3},
        {"\xc3(", 2, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(text_utf8_valid(cases[i].bytes, cases[i].len), cases[i].valid);
}

static void test_plain_bytes_before_each_other_one(void **state)
{
    (void)state;
    char text[24];
    for (size_t len = 0; len <= sizeof text; len++)
        for (size_t at = 0; at < len; at++)
            for (int byte = 0; byte < 256; byte++) {
                bool plain = byte >= 0x20 && byte <= 0x7e;
                memset(text, '~', sizeof text);
                text[at] = (char)byte;
                assert_int_equal(text_plain(text, len), plain ? len : at);
            }
}

/* Among others that differ from a quote or a backslash by one bit. */
static void test_plain_bytes_of_json(void **state)
{
    (void)state;
    char text[24];
    for (const char *other = "~ #[]!"; *other; other++)
        for (size_t len = 0; len <= sizeof text; len++)
            for (size_t at = 0; at < len; at++)
                for (int byte = 0; byte < 256; byte++) {
                    bool plain = byte >= 0x20 && byte <= 0x7e && byte != '"' && byte != '\\';
                    memset(text, *other, sizeof text);
                    text[at] = (char)byte;
                    assert_int_equal(text_json_plain(text, len), plain ? len : at);
                }
}

static void check_writer(void (*write)(struct buf *, const char *), const char *text,
                         const char *expected)
{
    struct buf out = {0};
    write(&out, text);
    assert_string_equal(buf_str(&out), expected);
    buf_free(&out);
}

static void test_quoting(void **state)
{
    (void)state;
    check_writer(text_json_quote, "a\"b\\c\n\x1f\x7f\xc3\xa9",
                 "\"a\\\"b\\\\c\\n\\u001f\\u007f\xc3\xa9\"");
    check_writer(text_json_quote, "", "\"\"");
    check_writer(text_json_quote, "\tplain\b\f\r", "\"\\tplain\\b\\f\\r\"");
    check_writer(text_escape_bytes, "caf\xe9 \xc3\xa9\n", "caf\\xe9 \xc3\xa9\n");
    check_writer(text_shell_quote, "a-b/c.d", "a-b/c.d");
    check_writer(text_shell_quote, "", "''");
    check_writer(text_shell_quote, "it's $x", "'it'\\''s $x'");
}

static void test_nearest(void **state)
{
    (void)state;
    static const char *const words[] = {"endpoints", "binaries", "name", NULL};
    assert_string_equal(text_nearest("endpoint", words), "endpoints");
    assert_string_equal(text_nearest("nmae", words), "name");
    assert_string_equal(text_nearest("name", words), "name");
    assert_null(text_nearest("filesystem", words));
    assert_null(text_nearest("", words));
    static const char *const none[] = {NULL};
    assert_null(text_nearest("x", none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_bytes_before_each_other_one),
        cmocka_unit_test(test_plain_bytes_of_json),
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_quoting),
        cmocka_unit_test(test_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
