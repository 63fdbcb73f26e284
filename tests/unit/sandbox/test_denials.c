/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/supervisor/denials.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct gateway {
    uv_loop_t loop;
    struct denial_book *book;
    bool away;
    unsigned reports, most;                         /* most: it goes away then */
    size_t received;
    size_t n;                                       /* of the last report */
    uint64_t count;
    char host[64], reason[64], method[64], path[64];
    char last_host[64];                             /* of the last item */
    char first_host[64];                            /* of the first report */
    uint64_t first_count;
    uint32_t waiting;                               /* of the first item of the last report */
    bool told_quiet;
    unsigned flooded;
};

/* A longer line would make the gateway give up the stream. */
static void check_line(const struct sandbox_denials *denials)
{
    struct sandbox_message message = {.type = MESSAGE_DENIALS, .denials = *denials};
    struct buf line = {0};
    sandbox_message_encode(&message, &line);
    assert_true(line.len < SANDBOX_LINE_MAX);
    buf_free(&line);
}

static bool receive(void *ctx, const struct sandbox_denials *denials)
{
    struct gateway *g = ctx;
    if (g->away || g->reports == g->most)
        return false;
    check_line(denials);
    g->reports++;
    if (g->received == 0) {
        g->first_count = denials->items[0].count;
        snprintf(g->first_host, sizeof g->first_host, "%s", denials->items[0].host);
    }
    g->received += denials->n;
    for (size_t i = 0; i < denials->n; i++)
        g->told_quiet |= strcmp(denials->items[i].host, "quiet") == 0;
    g->n = denials->n;
    g->count = denials->items[0].count;
    g->waiting = denials->items[0].waiting;
    snprintf(g->reason, sizeof g->reason, "%s", denials->items[0].reason);
    snprintf(g->host, sizeof g->host, "%s", denials->items[0].host);
    snprintf(g->method, sizeof g->method, "%s",
             denials->items[0].method ? denials->items[0].method : "");
    snprintf(g->path, sizeof g->path, "%s", denials->items[0].path ? denials->items[0].path : "");
    snprintf(g->last_host, sizeof g->last_host, "%s", denials->items[denials->n - 1].host);
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
    g.most = UINT32_MAX;
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
    uint64_t begin = uv_now(&g->loop);
    for (int i = 0; i < 5; i++)
        deny(g, "a", 443, "/usr/bin/curl");
    while (g->reports == 1)
        uv_run(&g->loop, UV_RUN_ONCE);
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

static void deny_request(struct gateway *g, const char *binary, const char *method,
                         const char *path)
{
    sandbox_denials_add(g->book, &(struct sandbox_denial){
        .host = "a", .port = 443, .binary = binary, .reason = "r", .stage = "connect-l7-deny",
        .method = method, .path = path});
}

static void another_request_is_another_denial(void **state)
{
    struct gateway *g = *state;
    deny(g, "a", 443, "/usr/bin/curl");
    deny_request(g, "/usr/bin/curl", "POST", "/a");
    deny_request(g, "/usr/bin/curl", "POST", "/b");
    deny_request(g, "/usr/bin/curl", "PUT", "/a");
    deny_request(g, "/usr/bin/curl", "POST", "/a");
    uv_run(&g->loop, UV_RUN_ONCE);
    assert_int_equal(g->n, 4);
    assert_string_equal(g->method, "POST");         /* the one seen last */
    assert_string_equal(g->path, "/a");
    assert_int_equal(g->count, 2);
}

static void a_part_of_a_request_is_not_told(void **state)
{
    struct gateway *g = *state;
    char path[DENIALS_PATH_MAX + 2], method[DENIALS_METHOD_MAX + 2];
    memset(path, 'a', sizeof path - 1);
    memset(method, 'M', sizeof method - 1);
    path[0] = '/';
    path[sizeof path - 1] = method[sizeof method - 1] = '\0';
    deny_request(g, "/usr/bin/curl", "POST", path);
    deny_request(g, "/usr/bin/curl", method, "/a");
    assert_false(uv_loop_alive(&g->loop));
    deny_request(g, "/usr/bin/curl", method + 1, path + 1);
    uv_run(&g->loop, UV_RUN_ONCE);
    assert_int_equal(g->n, 1);
}

static void many_paths_of_a_program_displace_no_other_denial(void **state)
{
    struct gateway *g = *state;
    char path[32];
    g->away = true;
    deny(g, "first", 443, "/usr/bin/git");
    for (int i = 0; i < 4 * DENIALS_MAX; i++) {
        snprintf(path, sizeof path, "/p%d", i);
        deny_request(g, "/usr/bin/curl", "POST", path);
    }
    g->away = false;
    sandbox_denials_flush(g->book);
    assert_int_equal(g->received, DENIALS_MAX);
    assert_string_equal(g->last_host, "first");
}

/* The longest texts that a workload can have. */
static void a_batch_of_long_requests_fits_into_a_line(void **state)
{
    struct gateway *g = *state;
    char path[DENIALS_PATH_MAX + 1], binary[4096];
    memset(path, 'a', sizeof path - 1);
    memset(binary, '\x01', sizeof binary - 1);
    path[sizeof path - 1] = binary[sizeof binary - 1] = '\0';
    const char *ancestors[] = {binary, binary, binary};
    g->away = true;
    for (int i = 0; i < DENIALS_BATCH; i++) {
        snprintf(path, 16, "/%d", i);
        path[strlen(path)] = 'x';
        sandbox_denials_add(g->book, &(struct sandbox_denial){
            .host = "a", .port = 443, .binary = binary, .reason = path, .stage = "connect-l7-deny",
            .method = "POST", .path = path, .ancestors = ancestors, .n_ancestors = 3,
            .links = ancestors, .n_links = 3});
    }
    g->away = false;
    sandbox_denials_flush(g->book);
    assert_int_equal(g->received, DENIALS_BATCH);
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
    assert_int_equal(g->received, DENIALS_MAX);
    assert_string_equal(g->first_host, "kept");
    assert_int_equal(g->first_count, DENIALS_MAX + 10);
}

/* Programs whose paths are as long and as awkward as paths can be, started by their like. */
static void deny_at_length(struct gateway *g)
{
    static char path[4096];
    const char *ancestors[64];
    memset(path, 1, sizeof path - 1);
    for (size_t i = 0; i < 64; i++)
        ancestors[i] = path;
    for (int i = 0; i < DENIALS_MAX; i++) {
        char host[32];
        snprintf(host, sizeof host, "h%d", i);
        sandbox_denials_add(g->book, &(struct sandbox_denial){
            .host = host, .port = 443, .binary = path, .reason = path, .stage = "connect",
            .ancestors = ancestors, .n_ancestors = 64});
    }
}

static void long_denials_are_told_in_lines_that_fit(void **state)
{
    struct gateway *g = *state;
    g->away = true;
    deny_at_length(g);
    g->away = false;
    sandbox_denials_flush(g->book);
    assert_int_equal(g->received, DENIALS_MAX);
}

static void what_was_not_taken_is_told_later(void **state)
{
    struct gateway *g = *state;
    g->away = true;
    deny_at_length(g);
    g->away = false;
    g->most = 3;
    sandbox_denials_flush(g->book);
    assert_int_equal(g->reports, 3);
    g->most = UINT32_MAX;
    sandbox_denials_flush(g->book);
    assert_int_equal(g->received, DENIALS_MAX);
}

static void on_turn(uv_timer_t *timer)
{
    struct gateway *g = timer->data;
    char host[32];
    snprintf(host, sizeof host, "h%u", g->flooded++);
    deny(g, host, 443, "/usr/bin/flood");
}

/* Ever new names, each millisecond one. */
static void a_flood_costs_the_gateway_a_bounded_number(void **state)
{
    struct gateway *g = *state;
    uv_timer_t flood;
    uint64_t begin = uv_now(&g->loop);
    uv_timer_init(&g->loop, &flood);
    flood.data = g;
    uv_timer_start(&flood, on_turn, 1, 1);
    while (g->received < DENIALS_MAX)
        uv_run(&g->loop, UV_RUN_ONCE);
    deny(g, "quiet", 443, "/usr/bin/curl");
    while (!g->told_quiet && g->flooded < 16 * DENIALS_MAX)
        uv_run(&g->loop, UV_RUN_ONCE);
    assert_true(g->told_quiet);                     /* it does not wait behind the flood */
    while (g->flooded < 4 * DENIALS_MAX)
        uv_run(&g->loop, UV_RUN_ONCE);
    uint64_t most = DENIALS_MAX + (uv_now(&g->loop) - begin) * DENIALS_PER_SECOND / 1000;
    assert_in_range(g->received, DENIALS_MAX, most);
    uv_close((uv_handle_t *)&flood, NULL);
    uv_run(&g->loop, UV_RUN_NOWAIT);
}

static void flood(struct gateway *g, unsigned n)
{
    char host[32];
    for (unsigned i = 0; i < n; i++) {
        snprintf(host, sizeof host, "h%u", g->flooded++);
        deny(g, host, 443, "/usr/bin/flood");
    }
}

static void a_quiet_program_is_told_before_a_flood_that_waits(void **state)
{
    struct gateway *g = *state;
    uint64_t begin = uv_now(&g->loop);
    flood(g, DENIALS_MAX);
    while (g->received < DENIALS_MAX)
        uv_run(&g->loop, UV_RUN_ONCE);
    flood(g, DENIALS_MAX);
    deny(g, "quiet", 443, "/usr/bin/curl");
    size_t before = g->received;
    while (!g->told_quiet)
        uv_run(&g->loop, UV_RUN_ONCE);
    uint64_t earned = (uv_now(&g->loop) - begin) * DENIALS_PER_SECOND / 1000;
    assert_in_range(g->received - before, 1, 1 + earned);
}

/* ---- requests that wait ---- */

static void wait_for(struct gateway *g, const char *host, unsigned n)
{
    sandbox_denials_set_waiting(
        g->book,
        &(struct sandbox_denial){.host = host, .port = 443, .binary = "/usr/bin/curl"}, n);
    uv_run(&g->loop, UV_RUN_DEFAULT);
}

static void how_many_wait_is_told_with_the_denial_and_when_it_changes(void **state)
{
    struct gateway *g = *state;
    wait_for(g, "a", 1);                            /* no denial is known */
    assert_int_equal(g->reports, 0);
    deny(g, "a", 443, "/usr/bin/curl");
    wait_for(g, "a", 1);
    assert_int_equal(g->reports, 1);
    assert_int_equal(g->count, 1);
    assert_int_equal(g->waiting, 1);
    wait_for(g, "a", 1);
    assert_int_equal(g->reports, 1);
    wait_for(g, "a", 0);
    assert_int_equal(g->reports, 2);
    assert_int_equal(g->count, 0);
    assert_int_equal(g->waiting, 0);
}

/* A tunnel and a forwarded request are decided together. */
static void stages_share_their_number(void **state)
{
    struct gateway *g = *state;
    deny(g, "a", 443, "/usr/bin/curl");
    wait_for(g, "a", 1);
    sandbox_denials_add(g->book, &(struct sandbox_denial){
        .host = "a", .port = 443, .binary = "/usr/bin/curl", .reason = "r", .stage = "forward"});
    uv_run(&g->loop, UV_RUN_DEFAULT);
    assert_int_equal(g->received, 2);
    wait_for(g, "a", 2);
    assert_int_equal(g->received, 3);
    assert_int_equal(g->n, 1);
    assert_int_equal(g->waiting, 2);
}

static void a_gateway_that_is_new_is_told_again(void **state)
{
    struct gateway *g = *state;
    deny(g, "a", 443, "/usr/bin/curl");
    wait_for(g, "a", 2);
    deny(g, "b", 443, "/usr/bin/curl");
    uv_run(&g->loop, UV_RUN_DEFAULT);
    unsigned reports = g->reports;
    sandbox_denials_connected(g->book);
    sandbox_denials_flush(g->book);
    assert_int_equal(g->reports, reports + 1);
    assert_int_equal(g->n, 1);
    assert_string_equal(g->host, "a");
    assert_int_equal(g->count, 0);
    assert_int_equal(g->waiting, 2);
}

static void what_is_waited_for_is_not_forgotten(void **state)
{
    struct gateway *g = *state;
    char host[32];
    g->away = true;
    deny(g, "a", 443, "/usr/bin/curl");
    wait_for(g, "a", 1);
    for (int i = 0; i < 2 * DENIALS_MAX; i++) {
        snprintf(host, sizeof host, "h%d", i);
        deny(g, host, 443, "/usr/bin/curl");
    }
    g->away = false;
    sandbox_denials_flush(g->book);
    assert_string_equal(g->last_host, "a");
    assert_true(g->received <= DENIALS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_quiet_program_is_told_before_a_flood_that_waits,
                                        open_book, close_book),
        cmocka_unit_test_setup_teardown(a_flood_costs_the_gateway_a_bounded_number, open_book,
                                        close_book),
        cmocka_unit_test_setup_teardown(the_first_is_told_at_once_and_more_are_counted, open_book,
                                        close_book),
        cmocka_unit_test_setup_teardown(another_binary_host_or_port_is_another_denial, open_book,
                                        close_book),
        cmocka_unit_test_setup_teardown(another_request_is_another_denial, open_book,
                                        close_book),
        cmocka_unit_test_setup_teardown(a_part_of_a_request_is_not_told, open_book,
                                        close_book),
        cmocka_unit_test_setup_teardown(many_paths_of_a_program_displace_no_other_denial, open_book,
                                        close_book),
        cmocka_unit_test_setup_teardown(a_batch_of_long_requests_fits_into_a_line, open_book,
                                        close_book),
        cmocka_unit_test_setup_teardown(the_latest_reason_is_told, open_book, close_book),
        cmocka_unit_test_setup_teardown(they_wait_for_a_gateway_that_is_away, open_book,
                                        close_book),
        cmocka_unit_test_setup_teardown(the_book_is_bounded_and_forgets_the_oldest, open_book,
                                        close_book),
        cmocka_unit_test_setup_teardown(long_denials_are_told_in_lines_that_fit, open_book,
                                        close_book),
        cmocka_unit_test_setup_teardown(what_was_not_taken_is_told_later, open_book, close_book),
        cmocka_unit_test_setup_teardown(
            how_many_wait_is_told_with_the_denial_and_when_it_changes, open_book, close_book),
        cmocka_unit_test_setup_teardown(stages_share_their_number, open_book, close_book),
        cmocka_unit_test_setup_teardown(a_gateway_that_is_new_is_told_again, open_book, close_book),
        cmocka_unit_test_setup_teardown(what_is_waited_for_is_not_forgotten, open_book, close_book),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
