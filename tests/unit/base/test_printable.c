/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/printable.h"
#include "base/terminal.h"
#include "base/text.h"

static void check(const char *text, const char *expected)
{
    struct buf out = {0}, again = {0};
    printable_escape(&out, text, strlen(text), "");
    assert_string_equal(buf_str(&out), expected);
    assert_int_equal(printable_text(text), strcmp(text, expected) == 0);
    printable_escape(&again, buf_str(&out), out.len, "");
    assert_string_equal(buf_str(&again), expected);
    buf_free(&out);
    buf_free(&again);
}

static void what_a_terminal_obeys_is_written_out(void **state)
{
    (void)state;
    check("", "");
    check("plain /usr/bin/caf\xc3\xa9 \xe2\x9c\x93 \xf0\x9f\x98\x80",
          "plain /usr/bin/caf\xc3\xa9 \xe2\x9c\x93 \xf0\x9f\x98\x80");
    check("a\x1b]0;x\x07", "a\\x1b]0;x\\x07");
    check("a\nb\r\t\x08\x7f", "a\\x0ab\\x0d\\x09\\x08\\x7f");
    check("c1 \xc2\x9b" "31m \xc2\x85", "c1 \\u009b31m \\u0085");
    check("raw \x9b caf\xe9 \xc3", "raw \\x9b caf\\xe9 \\xc3");
    check("\xed\xa0\x80 \xc0\x8a \xf5\x80\x80\x80",
          "\\xed\\xa0\\x80 \\xc0\\x8a \\xf5\\x80\\x80\\x80");
    check("\xe2\x80\xae \xe2\x81\xa6 \xd8\x9c", "\\u202e \\u2066 \\u061c");
    check("\xe2\x80\xa8 \xe2\x80\xa9", "\\u2028 \\u2029");
    check("\xe2\x80\x8b \xe2\x80\x8d \xe2\x81\xa0 \xef\xbb\xbf \xc2\xad",
          "\\u200b \\u200d \\u2060 \\ufeff \\u00ad");
    check("\xef\xb8\x8f \xf3\xa0\x84\x80 \xf3\xa0\x81\x81", "\\ufe0f \\U000e0100 \\U000e0041");
    check("\xef\xbf\xb9 \xef\xbf\xbb \xef\xbf\xbe \xef\xb7\x90", "\\ufff9 \\ufffb \\ufffe \\ufdd0");
    check("\xe1\x85\x9f \xe3\x85\xa4 \xef\xbe\xa0 \xe1\xa0\x8e \xcd\x8f",
          "\\u115f \\u3164 \\uffa0 \\u180e \\u034f");
}

__attribute__((format(printf, 2, 3)))
static void check_format(const char *expected, const char *format, ...)
{
    struct buf out = {0};
    va_list args;
    va_start(args, format);
    terminal_format(&out, format, args);
    va_end(args);
    assert_string_equal(buf_str(&out), expected);
    buf_free(&out);
}

static void the_format_stands_and_arguments_are_escaped(void **state)
{
    (void)state;
    check_format("a\n\033[1m\\x1b[2J\\x0a%\n", "a\n\033[1m%s%%\n", "\x1b[2J\n");
    check_format("[x    ][    x][ab][\\x0a  ]", "[%-5s][%5s][%.2s][%-*s]", "x", "x", "abc", 6,
                 "\n");
    check_format("[\xc3\xa9 ]", "[%-2s]", "\xc3\xa9");
    check_format("[ab]", "[%.*s]", 2, "abc");
    check_format("-1 4294967295 18446744073709551615 -9 7 00ff", "%d %u %zu %lld %ld %04x", -1,
                 4294967295u, SIZE_MAX, -9LL, 7L, 255u);
    check_format("0.50 1e+09 +3.1 %", "%.2f %g %+.1f %%", 0.5, 1e9, 3.14);
    check_format("\\x1bx", "%c%c", 0x1b, 'x');
    check_format("[12  ][  12][0012]", "[%-4d][%4d][%04d]", 12, 12, 12);
}

static void lines_stay_lines(void **state)
{
    char *text;
    size_t len;
    FILE *to = open_memstream(&text, &len);
    (void)state;
    terminal_lines(to, "| ", "a\tb\n\x1b[2Jc\xe2\x80\xa8" "d\re");
    fclose(to);
    assert_string_equal(text, "| a\tb\n| \\x1b[2Jc\\u2028d\\x0de\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_terminal_obeys_is_written_out),
        cmocka_unit_test(the_format_stands_and_arguments_are_escaped),
        cmocka_unit_test(lines_stay_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
