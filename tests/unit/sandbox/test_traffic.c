/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/supervisor/traffic.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A gateway that acknowledges each batch when the loop comes round. */
struct gateway {
    uv_loop_t loop;
    uv_idle_t acknowledge;
    struct traffic_book *book;
    bool away;
    uint64_t unacknowledged;                        /* a batch's number; 0: none */
    char source[64];
    unsigned batches;
    uint64_t listed, unlisted;                      /* audited requests, with a host and without */
    size_t rows;                                    /* items with a host */
    struct buf seen;                                /* all of them that are no flood */
};

/* A longer line would make the gateway give up the stream. */
static void check_line(const struct sandbox_traffic *batch)
{
    struct sandbox_message message = {.type = MESSAGE_TRAFFIC, .traffic = *batch};
    struct buf line = {0};
    sandbox_message_encode(&message, &line);
    assert_true(line.len < SANDBOX_LINE_MAX);
    buf_free(&line);
}

static const char *or_dash(const char *text)
{
    return text ? text : "-";
}

static void take_item(struct gateway *g, const struct sandbox_traffic_item *i)
{
    bool audited = strcmp(i->verdict, "audited") == 0;
    g->rows += *i->host != '\0';
    if (audited && *i->host)
        g->listed += i->count;
    else if (audited)
        g->unlisted += i->count;
    if (i->path && strncmp(i->path, "/flood", 6) == 0)
        return;
    buf_printf(&g->seen, "%s %s %s %s %s %s %s %llu %s\n", i->verdict, i->host,
               or_dash(i->method), or_dash(i->path), or_dash(i->operation), or_dash(i->rpc_method),
               or_dash(i->tool), (unsigned long long)i->count, i->reason);
}

static bool receive(void *ctx, const struct sandbox_traffic *batch)
{
    struct gateway *g = ctx;
    if (g->away)
        return false;
    check_line(batch);
    g->batches++;
    for (size_t i = 0; i < batch->n; i++)
        take_item(g, &batch->items[i]);
    g->unacknowledged = batch->number;
    snprintf(g->source, sizeof g->source, "%s", batch->source);
    return true;
}

static void acknowledge(uv_idle_t *idle)
{
    struct gateway *g = idle->data;
    uint64_t number = g->unacknowledged;
    g->unacknowledged = 0;
    const struct sandbox_traffic ack = {.source = g->source, .number = number};
    if (number)
        sandbox_traffic_acknowledged(g->book, &ack);
}

#define CALL                                                                                \
    {.host = "x.test", .port = 443, .binary = "/bin/a", .rule = "r", .reason = "no",        \
     .method = "POST", .path = "/mcp", .rpc_method = "tools/call", .tool = "drop"}

static void audit(struct gateway *g, struct egress_passed call)
{
    uv_update_time(&g->loop);
    sandbox_traffic_add_audited(g->book, &call);
}

static void audit_path(struct gateway *g, const char *path)
{
    struct egress_passed call = CALL;
    call.path = path;
    audit(g, call);
}

static int open_book(void **state)
{
    static struct gateway g;
    memset(&g, 0, sizeof g);
    uv_loop_init(&g.loop);
    uv_idle_init(&g.loop, &g.acknowledge);
    g.acknowledge.data = &g;
    uv_idle_start(&g.acknowledge, acknowledge);
    g.book = sandbox_traffic_new(&g.loop, receive, &g);
    *state = &g;
    return 0;
}

static int close_book(void **state)
{
    struct gateway *g = *state;
    sandbox_traffic_close(g->book);
    uv_close((uv_handle_t *)&g->acknowledge, NULL);
    uv_run(&g->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&g->loop), 0);
    buf_free(&g->seen);
    return 0;
}

#define UNTIL(g, condition)                                                                 \
    do                                                                                      \
        uv_run(&(g)->loop, UV_RUN_NOWAIT);                                                  \
    while (!(condition))

static void the_first_request_is_told_at_once_and_repeats_are_counted(void **state)
{
    struct gateway *g = *state;
    audit(g, (struct egress_passed)CALL);
    for (int i = 0; i < 3; i++)
        uv_run(&g->loop, UV_RUN_NOWAIT);
    assert_int_equal(g->batches, 1);
    for (int i = 0; i < 3; i++)
        audit(g, (struct egress_passed)CALL);
    UNTIL(g, g->batches == 2);
    assert_string_equal(g->seen.data, "audited x.test POST /mcp - tools/call drop 1 no\n"
                                      "audited x.test POST /mcp - tools/call drop 3 no\n");
}

static void requests_differ_by_each_text_and_the_latest_reason_counts(void **state)
{
    struct gateway *g = *state;
    struct egress_passed call = CALL;
    call.tool = "keep";
    audit(g, (struct egress_passed)CALL);
    audit(g, call);
    call = (struct egress_passed)CALL;
    call.path = "/other";
    audit(g, call);
    call = (struct egress_passed){.host = "x.test", .port = 443, .binary = "/bin/a", .rule = "r",
                                   .reason = "no", .method = "POST", .path = "/mcp",
                                   .operation = "query Q"};
    audit(g, call);
    call.reason = "another";
    audit(g, call);
    UNTIL(g, g->listed == 5);
    assert_int_equal(g->rows, 4);
    assert_non_null(strstr(g->seen.data, "POST /mcp - tools/call drop 1 no\n"));
    assert_non_null(strstr(g->seen.data, "POST /mcp - tools/call keep 1 no\n"));
    assert_non_null(strstr(g->seen.data, "POST /other - tools/call drop 1 no\n"));
    assert_non_null(strstr(g->seen.data, "POST /mcp query Q - - 2 another\n"));
}

static void texts_of_the_workload_are_escaped_and_bounded(void **state)
{
    struct gateway *g = *state;
    struct egress_passed call = CALL;
    char *path = malloc(100000);
    memset(path, '/', 99999);
    path[99999] = '\0';
    call.tool = "\xff\xc3\xa9";
    audit(g, call);
    call.path = call.tool = call.rpc_method = call.reason = path;
    audit(g, call);
    UNTIL(g, g->listed == 2);
    assert_non_null(strstr(g->seen.data, "tools/call \\xff\xc3\xa9 1 no\n"));
    assert_in_range(g->seen.len, TRAFFIC_PATH_MAX, TRAFFIC_PATH_MAX + 1200);
    free(path);
}

/* A rule must not be made of it. */
static void what_passed_and_is_not_told_as_it_was_says_so(void **state)
{
    struct gateway *g = *state;
    struct egress_passed call = CALL;
    char *name = malloc(1000);
    memset(name, 'x', 999);
    name[999] = '\0';
    call.reason = "";
    sandbox_traffic_add_passed(g->book, &call);
    call.tool = name;
    for (int i = 0; i < 2; i++)
        sandbox_traffic_add_passed(g->book, &call);
    call.tool = "\xff";
    sandbox_traffic_add_passed(g->book, &call);
    UNTIL(g, g->rows == 3);
    assert_non_null(strstr(g->seen.data, "passed x.test POST /mcp - tools/call drop 1 \n"));
    assert_non_null(strstr(g->seen.data, "xxx 2 a name in it is too long, or no text\n"));
    assert_non_null(strstr(g->seen.data, "tools/call \\xff 1 a name in it is too long, or no"));
    free(name);
}

/* What is audited has room of its own.  What does not fit is counted without a host. */
static void a_flood_takes_no_place_of_a_refusal(void **state)
{
    enum { N = 5000 };
    struct gateway *g = *state;
    const struct egress_line refused = {.outcome = true, .verdict = STORE_TRAFFIC_REFUSED,
                                        .host = "y.test", .port = 443, .binary = "/bin/b",
                                        .rule = "", .reason = "never"};
    g->away = true;
    for (int i = 0; i < N; i++) {
        char path[32];
        snprintf(path, sizeof path, "/flood/%d", i);
        audit_path(g, path);
    }
    sandbox_traffic_add(g->book, &refused);
    g->away = false;
    sandbox_traffic_connected(g->book);
    UNTIL(g, g->listed + g->unlisted == N && g->rows == TRAFFIC_MAX + 1);
    assert_int_equal(g->listed, TRAFFIC_MAX);
    assert_non_null(strstr(g->seen.data, "refused y.test - - - - - 1 never\n"));
}

/* A workload that asks for something new each time gets no more writes of the gateway for it. */
static void new_requests_are_told_at_a_rate(void **state)
{
    struct gateway *g = *state;
    uint64_t begun = uv_hrtime();
    for (int i = 0; g->listed + g->unlisted < 500; i++) {
        char path[32];
        snprintf(path, sizeof path, "/flood/%d", i);
        if (i < 500)
            audit_path(g, path);
        uv_run(&g->loop, UV_RUN_NOWAIT);
    }
    uint64_t seconds = (uv_hrtime() - begun) / 1000000000 + 1;
    assert_in_range(g->batches, 2,
                    (seconds + 1) * (TRAFFIC_AT_ONCE_MAX + 1000 / TRAFFIC_PACE_MS + 1));
}

#define BOOK_TEST(test) cmocka_unit_test_setup_teardown(test, open_book, close_book)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOOK_TEST(the_first_request_is_told_at_once_and_repeats_are_counted),
        BOOK_TEST(requests_differ_by_each_text_and_the_latest_reason_counts),
        BOOK_TEST(texts_of_the_workload_are_escaped_and_bounded),
        BOOK_TEST(what_passed_and_is_not_told_as_it_was_says_so),
        BOOK_TEST(a_flood_takes_no_place_of_a_refusal),
        BOOK_TEST(new_requests_are_told_at_a_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
