/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/lua/views.h"
#include "support/chain.h"

static int things[10000];

static struct view of(enum view_kind kind, const void *what, const void *data)
{
    return (struct view){.kind = kind, .what = what, .data = data, .n = 0};
}

static void test_the_same_is_known_again(void **state)
{
    struct views views = {0};
    (void)state;
    views_begin(&views);
    uint32_t place = views_place(&views, of(VIEW_RECORD, "rule", &things[0]));
    assert_int_equal(views_place(&views, of(VIEW_RECORD, "rule", &things[0])), place);
    assert_int_not_equal(views_place(&views, of(VIEW_WRAPPED, "rule", &things[0])), place);
    assert_int_not_equal(views_place(&views, of(VIEW_RECORD, "group", &things[0])), place);
    assert_int_not_equal(views_place(&views, of(VIEW_RECORD, "rule", &things[1])), place);
    assert_ptr_equal(views_at(&views, views_handle(&views, place))->data, &things[0]);
    views_free(&views);
}

static void test_many(void **state)
{
    enum { N = sizeof things / sizeof *things };
    struct views views = {0};
    (void)state;
    views_begin(&views);
    for (uint32_t i = 0; i < 2 * N; i++)
        assert_int_equal(views_place(&views, of(VIEW_RECORD, "rule", &things[i % N])), i % N);
    for (uint32_t i = 0; i < N; i++)
        assert_ptr_equal(views_at(&views, views_handle(&views, i))->data, &things[i]);
    assert_int_equal(views.n, N);
    views_free(&views);
}

static void test_none_outlives_its_vote(void **state)
{
    struct views views = {0};
    (void)state;
    views_begin(&views);
    void *first = views_handle(&views, views_place(&views, of(VIEW_RECORD, "rule", &things[0])));
    views_begin(&views);
    assert_null(views_at(&views, first));
    assert_int_equal(views_place(&views, of(VIEW_RECORD, "rule", &things[1])), 0);
    assert_null(views_at(&views, first));
    assert_null(views_at(&views, views_handle(&views, 1)));
    assert_null(views_at(&views, NULL));
    assert_null(views_at(&views, &views));
    views_free(&views);
}

/* Numbers of votes begin again, and what has the same number by then is forgotten. */
static void test_numbers_of_votes_run_out(void **state)
{
    struct views views = {0};
    (void)state;
    views_begin(&views);
    views_place(&views, of(VIEW_RECORD, "rule", &things[0]));
    views.vote = UINTPTR_MAX >> sizeof(uintptr_t) * 4;
    views_begin(&views);
    assert_int_equal(views.vote, 1);
    assert_int_equal(views_place(&views, of(VIEW_RECORD, "rule", &things[1])), 0);
    assert_int_equal(views_place(&views, of(VIEW_RECORD, "rule", &things[0])), 1);
    views_free(&views);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_is_known_again),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_none_outlives_its_vote),
        cmocka_unit_test(test_numbers_of_votes_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
