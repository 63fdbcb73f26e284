/* SPDX-License-Identifier: Apache-2.0 */
/* The ends of grants, with clocks that jump. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/supervisor/grants.h"

#define START INT64_C(1800000000000)

struct clocks {
    int64_t wall_ms, boot_ms;
};

static int64_t wall(void *ctx)
{
    return ((struct clocks *)ctx)->wall_ms;
}

static int64_t boot(void *ctx)
{
    return ((struct clocks *)ctx)->boot_ms;
}

struct fixture {
    struct clocks clocks;
    struct grant_book book;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->clocks = (struct clocks){START, 5000};
    sandbox_grants_init(&f->book, &(struct grant_clock){wall, boot, "this boot", &f->clocks});
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    sandbox_grants_free(&f->book);
    free(f);
    return 0;
}

static struct policy_grant begin(const struct fixture *f, struct policy_grant wish)
{
    wish.chunk = "c";
    wish.rule = "r";
    return policy_grant_begin(&wish, "this boot", f->clocks.wall_ms, f->clocks.boot_ms);
}

static void take(struct fixture *f, struct policy_grant grant)
{
    sandbox_grants_take(&f->book, &grant, 1);
}

static const char *why(struct fixture *f)
{
    sandbox_grants_check(&f->book);
    return sandbox_grants_find(&f->book, "c")->ended;
}

static void a_duration_ends_when_it_is_over(void **state)
{
    struct fixture *f = *state;
    take(f, begin(f, (struct policy_grant){.for_ms = 1000}));
    f->clocks.wall_ms += 999;
    f->clocks.boot_ms += 999;
    assert_null(why(f));
    f->clocks.wall_ms++;
    f->clocks.boot_ms++;
    assert_string_equal(why(f), "its time is over");
}

static void a_wall_clock_that_is_set_back_stretches_nothing(void **state)
{
    struct fixture *f = *state;
    const struct policy_grant wishes[] = {{.for_ms = 1000}, {.expires_at_ms = START + 1000}};
    for (size_t i = 0; i < 2; i++) {
        f->clocks = (struct clocks){START, 5000};
        take(f, begin(f, wishes[i]));
        f->clocks.wall_ms -= 86400000;
        f->clocks.boot_ms += 999;
        assert_null(why(f));
        f->clocks.boot_ms++;
        assert_non_null(why(f));
        sandbox_grants_take(&f->book, NULL, 0);
    }
}

static void a_wall_clock_that_is_set_forth_ends_it(void **state)
{
    struct fixture *f = *state;
    take(f, begin(f, (struct policy_grant){.expires_at_ms = START + 60000}));
    f->clocks.wall_ms += 59999;
    assert_null(why(f));
    f->clocks.wall_ms++;
    assert_non_null(why(f));
    f->clocks.wall_ms = START;                      /* and back: what has ended stays so */
    assert_non_null(why(f));
}

static void another_boot_ends_a_duration_and_no_time(void **state)
{
    struct fixture *f = *state;
    struct policy_grant grant = begin(f, (struct policy_grant){.for_ms = 60000});
    grant.boot = "an earlier boot";
    take(f, grant);
    assert_non_null(why(f));
    sandbox_grants_take(&f->book, NULL, 0);
    grant = begin(f, (struct policy_grant){.expires_at_ms = START + 60000});
    grant.boot = "an earlier boot";
    take(f, grant);
    f->clocks.boot_ms += 3600000;
    assert_null(why(f));
}

static void the_same_grant_again_gives_nothing_back(void **state)
{
    struct fixture *f = *state;
    struct policy_grant grant = begin(f, (struct policy_grant){.uses = 2});
    take(f, grant);
    assert_null(sandbox_grants_use(&f->book, "r")->ended);
    take(f, grant);
    assert_string_equal(sandbox_grants_use(&f->book, "r")->ended, "it was used 2 times");
    take(f, grant);
    assert_non_null(why(f));
}

static void a_later_deadline_for_the_same_grant_does_not_count(void **state)
{
    struct fixture *f = *state;
    take(f, begin(f, (struct policy_grant){.for_ms = 1000}));
    f->clocks.wall_ms += 500;
    f->clocks.boot_ms += 500;
    take(f, begin(f, (struct policy_grant){.for_ms = 1000}));
    f->clocks.wall_ms += 500;
    f->clocks.boot_ms += 500;
    assert_non_null(why(f));
}

static void uses_that_are_on_record_count(void **state)
{
    struct fixture *f = *state;
    struct policy_grant grant = begin(f, (struct policy_grant){.uses = 3});
    grant.used = 2;
    take(f, grant);
    assert_string_equal(sandbox_grants_use(&f->book, "r")->ended, "it was used 3 times");
}

static void a_grant_that_is_not_named_any_more_is_forgotten(void **state)
{
    struct fixture *f = *state;
    take(f, begin(f, (struct policy_grant){.uses = 1}));
    sandbox_grants_use(&f->book, "r");
    sandbox_grants_take(&f->book, NULL, 0);
    assert_null(sandbox_grants_find(&f->book, "c"));
    assert_null(sandbox_grants_use(&f->book, "r"));
}

static void the_deadlines_are_those_of_the_next_end(void **state)
{
    struct fixture *f = *state;
    int64_t wall_ms, boot_ms;
    struct policy_grant list[] = {begin(f, (struct policy_grant){.for_ms = 5000}),
                                  begin(f, (struct policy_grant){.for_ms = 2000}),
                                  begin(f, (struct policy_grant){.uses = 1})};
    list[0].chunk = "a";
    list[1].chunk = "b";
    sandbox_grants_take(&f->book, list, 3);
    sandbox_grants_deadlines(&f->book, &wall_ms, &boot_ms);
    assert_int_equal(wall_ms, START + 2000);
    assert_int_equal(boot_ms, 7000);
    f->clocks.boot_ms += 2000;
    assert_true(sandbox_grants_check(&f->book));
    sandbox_grants_deadlines(&f->book, &wall_ms, &boot_ms);
    assert_int_equal(boot_ms, 10000);
}

static void uses_are_told_of_together(void **state)
{
    struct fixture *f = *state;
    struct policy_grant grant = begin(f, (struct policy_grant){.uses = 10});
    grant.used = 4;
    take(f, grant);
    assert_null(sandbox_grants_untold(&f->book));   /* the gateway has said so itself */
    for (int i = 0; i < 3; i++)
        sandbox_grants_use(&f->book, "r");
    const struct grant_entry *entry = sandbox_grants_untold(&f->book);
    assert_int_equal(entry->grant.used, 7);
    assert_null(sandbox_grants_untold(&f->book));
    sandbox_grants_use(&f->book, "r");
    assert_ptr_equal(sandbox_grants_untold(&f->book), entry);
    for (int i = 0; i < 2; i++)
        sandbox_grants_use(&f->book, "r");
    assert_non_null(entry->ended);                  /* its end is told of by itself */
    assert_null(sandbox_grants_untold(&f->book));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_duration_ends_when_it_is_over),
        TEST(a_wall_clock_that_is_set_back_stretches_nothing),
        TEST(a_wall_clock_that_is_set_forth_ends_it),
        TEST(another_boot_ends_a_duration_and_no_time),
        TEST(the_same_grant_again_gives_nothing_back),
        TEST(a_later_deadline_for_the_same_grant_does_not_count),
        TEST(uses_that_are_on_record_count),
        TEST(a_grant_that_is_not_named_any_more_is_forgotten),
        TEST(the_deadlines_are_those_of_the_next_end),
        TEST(uses_are_told_of_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
