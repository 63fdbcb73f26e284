/* SPDX-License-Identifier: Apache-2.0 */
/* Percent-encoding: each byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/percent.h"

static void each_byte_is_itself_or_encoded(void **state)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                "0123456789-._~";
    (void)state;
    for (int c = 0; c < 256; c++) {
        struct buf out = {0};
        char expected[8];
        const char byte = (char)c;
        bool is_plain = c && strchr(plain, c);
        if (is_plain)
            snprintf(expected, sizeof expected, "%c", c);
        else
            snprintf(expected, sizeof expected, "%%%02X", c);
        percent_encode(&out, &byte, 1);
        assert_int_equal(percent_is_unreserved((unsigned char)c), is_plain);
        assert_string_equal(buf_str(&out), expected);
        buf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_byte_is_itself_or_encoded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
