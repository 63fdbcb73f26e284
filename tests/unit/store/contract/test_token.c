/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens of people and programs. */
#include "support/store.h"

static int insert(struct store_tx *tx, void *arg, struct error *err)
{
    return store_tx_token_insert(tx, arg, err);
}

static int get(struct store_tx *tx, void *arg, struct error *err)
{
    struct store_token *t = arg;
    struct arena *arena = arena_new();
    struct store_token found;
    int rc = store_tx_token_get(tx, t->name, arena, &found, err);
    if (rc == 0) {
        assert_string_equal(found.role, t->role);
        assert_int_equal(found.expires_at_ms, t->expires_at_ms);
    }
    arena_free(arena);
    return rc;
}

static int delete_token(struct store_tx *tx, void *arg, struct error *err)
{
    return store_tx_token_delete(tx, ((struct store_token *)arg)->id, err);
}

static struct store_token token(const char *id, const char *name)
{
    return (struct store_token){.id = id, .name = name, .sha256 = id, .role = "user",
                                .sandbox = "", .sandbox_id = "", .created_by = "root",
                                .created_at_ms = 5, .expires_at_ms = 9};
}

static void tokens_come_and_go(void **state)
{
    struct fixture *f = *state;
    struct store_token a = token("1", "a"), b = token("2", "b"), again = token("3", "a"), *list;
    size_t n;
    assert_int_equal(store_write(f->store, insert, &b, &f->err), 0);
    assert_int_equal(store_write(f->store, insert, &a, &f->err), 0);
    assert_int_equal(store_write(f->store, insert, &again, &f->err), -1);
    assert_int_equal(f->err.kind, ERROR_EXISTS);
    assert_int_equal(store_token_list(f->store, f->arena, &list, &n, &f->err), 0);
    assert_int_equal(n, 2);
    assert_string_equal(list[0].name, "a");
    assert_string_equal(list[1].created_by, "root");
    struct store_token by_id = token("1", "1");
    assert_int_equal(store_write(f->store, get, &a, &f->err), 0);
    assert_int_equal(store_write(f->store, get, &by_id, &f->err), 0);
    assert_int_equal(store_write(f->store, delete_token, &a, &f->err), 0);
    assert_int_equal(store_write(f->store, delete_token, &a, &f->err), -1);
    assert_int_equal(f->err.kind, ERROR_NOT_FOUND);
    assert_int_equal(store_write(f->store, insert, &again, &f->err), 0);
}

int main(void)
{
    struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(tokens_come_and_go, setup, teardown),
    };
    return RUN_WITH_EACH_FACTORY(tests);
}
