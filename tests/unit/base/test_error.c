/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_long_text_is_cut_between_characters)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
