/* SPDX-License-Identifier: Apache-2.0 */
/* What a supervisor asks of the voters, and remembers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "sandbox/supervisor/forecasts.h"

struct desk {
    uv_loop_t loop;
    struct forecast_book *book;
    unsigned asked;
    bool away;
};

static bool take(void *ctx, const struct sandbox_forecast *question)
{
    struct desk *d = ctx;
    assert_string_not_equal(question->operations, "");
    d->asked += !d->away;
    return !d->away;
}

static void open_desk(struct desk *d)
{
    *d = (struct desk){0};
    uv_loop_init(&d->loop);
    d->book = sandbox_forecasts_new(&d->loop, take, d);
}

static void close_desk(struct desk *d)
{
    sandbox_forecasts_free(d->book);
    assert_int_equal(uv_loop_close(&d->loop), 0);
}

static const char *answer(struct desk *d, uint64_t id, const char *outcome)
{
    return sandbox_forecasts_answered(d->book,
                                      &(struct sandbox_forecast){.id = id, .outcome = outcome});
}

static void an_answer_is_remembered_for_a_while(void **state)
{
    struct desk d;
    (void)state;
    open_desk(&d);
    assert_true(sandbox_forecasts_ask(d.book, 1, "{a}").later);
    assert_string_equal(answer(&d, 1, "held"), "held");
    struct egress_forecast again = sandbox_forecasts_ask(d.book, 2, "{a}");
    assert_false(again.later);
    assert_string_equal(again.word, "held");
    assert_true(sandbox_forecasts_ask(d.book, 3, "{b}").later);
    assert_int_equal(d.asked, 2);
    while (uv_now(&d.loop) < FORECASTS_KEPT_MS || sandbox_forecasts_ask(d.book, 4, "{a}").word)
        uv_update_time(&d.loop);
    assert_int_equal(d.asked, 3);
    close_desk(&d);
}

static void another_policy_makes_them_void(void **state)
{
    struct desk d;
    (void)state;
    open_desk(&d);
    assert_true(sandbox_forecasts_ask(d.book, 1, "{a}").later);
    answer(&d, 1, "denied");
    assert_true(sandbox_forecasts_ask(d.book, 2, "{b}").later);
    sandbox_forecasts_forget(d.book);
    assert_true(sandbox_forecasts_ask(d.book, 3, "{a}").later);
    assert_string_equal(answer(&d, 2, "allowed"), "allowed");   /* for whom it waits */
    assert_true(sandbox_forecasts_ask(d.book, 4, "{b}").later);
    close_desk(&d);
}

static void a_flood_asks_little(void **state)
{
    struct desk d;
    char operations[16];
    (void)state;
    open_desk(&d);
    uint64_t id = 0, start = uv_now(&d.loop);
    while (uv_now(&d.loop) - start < 100 && ++id < 100000) {
        snprintf(operations, sizeof operations, "{%lu}", (unsigned long)id);
        sandbox_forecasts_ask(d.book, id, operations);
        uv_update_time(&d.loop);
    }
    uint64_t passed = uv_now(&d.loop) - start;
    assert_in_range(d.asked, 1, FORECASTS_MAX + passed * FORECASTS_PER_SECOND / 1000 + 1);
    close_desk(&d);
}

static void a_gateway_that_is_away_is_not_waited_for(void **state)
{
    struct desk d;
    (void)state;
    open_desk(&d);
    d.away = true;
    struct egress_forecast forecast = sandbox_forecasts_ask(d.book, 1, "{a}");
    assert_false(forecast.later);
    assert_null(forecast.word);
    close_desk(&d);
}

static void only_outcomes_are_passed_on(void **state)
{
    struct desk d;
    (void)state;
    open_desk(&d);
    sandbox_forecasts_ask(d.book, 1, "{a}");
    assert_null(answer(&d, 1, "\",\"x\":\""));
    assert_null(answer(&d, 1, ""));
    assert_true(sandbox_forecasts_ask(d.book, 2, "{a}").later);
    close_desk(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_remembered_for_a_while),
        cmocka_unit_test(another_policy_makes_them_void),
        cmocka_unit_test(a_flood_asks_little),
        cmocka_unit_test(a_gateway_that_is_away_is_not_waited_for),
        cmocka_unit_test(only_outcomes_are_passed_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
