/* SPDX-License-Identifier: Apache-2.0 */
/* Workspaces, and the sandboxes that are in them. */
#include "support/store.h"

static int insert(struct store_tx *tx, void *name, struct error *err)
{
    const struct store_workspace workspace = {name, name, "{}", 7};
    return store_tx_workspace_insert(tx, &workspace, err);
}

static int remove_named(struct store_tx *tx, void *name, struct error *err)
{
    return store_tx_workspace_delete(tx, name, err);
}

static int delete_sandbox(struct store_tx *tx, void *id, struct error *err)
{
    return store_tx_sandbox_delete(tx, id, 7, err);
}

static int change(struct fixture *f, store_write_fn fn, const char *name)
{
    f->err = (struct error){0};
    return store_write(f->store, fn, (void *)(uintptr_t)name, &f->err);
}

static int put_in(struct fixture *f, const char *id, const char *workspace)
{
    struct store_sandbox sandbox = a_sandbox(id, id);
    sandbox.workspace = workspace;
    f->err = (struct error){0};
    return store_write(f->store, insert_sandbox, &sandbox, &f->err);
}

static void assert_refused(struct fixture *f, int rc, enum error_kind kind, const char *text)
{
    assert_int_equal(rc, -1);
    assert_int_equal(f->err.kind, kind);
    assert_string_equal(f->err.text, text);
}

static void there_is_a_default_one_that_stays(void **state)
{
    struct fixture *f = *state;
    struct store_workspace found;
    assert_int_equal(store_workspace_get(f->store, STORE_WORKSPACE, f->arena, &found, &f->err), 0);
    assert_string_equal(found.labels_json, "{}");
    assert_true(found.created_at_ms > 0);
    assert_refused(f, change(f, remove_named, STORE_WORKSPACE), ERROR_STATE,
                   "the default workspace cannot be deleted");
    assert_refused(f, change(f, insert, STORE_WORKSPACE), ERROR_EXISTS, "workspace already exists");
}

static void a_sandbox_is_in_one_that_there_is(void **state)
{
    struct fixture *f = *state;
    struct store_sandbox s;
    assert_int_equal(change(f, insert, "mine"), 0);
    assert_int_equal(put_in(f, "s1", NULL), 0);
    assert_int_equal(put_in(f, "s2", "mine"), 0);
    assert_int_equal(store_sandbox_get(f->store, "s1", f->arena, &s, &f->err), 0);
    assert_string_equal(s.workspace, STORE_WORKSPACE);
    assert_int_equal(store_sandbox_get(f->store, "s2", f->arena, &s, &f->err), 0);
    assert_string_equal(s.workspace, "mine");
    assert_refused(f, put_in(f, "s3", "other"), ERROR_NOT_FOUND, "workspace 'other' not found");
    assert_refused(f, put_in(f, "s2", NULL), ERROR_EXISTS, "sandbox 's2' exists already");
}

static void one_is_deleted_when_its_sandboxes_are(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(change(f, insert, "mine"), 0);
    assert_int_equal(put_in(f, "s1", "mine"), 0);
    assert_refused(f, change(f, remove_named, "mine"), ERROR_STATE,
                   "workspace 'mine' still contains resources: sandbox");
    assert_int_equal(change(f, delete_sandbox, "s1"), 0);
    assert_int_equal(change(f, remove_named, "mine"), 0);
    assert_refused(f, change(f, remove_named, "mine"), ERROR_NOT_FOUND,
                   "workspace 'mine' not found");
}

#define STORE_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    struct CMUnitTest tests[] = {
        STORE_TEST(there_is_a_default_one_that_stays),
        STORE_TEST(a_sandbox_is_in_one_that_there_is),
        STORE_TEST(one_is_deleted_when_its_sandboxes_are),
    };
    return RUN_WITH_EACH_FACTORY(tests);
}
