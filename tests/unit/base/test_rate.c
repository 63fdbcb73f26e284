/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rate.h"

static void test_spends_a_burst_and_then_what_time_gives(void **state)
{
    (void)state;
    struct rate rate = rate_of(5, 10, 1000);
    assert_int_equal(rate_left(&rate, 1000), 5);
    assert_true(rate_spend(&rate, 3, 1000));
    assert_false(rate_spend(&rate, 3, 1000));
    assert_true(rate_spend(&rate, 2, 1000));
    assert_false(rate_spend(&rate, 1, 1099));
    assert_true(rate_spend(&rate, 1, 1100));
}

static void test_counts_parts_that_come_often(void **state)
{
    (void)state;
    struct rate rate = rate_of(1, 1, 0);
    assert_true(rate_spend(&rate, 1, 0));
    for (uint64_t now = 1; now < 1000; now++)
        assert_false(rate_spend(&rate, 1, now));
    assert_true(rate_spend(&rate, 1, 1000));
}

static void test_never_holds_more_than_a_burst(void **state)
{
    (void)state;
    struct rate rate = rate_of(3, 1000, 0);
    rate_earn(&rate, 100);
    assert_int_equal(rate_left(&rate, UINT64_C(1) << 40), 3);
    assert_true(rate_spend(&rate, 2, UINT64_C(1) << 40));
    rate_earn(&rate, 1);
    assert_int_equal(rate_left(&rate, UINT64_C(1) << 40), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spends_a_burst_and_then_what_time_gives),
        cmocka_unit_test(test_counts_parts_that_come_often),
        cmocka_unit_test(test_never_holds_more_than_a_burst),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
