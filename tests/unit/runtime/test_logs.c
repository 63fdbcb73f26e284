/* SPDX-License-Identifier: Apache-2.0 */
/* How much of a sandbox's log a gateway keeps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/sandbox.h"
#include "http/server.h"

static size_t kept_bytes(const struct log_ring *ring)
{
    size_t n = 0;
    for (size_t i = 0; i < ring->n; i++)
        n += strlen(ring->lines[(ring->first + i) % LOG_LINES_KEPT]);
    return n;
}

static const char *newest(const struct log_ring *ring)
{
    return ring->lines[(ring->first + ring->n - 1) % LOG_LINES_KEPT];
}

static void add_line(struct sandbox *s, const char *level, const char *kind, const char *text)
{
    sandbox_log_line(s, &(struct sandbox_log){.level = level, .kind = kind, .text = text});
}

static void short_lines_are_kept_by_number(void **state)
{
    struct sandbox s = {0};
    char text[16];
    (void)state;
    for (int i = 0; i < 2 * LOG_LINES_KEPT + 1; i++) {
        snprintf(text, sizeof text, "line %d", i);
        add_line(&s, "info", "general", text);
    }
    assert_int_equal(s.log.n, LOG_LINES_KEPT);
    assert_non_null(strstr(s.log.lines[s.log.first], "info  line 2001\n"));
    assert_non_null(strstr(newest(&s.log), "info  line 4000\n"));
    assert_int_equal(s.log.bytes, kept_bytes(&s.log));
    log_ring_free(&s.log);
}

/* A workload decides how long its denials are; who follows the log gets all that is kept at
 * once. */
static void long_lines_are_kept_by_size(void **state)
{
    const struct http_limits limits = HTTP_LIMITS_DEFAULT;
    struct sandbox s = {0};
    char text[4000];
    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (int i = 0; i < LOG_LINES_KEPT; i++)
        add_line(&s, "warn", NULL, text);
    add_line(&s, "info", NULL, "short");
    assert_in_range(kept_bytes(&s.log), LOG_BYTES_KEPT - 2 * sizeof text, limits.stream_bytes / 2);
    assert_non_null(strstr(newest(&s.log), "info  short\n"));
    assert_int_equal(s.log.bytes, kept_bytes(&s.log));
    log_ring_free(&s.log);
}

static bool is_kept(const struct log_ring *ring, const char *text)
{
    for (size_t i = 0; i < ring->n; i++)
        if (strstr(ring->lines[(ring->first + i) % LOG_LINES_KEPT], text))
            return true;
    return false;
}

/* Another gateway reads what this one kept, times included, and no kind has lost its lines to
 * another. */
static void lines_outlive_the_gateway_and_a_flood_of_another_kind(void **state)
{
    char folder[] = "/tmp/sluice-logs-XXXXXX", path[64], text[1000];
    (void)state;
    assert_non_null(mkdtemp(folder));
    struct sandbox s = {.log.folder = folder}, next = {.log.folder = folder};
    sandbox_log_line(&s, &(struct sandbox_log){.level = "warn",
                                               .kind = "allowed",
                                               .text = "evidence: sandbox[refused]: x",
                                               .at_ms = 1000});
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (int i = 0; i < 2 * LOG_LINES_KEPT; i++)
        add_line(&s, "info", "refused", text);
    add_line(&s, "info", "refused", "newest");
    assert_true(is_kept(&s.log, "1970-01-01T00:00:01.000Z warn  evidence: sandbox[refused]: x\n"));
    log_ring_free(&s.log);
    log_ring_load(&next.log);
    assert_true(
        is_kept(&next.log, "1970-01-01T00:00:01.000Z warn  evidence: sandbox[refused]: x\n"));
    assert_true(is_kept(&next.log, "info  newest\n"));
    assert_true(next.log.bytes > LOG_BYTES_KEPT / 2);
    log_ring_free(&next.log);
    snprintf(path, sizeof path, "%s/sandbox.log", folder);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_lines_are_kept_by_number),
        cmocka_unit_test(long_lines_are_kept_by_size),
        cmocka_unit_test(lines_outlive_the_gateway_and_a_flood_of_another_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
