/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/clock.h"

static void times_are_read(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2026-01-31T08:05:00Z", 1769846700000},
        {"2026-01-31T08:05:00.5Z", 1769846700500},
        {"2026-01-31T08:05:00.123456789Z", 1769846700123},
        {"2026-01-31T09:05:00+01:00", 1769846700000},
        {"2026-01-31T02:35:00-05:30", 1769846700000},
        {"2024-02-29T00:00:00Z", 1709164800000},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t ms = -1;
        assert_int_equal(clock_parse(cases[i].text, &ms), 0);
        assert_int_equal(ms, cases[i].ms);
    }
}

static void what_is_no_time_is_refused(void **state)
{
    static const char *const cases[] = {
        "", "now", "2026", "2026-01-31", "2026-01-31 08:05:00Z", "2026-01-31T08:05:00",
        "2026-01-31T08:05Z", "2026-02-30T08:05:00Z", "2026-13-01T08:05:00Z",
        "2026-01-31T25:05:00Z", "2026-01-31T08:05:00.Z", "2026-01-31T08:05:00.1234567890Z",
        "2026-01-31T08:05:00z", "2026-01-31T08:05:00Zx", "2026-01-31T08:05:00+1:00",
        "2026-01-31T08:05:00+01", "2026-01-31T08:05:00+24:00", " 2026-01-31T08:05:00Z",
        "2026-1-31T08:05:00Z", "-2026-01-31T08:05:00Z",
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t ms;
        if (clock_parse(cases[i], &ms) == 0)
            fail_msg("'%s' was read", cases[i]);
    }
}

static void what_is_printed_is_read_again(void **state)
{
    char text[CLOCK_TEXT_SIZE];
    int64_t ms;
    (void)state;
    assert_int_equal(clock_parse(clock_format(1769846700123, text), &ms), 0);
    assert_int_equal(ms, 1769846700123);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(what_is_printed_is_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
