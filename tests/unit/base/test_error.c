/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/problems.h"
#include "base/text.h"

/* Two bytes each, and one byte before them, so that every limit falls into a character. */
static void a_long_text_is_cut_between_characters(void **state)
{
    (void)state;
    struct error err;
    char text[2 * sizeof err.text + 1];
    for (size_t i = 0; i < sizeof err.text; i++)
        memcpy(text + 2 * i, "\xc3\xa9", 2);
    text[sizeof text - 1] = '\0';
    for (int shift = 0; shift < 2; shift++) {
        error_set(&err, ERROR_IO, "%s%s", shift ? "x" : "", text);
        size_t len = strlen(err.text);
        assert_in_range(len, sizeof err.text - 2, sizeof err.text - 1);
        assert_int_equal(text_utf8_valid(err.text, len), len);
        error_prefix(&err, "%s", shift ? "y" : "yz");
        len = strlen(err.text);
        assert_in_range(len, sizeof err.text - 2, sizeof err.text - 1);
        assert_int_equal(text_utf8_valid(err.text, len), len);
    }
}

static void so_is_the_message_of_a_problem(void **state)
{
    (void)state;
    struct problems problems = {0};
    char text[8193];
    for (size_t i = 0; i < sizeof text / 2; i++)
        memcpy(text + 2 * i, "\xc3\xa9", 2);
    text[sizeof text - 1] = '\0';
    problems_add(&problems, "", 0, 0, "%s", text);
    problems_add(&problems, "", 0, 0, "x%s", text);
    for (size_t i = 0; i < problems.n; i++) {
        size_t len = strlen(problems.items[i].message);
        assert_in_range(len, 2000, 4000);
        assert_int_equal(text_utf8_valid(problems.items[i].message, len), len);
    }
    problems_free(&problems);
}

/* A quoted word is cut by its format, and a file may have any name. */
static void what_is_no_text_is_shown_and_nothing_is_lost(void **state)
{
    (void)state;
    struct error err;
    struct problems problems = {0};
    error_set(&err, ERROR_IO, "no '%.2s': %s", "a\xc3\xa9", "caf\xe9 \xc3\xa9");
    assert_string_equal(err.text, "no 'a\\xc3': caf\\xe9 \xc3\xa9");
    error_prefix(&err, "%.1s", "\xc3\xa9");
    assert_string_equal(err.text, "\\xc3: no 'a\\xc3': caf\\xe9 \xc3\xa9");
    problems_add(&problems, "", 0, 0, "no '%.2s'", "a\xc3\xa9");
    assert_string_equal(problems.items[0].message, "no 'a\\xc3'");
    problems_free(&problems);
}

/* However little of it is left when each takes four. */
static void bytes_that_are_no_text_fill_it(void **state)
{
    (void)state;
    struct error err;
    char text[sizeof err.text + 1];
    memset(text, '\xff', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (int shift = 0; shift < 4; shift++) {
        error_set(&err, ERROR_IO, "%.*s%s\xc3\xa9", shift, "xyz", text + 4 + shift);
        assert_int_equal(strlen(err.text), sizeof err.text - 1);
        assert_int_equal(text_utf8_valid(err.text, strlen(err.text)), strlen(err.text));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_long_text_is_cut_between_characters),
        cmocka_unit_test(so_is_the_message_of_a_problem),
        cmocka_unit_test(what_is_no_text_is_shown_and_nothing_is_lost),
        cmocka_unit_test(bytes_that_are_no_text_fill_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
