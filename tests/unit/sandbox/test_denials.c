/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/denials.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct gateway {
    uv_loop_t loop;
    struct denial_book *book;
    bool away;
    unsigned reports;
    size_t n;                                       /* of the last report */
    uint64_t count;
    char host[64], reason[64];
};

static bool receive(void *ctx, const struct sandbox_denials *denials)
{
    struct gateway *g = ctx;
    if (g->away)
        return false;
    g->reports++;
    g->n = denials->n;
    g->count = denials->items[0].count;
    snprintf(g->reason, sizeof g->reason, "%s", denials->items[0].reason);
    snprintf(g->host, sizeof g->host, "%s", denials->items[0].host);
    assert_true(denials->items[0].first_seen_ms <= denials->items[0].last_seen_ms);
    assert_true(denials->items[0].first_seen_ms > 0);
    return true;
}

static void deny(struct gateway *g, const char *host, uint16_t port, const char *binary)
{
    sandbox_denials_add(g->book, &(struct sandbox_denial){
        .host = host, .port = port, .binary = binary, .reason = "r", .stage = "connect"});
}

static int open_book(void **state)
{
    static struct gateway g;
    memset(&g, 0, sizeof g);
    uv_loop_init(&g.loop);
    g.book = sandbox_denials_new(&g.loop, receive, &g);
    *state = &g;
    return 0;
}

static int close_book(void **state)
{
    struct gateway *g = *state;
    sandbox_denials_close(g->book);
    uv_run(&g->loop, UV_RUN_DEFAULT);
    return uv_loop_close(&g->loop);
}

static void the_first_is_told_at_once_and_more_are_counted(void **state)
{
    struct gateway *g = *state;
    deny(g, "a", 443, "/usr/bin/curl");
    uv_run(&g->loop, UV_RUN_ONCE);
    assert_int_equal(g->reports, 1);
    assert_int_equal(g->count, 1);
    for (int i = 0; i < 5; i++)
        deny(g, "a", 443, "/usr/bin/curl");
    uv_run(&g->loop, UV_RUN_NOWAIT);
    assert_int_equal(g->reports, 1);                /* not before the interval is over */
    uint64_t begin = uv_now(&g->loop);
    uv_run(&g->loop, UV_RUN_DEFAULT);
    assert_int_equal(g->reports, 2);
    assert_int_equal(g->count, 5);
    assert_true(uv_now(&g->loop) - begin >= DENIALS_INTERVAL_MS - 1);
}

static void another_binary_host_or_port_is_another_denial(void **state)
{
    struct gateway *g = *state;
    deny(g, "a", 443, "/usr/bin/curl");
    deny(g, "a", 443, "/usr/bin/git");
    deny(g, "a", 80, "/usr/bin/curl");
    deny(g, "b", 443, "/usr/bin/curl");
    uv_run(&g->loop, UV_RUN_ONCE);
    assert_int_equal(g->n, 4);
}

static void the_latest_reason_is_told(void **state)
{
    struct gateway *g = *state;
    struct sandbox_denial denial = {
        .host = "a", .port = 443, .binary = "", .reason = "old", .stage = "connect"};
    g->away = true;
    sandbox_denials_add(g->book, &denial);
    denial.reason = "new";
    sandbox_denials_add(g->book, &denial);
    g->away = false;
    sandbox_denials_flush(g->book);
    assert_int_equal(g->n, 1);
    assert_int_equal(g->count, 2);
    assert_string_equal(g->reason, "new");
    denial.stage = "ssrf";
    sandbox_denials_add(g->book, &denial);
    sandbox_denials_flush(g->book);
    assert_int_equal(g->reports, 2);                /* another stage is another denial */
}

static void they_wait_for_a_gateway_that_is_away(void **state)
{
    struct gateway *g = *state;
    g->away = true;
    deny(g, "a", 443, "/usr/bin/curl");
    deny(g, "a", 443, "/usr/bin/curl");
    uv_run(&g->loop, UV_RUN_ONCE);
    g->away = false;
    sandbox_denials_flush(g->book);
    assert_int_equal(g->reports, 1);
    assert_int_equal(g->count, 2);
    sandbox_denials_flush(g->book);
    assert_int_equal(g->reports, 1);                /* told once */
}

static void the_book_is_bounded_and_forgets_the_oldest(void **state)
{
    struct gateway *g = *state;
    g->away = true;
    for (int i = 0; i < DENIALS_MAX + 10; i++) {
        char host[32];
        snprintf(host, sizeof host, "h%d", i);
        deny(g, host, 443, "");
        deny(g, "kept", 443, "");                   /* seen again and again */
    }
    uv_run(&g->loop, UV_RUN_ONCE);
    g->away = false;
    sandbox_denials_flush(g->book);
    assert_int_equal(g->n, DENIALS_MAX);
    assert_string_equal(g->host, "kept");
    assert_int_equal(g->count, DENIALS_MAX + 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_first_is_told_at_once_and_more_are_counted, open_book,
                                        close_book),
        cmocka_unit_test_setup_teardown(another_binary_host_or_port_is_another_denial, open_book,
                                        close_book),
        cmocka_unit_test_setup_teardown(the_latest_reason_is_told, open_book, close_book),
        cmocka_unit_test_setup_teardown(they_wait_for_a_gateway_that_is_away, open_book,
                                        close_book),
        cmocka_unit_test_setup_teardown(the_book_is_bounded_and_forgets_the_oldest, open_book,
                                        close_book),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
