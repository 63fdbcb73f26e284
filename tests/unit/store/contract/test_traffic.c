/* SPDX-License-Identifier: Apache-2.0 */
/* The traffic record: each batch counted once, bounded without forgetting what is listed; and
 * events. */
#include "support/store.h"

static int add_batch(struct store_tx *tx, void *batch, struct error *err)
{
    return store_tx_traffic_add(tx, batch, err);
}

static int delete_sandbox(struct store_tx *tx, void *id, struct error *err)
{
    return store_tx_sandbox_delete(tx, id, 7, err);
}

static struct store_traffic request(const char *verdict, const char *host, uint64_t count)
{
    return (struct store_traffic){.verdict = verdict,
                                  .host = host,
                                  .port = 443,
                                  .binary = "/usr/bin/curl",
                                  .rule = "",
                                  .reason = "why",
                                  .count = count,
                                  .first_seen_ms = 10,
                                  .last_seen_ms = 20};
}

static void add(struct fixture *f, const char *source, uint64_t number, struct store_traffic item)
{
    struct store_traffic_batch batch = {"s1", source, number, &item, 1, false};
    assert_int_equal(store_write(f->store, add_batch, &batch, &f->err), 0);
}

static size_t list(struct fixture *f, struct store_traffic_query query, struct store_traffic **out)
{
    size_t n;
    query.sandbox_id = "s1";
    assert_int_equal(store_traffic_list(f->store, &query, f->arena, out, &n, &f->err), 0);
    return n;
}

static uint64_t count_of(struct fixture *f, const char *host)
{
    struct store_traffic *rows;
    size_t n = list(f, (struct store_traffic_query){0}, &rows);
    for (size_t i = 0; i < n; i++)
        if (strcmp(rows[i].host, host) == 0)
            return rows[i].count;
    return 0;
}

static int setup_sandbox(void **state)
{
    setup(state);
    put_sandbox(*state, "s1", "demo");
    return 0;
}

static void a_batch_counts_once_however_often_it_comes(void **state)
{
    struct fixture *f = *state;
    add(f, "a", 1, request("allowed", "x.test", 3));
    add(f, "a", 1, request("allowed", "x.test", 3));
    add(f, "a", 2, request("allowed", "x.test", 4));
    add(f, "a", 1, request("allowed", "x.test", 3));
    reopen_store(f);
    add(f, "a", 2, request("allowed", "x.test", 4));
    assert_int_equal(count_of(f, "x.test"), 7);
    add(f, "b", 1, request("allowed", "x.test", 1));    /* another process of the supervisor */
    assert_int_equal(count_of(f, "x.test"), 8);
}

static void a_row_knows_its_first_and_last_time(void **state)
{
    struct fixture *f = *state;
    struct store_traffic later = request("refused", "x.test", 1), *rows;
    later.first_seen_ms = later.last_seen_ms = 90;
    later.reason = "another";
    add(f, "a", 1, request("refused", "x.test", 1));
    add(f, "a", 2, later);
    add(f, "a", 3, request("allowed", "x.test", 1));
    assert_int_equal(list(f, (struct store_traffic_query){.verdict = "refused"}, &rows), 1);
    assert_int_equal(rows[0].first_seen_ms, 10);
    assert_int_equal(rows[0].last_seen_ms, 90);
    assert_string_equal(rows[0].reason, "another");
    assert_int_equal(list(f, (struct store_traffic_query){.after = rows[0].number}, &rows), 1);
    assert_string_equal(rows[0].verdict, "allowed");
}

/* A flood fills what its own verdict has; the rest is counted, and nothing listed is forgotten. */
static void a_flood_takes_no_row(void **state)
{
    enum { MORE = 30, N = STORE_TRAFFIC_MAX + MORE };
    struct fixture *f = *state;
    struct store_traffic *items = alloc_zero(N, sizeof *items), *rows;
    size_t n;
    add(f, "a", 1, request("allowed", "evidence.test", 1));
    add(f, "a", 2, request("refused", "attempt.test", 1));
    for (int i = 0; i < N; i++)
        items[i] = request("refused", arena_printf(f->arena, "h%d.test", i), 2);
    struct store_traffic_batch batch = {"s1", "a", 3, items, N, false};
    assert_int_equal(store_write(f->store, add_batch, &batch, &f->err), 0);
    assert_int_equal(count_of(f, "evidence.test"), 1);
    assert_int_equal(count_of(f, "attempt.test"), 1);
    assert_int_equal(list(f, (struct store_traffic_query){.verdict = "refused"}, &rows),
                     STORE_TRAFFIC_MAX);
    assert_int_equal(store_traffic_unlisted(f->store, "s1", f->arena, &rows, &n, &f->err), 0);
    assert_int_equal(n, 1);
    assert_string_equal(rows[0].verdict, "refused");
    assert_int_equal(rows[0].count, 2 * (MORE + 1));
    add(f, "a", 4, request("allowed", "another.test", 1));
    assert_int_equal(count_of(f, "another.test"), 1);
    free(items);
}

static struct store_traffic audited(const char *path, const char *tool, int64_t at_ms)
{
    struct store_traffic row = request("audited", "x.test", 1);
    row.method = "POST";
    row.path = path;
    row.tool = tool;
    row.first_seen_ms = row.last_seen_ms = at_ms;
    return row;
}

static void what_is_audited_is_counted_by_request_and_apart(void **state)
{
    const struct store_traffic_query only = {.verdict = "audited"};
    struct fixture *f = *state;
    struct store_traffic *rows;
    add(f, "a", 1, request("allowed", "x.test", 3));
    add(f, "a", 2, audited("/mcp", "one", 1));
    add(f, "a", 3, audited("/mcp", "two", 2));
    add(f, "a", 4, audited("/mcp", "one", 3));
    reopen_store(f);
    add(f, "a", 5, audited("/b", NULL, 4));
    assert_int_equal(list(f, only, &rows), 3);
    assert_int_equal(rows[0].count, 2);
    assert_int_equal(rows[0].last_seen_ms, 3);
    assert_string_equal(rows[0].tool, "one");
    assert_string_equal(rows[1].tool, "two");
    assert_string_equal(rows[2].path, "/b");
    assert_string_equal(rows[2].operation, "");
    assert_int_equal(list(f, (struct store_traffic_query){0}, &rows), 1);
    assert_string_equal(rows[0].verdict, "allowed");
}

/* Those that were seen longest ago make room, and are counted. */
static void a_flood_of_what_is_audited_drops_the_oldest(void **state)
{
    enum { MORE = 30 };
    struct fixture *f = *state;
    struct store_traffic *items = alloc_zero(STORE_AUDITED_MAX, sizeof *items), *rows;
    size_t n;
    add(f, "a", 1, request("allowed", "evidence.test", 1));
    for (int i = 0; i < STORE_AUDITED_MAX; i++)
        items[i] = audited(arena_printf(f->arena, "/%d", i), "", i + 1);
    struct store_traffic_batch batch = {"s1", "a", 2, items, STORE_AUDITED_MAX, false};
    assert_int_equal(store_write(f->store, add_batch, &batch, &f->err), 0);
    add(f, "a", 3, audited("/0", "", 5000));            /* the first one comes again */
    for (int i = 0; i < MORE; i++)
        add(f, "a", (uint64_t)(4 + i), audited(arena_printf(f->arena, "/new%d", i), "", 6000 + i));
    assert_int_equal(list(f, (struct store_traffic_query){.verdict = "audited"}, &rows),
                     STORE_AUDITED_MAX);
    assert_string_equal(rows[0].path, "/0");
    assert_string_equal(rows[1].path, "/31");
    assert_string_equal(rows[STORE_AUDITED_MAX - 1].path, "/new29");
    assert_int_equal(store_traffic_unlisted(f->store, "s1", f->arena, &rows, &n, &f->err), 0);
    assert_int_equal(n, 1);
    assert_string_equal(rows[0].verdict, "audited");
    assert_int_equal(rows[0].count, MORE);
    assert_int_equal(count_of(f, "evidence.test"), 1);
    free(items);
}

static void what_passed_is_counted_by_request_and_apart(void **state)
{
    struct fixture *f = *state;
    struct store_traffic *rows, row = audited("/x", "", 1);
    row.verdict = "passed";
    add(f, "a", 1, request("allowed", "x.test", 1));
    add(f, "a", 2, audited("/x", "", 1));
    add(f, "a", 3, row);
    row.last_seen_ms = 7;
    add(f, "a", 4, row);
    assert_int_equal(list(f, (struct store_traffic_query){.verdict = "passed"}, &rows), 1);
    assert_int_equal(rows[0].count, 2);
    assert_int_equal(rows[0].first_seen_ms, 1);
    assert_int_equal(rows[0].last_seen_ms, 7);
    assert_int_equal(list(f, (struct store_traffic_query){.verdict = "audited"}, &rows), 1);
    assert_int_equal(list(f, (struct store_traffic_query){0}, &rows), 1);
}

static void a_flood_of_what_passed_drops_the_oldest(void **state)
{
    enum { MORE = 30, N = STORE_PASSED_MAX + MORE };
    struct fixture *f = *state;
    struct store_traffic *items = alloc_zero(N, sizeof *items), *rows;
    size_t n;
    add(f, "a", 1, audited("/kept", "", 1));
    for (int i = 0; i < N; i++) {
        items[i] = audited(arena_printf(f->arena, "/%d", i), "", i + 1);
        items[i].verdict = "passed";
    }
    struct store_traffic_batch batch = {"s1", "a", 2, items, N, false};
    assert_int_equal(store_write(f->store, add_batch, &batch, &f->err), 0);
    assert_int_equal(list(f, (struct store_traffic_query){.verdict = "passed"}, &rows),
                     STORE_PASSED_MAX);
    assert_string_equal(rows[0].path, "/30");
    assert_int_equal(store_traffic_unlisted(f->store, "s1", f->arena, &rows, &n, &f->err), 0);
    assert_int_equal(n, 1);
    assert_string_equal(rows[0].verdict, "passed");
    assert_int_equal(rows[0].count, MORE);
    assert_int_equal(rows[0].last_seen_ms, MORE);
    assert_int_equal(list(f, (struct store_traffic_query){.verdict = "audited"}, &rows), 1);
    batch.number = 3;
    batch.observe = true;                           /* it has more room */
    assert_int_equal(store_write(f->store, add_batch, &batch, &f->err), 0);
    assert_int_equal(list(f, (struct store_traffic_query){.verdict = "passed"}, &rows), N);
    free(items);
}

static void rows_outlive_their_sandbox_for_a_while(void **state)
{
    struct fixture *f = *state;
    struct store_sandbox sandbox;
    add(f, "a", 1, request("allowed", "x.test", 1));
    assert_int_equal(store_write(f->store, delete_sandbox, (void *)"s1", &f->err), 0);
    assert_int_equal(store_sandbox_ever(f->store, "demo", f->arena, &sandbox, &f->err), 0);
    assert_string_equal(sandbox.id, "s1");
    assert_int_equal(count_of(f, "x.test"), 1);
    for (int i = 0; i < STORE_TRAFFIC_DELETED_KEPT; i++) {
        const char *id = arena_printf(f->arena, "d%d", i);
        put_sandbox(f, id, "demo");
        assert_int_equal(store_sandbox_ever(f->store, "demo", f->arena, &sandbox, &f->err), 0);
        assert_string_equal(sandbox.id, id);
        assert_int_equal(count_of(f, "x.test"), 1);
        assert_int_equal(store_write(f->store, delete_sandbox, (void *)id, &f->err), 0);
    }
    assert_int_equal(count_of(f, "x.test"), 0);
}

/* ---- events ---- */

static int put_event(struct store_tx *tx, void *event, struct error *err)
{
    return store_tx_event_insert(tx, event, err);
}

static int trim_events(struct store_tx *tx, void *of_workload, struct error *err)
{
    return store_tx_event_trim(tx, *(bool *)of_workload, 2, err);
}

static void events_are_trimmed_apart_and_their_ids_never_return(void **state)
{
    struct fixture *f = *state;
    struct store_event *out;
    size_t n;
    uint64_t last;
    bool classes[] = {true, false};
    for (uint64_t id = 1; id <= 9; id++) {
        struct store_event event = {id, id > 1, "t", "demo", "{}"};
        assert_int_equal(store_write(f->store, put_event, &event, &f->err), 0);
    }
    for (int i = 0; i < 2; i++)
        assert_int_equal(store_write(f->store, trim_events, &classes[i], &f->err), 0);
    reopen_store(f);
    assert_int_equal(store_event_list(f->store, f->arena, &out, &n, &last, &f->err), 0);
    assert_int_equal(n, 3);
    assert_int_equal(out[0].id, 1);
    assert_int_equal(out[1].id, 8);
    assert_int_equal(last, 9);
}

#define STORE_TEST(test) cmocka_unit_test_setup_teardown(test, setup_sandbox, teardown)

int main(void)
{
    struct CMUnitTest tests[] = {
        STORE_TEST(a_batch_counts_once_however_often_it_comes),
        STORE_TEST(a_row_knows_its_first_and_last_time),
        STORE_TEST(a_flood_takes_no_row),
        STORE_TEST(what_is_audited_is_counted_by_request_and_apart),
        STORE_TEST(a_flood_of_what_is_audited_drops_the_oldest),
        STORE_TEST(what_passed_is_counted_by_request_and_apart),
        STORE_TEST(a_flood_of_what_passed_drops_the_oldest),
        STORE_TEST(rows_outlive_their_sandbox_for_a_while),
        STORE_TEST(events_are_trimmed_apart_and_their_ids_never_return),
    };
    return RUN_WITH_EACH_FACTORY(tests);
}
