/* SPDX-License-Identifier: Apache-2.0 */
/* Ceilings, and what a commit expects of them. */
#include "support/store.h"

static int set(struct store_tx *tx, void *arg, struct error *err)
{
    return store_tx_ceiling_set(tx, arg, err);
}

static int delete_ceiling(struct store_tx *tx, void *arg, struct error *err)
{
    return store_tx_ceiling_delete(tx, arg, err);
}

static int expect(struct store_tx *tx, void *arg, struct error *err)
{
    return store_tx_ceiling_expect(tx, *(uint64_t *)arg, err);
}

static struct store_ceiling ceiling(const char *selector, const char *hash)
{
    return (struct store_ceiling){.selector = selector, .policy_json = "{\"version\":1}",
                                  .hash = hash, .actor = "alice", .identity = "token",
                                  .origin = "tcp:192.0.2.7:1", .at_ms = 5};
}

static void ceilings_are_set_replaced_and_deleted(void **state)
{
    struct fixture *f = *state;
    struct store_ceiling team = ceiling("team=a", "1"), all = ceiling("", "2"),
                         again = ceiling("team=a", "3"), *list;
    char selector[] = "team=a";
    uint64_t none = 0;
    size_t n;
    assert_int_equal(store_write(f->store, expect, &none, &f->err), 0);
    assert_int_equal(store_write(f->store, set, &team, &f->err), 0);
    assert_int_equal(store_write(f->store, expect, &none, &f->err), -1);
    assert_int_equal(f->err.kind, ERROR_MOVED);
    assert_int_equal(store_write(f->store, set, &all, &f->err), 0);
    assert_int_equal(store_ceiling_list(f->store, f->arena, &list, &n, &f->err), 0);
    assert_int_equal(n, 2);
    assert_string_equal(list[0].selector, "");
    assert_string_equal(list[1].hash, "1");
    uint64_t newest = list[0].number;
    assert_true(newest > list[1].number);
    assert_int_equal(store_write(f->store, expect, &newest, &f->err), 0);
    assert_int_equal(store_write(f->store, set, &again, &f->err), 0);
    assert_int_equal(store_write(f->store, expect, &newest, &f->err), -1);
    assert_int_equal(store_ceiling_list(f->store, f->arena, &list, &n, &f->err), 0);
    assert_int_equal(n, 2);
    assert_string_equal(list[1].hash, "3");
    assert_true(list[1].number > newest);
    assert_string_equal(list[1].actor, "alice");
    assert_int_equal(store_write(f->store, delete_ceiling, selector, &f->err), 0);
    assert_int_equal(store_write(f->store, delete_ceiling, selector, &f->err), -1);
    assert_int_equal(f->err.kind, ERROR_NOT_FOUND);
    /* A number is not used again. */
    assert_int_equal(store_write(f->store, set, &team, &f->err), 0);
    assert_int_equal(store_ceiling_list(f->store, f->arena, &list, &n, &f->err), 0);
    assert_true(list[1].number > newest + 1);
}

int main(void)
{
    struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ceilings_are_set_replaced_and_deleted, setup, teardown),
    };
    return RUN_WITH_EACH_FACTORY(tests);
}
