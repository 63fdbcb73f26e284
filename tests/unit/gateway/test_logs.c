/* SPDX-License-Identifier: Apache-2.0 */
/* How much of a sandbox's log a gateway keeps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "gateway/sandbox.h"
#include "http/server.h"

static size_t kept_bytes(const struct sandbox *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_lines; i++)
        n += strlen(s->lines[(s->first_line + i) % LOG_LINES_KEPT]);
    return n;
}

static const char *newest(const struct sandbox *s)
{
    return s->lines[(s->first_line + s->n_lines - 1) % LOG_LINES_KEPT];
}

static void short_lines_are_kept_by_number(void **state)
{
    struct sandbox s = {0};
    char text[16];
    (void)state;
    for (int i = 0; i < 2 * LOG_LINES_KEPT + 1; i++) {
        snprintf(text, sizeof text, "line %d", i);
        sandbox_log_line(&s, "info", text);
    }
    assert_int_equal(s.n_lines, LOG_LINES_KEPT);
    assert_non_null(strstr(s.lines[s.first_line], "info  line 2001\n"));
    assert_non_null(strstr(newest(&s), "info  line 4000\n"));
    assert_int_equal(s.line_bytes, kept_bytes(&s));
    sandbox_logs_free(&s);
}

/* A workload decides how long its denials are; who follows the log gets all that is kept at once. */
static void long_lines_are_kept_by_size(void **state)
{
    const struct http_limits limits = HTTP_LIMITS_DEFAULT;
    struct sandbox s = {0};
    char text[4000];
    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (int i = 0; i < LOG_LINES_KEPT; i++)
        sandbox_log_line(&s, "warn", text);
    sandbox_log_line(&s, "info", "short");
    assert_in_range(kept_bytes(&s), LOG_BYTES_KEPT - 2 * sizeof text, limits.stream_bytes / 2);
    assert_non_null(strstr(newest(&s), "info  short\n"));
    assert_int_equal(s.line_bytes, kept_bytes(&s));
    sandbox_logs_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_lines_are_kept_by_number),
        cmocka_unit_test(long_lines_are_kept_by_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
