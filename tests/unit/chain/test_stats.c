/* SPDX-License-Identifier: Apache-2.0 */
#include "support/chain.h"

#include "chain/stats.h"

static void nothing_yet(void **state)
{
    (void)state;
    static struct stats stats;
    assert_int_equal(stats_quantile_ns(&stats, 0.99), 0);
}

static void a_quantile_is_at_most_an_eighth_too_high(void **state)
{
    (void)state;
    for (uint64_t ns = 1; ns && ns < UINT64_MAX / 3; ns = ns * 3 + 1) {
        struct stats *stats = test_calloc(1, sizeof *stats);
        stats_add(stats, ns, false, false);
        uint64_t got = stats_quantile_ns(stats, 0.5);
        assert_true(got >= ns && got - ns <= ns / 8);
        test_free(stats);
    }
}

static void the_slow_tail_shows_in_p99_only(void **state)
{
    (void)state;
    struct stats *stats = test_calloc(1, sizeof *stats);
    for (int i = 0; i < 98; i++)
        stats_add(stats, 1000, false, false);
    stats_add(stats, 1000000, true, false);
    stats_add(stats, 1000000, true, true);
    assert_in_range(stats_quantile_ns(stats, 0.50), 1000, 1125);
    assert_in_range(stats_quantile_ns(stats, 0.99), 1000000, 1125000);
    assert_int_equal(stats->votes, 100);
    assert_int_equal(stats->denials, 2);
    assert_int_equal(stats->errors, 1);
    test_free(stats);
}

static void the_longest_time_has_a_bucket(void **state)
{
    (void)state;
    struct stats *stats = test_calloc(1, sizeof *stats);
    stats_add(stats, UINT64_MAX, false, false);
    assert_true(stats_quantile_ns(stats, 0.99) == UINT64_MAX);
    test_free(stats);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_yet),
        cmocka_unit_test(a_quantile_is_at_most_an_eighth_too_high),
        cmocka_unit_test(the_slow_tail_shows_in_p99_only),
        cmocka_unit_test(the_longest_time_has_a_bucket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
