/* SPDX-License-Identifier: Apache-2.0 */
/* What exporters read, in order, and what they have taken. */
#include "support/store.h"

static int add_batch(struct store_tx *tx, void *batch, struct error *err)
{
    return store_tx_traffic_add(tx, batch, err);
}

static int put(struct store_tx *tx, void *arg, struct error *err)
{
    const struct store_export *e = arg;
    return store_tx_export_hold(tx, e->name, 0, 0, err) < 0 ||
                   store_tx_export_put(tx, arg, 0, err) != 0 ? -1 : 0;
}

static int put_alone(struct store_tx *tx, void *arg, struct error *err)
{
    return store_tx_export_put(tx, arg, 0, err);
}

static int delete_sandbox(struct store_tx *tx, void *id, struct error *err)
{
    return store_tx_sandbox_delete(tx, id, 7, err);
}

static void add(struct fixture *f, uint64_t number, const char *verdict, const char *path)
{
    struct store_traffic item = {.verdict = verdict, .host = "x.test", .port = 443,
                                 .binary = "/usr/bin/curl", .rule = "", .reason = "",
                                 .method = *path ? "GET" : "", .path = path, .count = 1,
                                 .first_seen_ms = (int64_t)number,
                                 .last_seen_ms = (int64_t)number};
    struct store_traffic_batch batch = {"s1", "a", number, &item, 1, false};
    assert_int_equal(store_write(f->store, add_batch, &batch, &f->err), 0);
}

static void take(struct fixture *f, uint64_t audit, uint64_t traffic)
{
    struct store_export e = {.name = "siem", .audit = audit, .traffic = traffic};
    assert_int_equal(store_write(f->store, put, &e, &f->err), 0);
}

static struct store_export taken(struct fixture *f)
{
    struct store_export e;
    assert_int_equal(store_export_get(f->store, "siem", f->arena, &e, &f->err), 0);
    return e;
}

static size_t changed(struct fixture *f, uint64_t after, struct store_traffic **rows)
{
    size_t n;
    assert_int_equal(store_traffic_changed(f->store, after, 5000, f->arena, rows, &n, &f->err), 0);
    return n;
}

static int setup_sandbox(void **state)
{
    setup(state);
    put_sandbox(*state, "s1", "demo");
    return 0;
}

static void a_row_that_changes_comes_again_behind_all_others(void **state)
{
    struct fixture *f = *state;
    struct store_traffic *rows;
    add(f, 1, "allowed", "");
    add(f, 2, "refused", "");
    assert_int_equal(changed(f, 0, &rows), 2);
    assert_string_equal(rows[0].verdict, "allowed");
    uint64_t last = rows[1].changed;
    assert_true(last > rows[0].changed);
    add(f, 3, "allowed", "");
    reopen_store(f);
    add(f, 3, "allowed", "");                       /* again, which counts nothing */
    assert_int_equal(changed(f, last, &rows), 1);
    assert_string_equal(rows[0].verdict, "allowed");
    assert_int_equal(rows[0].count, 2);
    assert_int_equal(changed(f, 0, &rows), 2);
    assert_string_equal(rows[0].verdict, "refused");
}

static void what_was_taken_is_kept_and_what_waits_is_counted(void **state)
{
    struct fixture *f = *state;
    struct store_decision *list;
    uint64_t audit, traffic;
    size_t n;
    struct store_export none = {.name = "siem"};
    assert_int_equal(taken(f).audit, 0);
    assert_int_equal(store_write(f->store, put_alone, &none, &f->err), -1);
    assert_int_equal(f->err.kind, ERROR_MOVED);
    assert_int_equal(put_decision(f, "d1", "one"), 0);
    assert_int_equal(put_decision(f, "d2", "two"), 0);
    add(f, 1, "allowed", "");
    take(f, 1, 0);
    reopen_store(f);
    struct store_export e = taken(f);
    assert_int_equal(e.audit, 1);
    assert_int_equal(store_export_waiting(f->store, &e, &audit, &traffic, &f->err), 0);
    assert_int_equal(audit, 1);
    assert_int_equal(traffic, 1);
    assert_int_equal(store_decision_after(f->store, 1, 10, f->arena, &list, &n, &f->err), 0);
    assert_int_equal(n, 1);
    assert_string_equal(list[0].id, "d2");
    assert_true(*list[0].candidate_json);
    assert_int_equal(store_decision_after(f->store, 0, 1, f->arena, &list, &n, &f->err), 0);
    assert_int_equal(n, 1);
    assert_string_equal(list[0].id, "d1");
}

static void rows_that_go_before_they_were_taken_are_counted(void **state)
{
    struct fixture *f = *state;
    struct store_traffic *rows;
    char path[32];
    take(f, 0, 0);
    for (uint64_t i = 1; i <= STORE_AUDITED_MAX + 3; i++) {
        snprintf(path, sizeof path, "/%d", (int)i);
        add(f, i, "audited", path);
        if (i == STORE_AUDITED_MAX + 2)             /* the fourth is the next one to go */
            take(f, 0, changed(f, 0, &rows) ? rows[0].changed : 0);
    }
    assert_int_equal(taken(f).traffic_missed, 2);
    /* Their counts are in the row without a host, which has changed. */
    size_t n = changed(f, 0, &rows);
    n = changed(f, rows[n - 1].changed - 1, &rows);
    assert_int_equal(n, 1);
    assert_string_equal(rows[0].host, "");
    assert_int_equal(rows[0].count, 3);
}

static void rows_of_a_deleted_sandbox_are_counted_when_they_go(void **state)
{
    struct fixture *f = *state;
    char id[16], name[16];
    add(f, 1, "allowed", "");
    add(f, 2, "refused", "");
    take(f, 0, 1);
    assert_int_equal(store_write(f->store, delete_sandbox, (char[]){"s1"}, &f->err), 0);
    for (int i = 0; i < STORE_TRAFFIC_DELETED_KEPT; i++) {
        snprintf(id, sizeof id, "t%d", i);
        snprintf(name, sizeof name, "other-%d", i);
        put_sandbox(f, id, name);
        assert_int_equal(store_write(f->store, delete_sandbox, id, &f->err), 0);
    }
    assert_int_equal(taken(f).traffic_missed, 1);
}

int main(void)
{
    struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_row_that_changes_comes_again_behind_all_others,
                                        setup_sandbox, teardown),
        cmocka_unit_test_setup_teardown(what_was_taken_is_kept_and_what_waits_is_counted,
                                        setup_sandbox, teardown),
        cmocka_unit_test_setup_teardown(rows_that_go_before_they_were_taken_are_counted,
                                        setup_sandbox, teardown),
        cmocka_unit_test_setup_teardown(rows_of_a_deleted_sandbox_are_counted_when_they_go,
                                        setup_sandbox, teardown),
    };
    return RUN_WITH_EACH_FACTORY(tests);
}
