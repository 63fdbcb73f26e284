/* SPDX-License-Identifier: Apache-2.0 */
/* Providers, their sealed values, and the sandboxes that use them. */
#include "support/store.h"

struct change {
    const char *provider, *name, *other;
    int rc;
};

static int insert(struct store_tx *tx, void *arg, struct error *err)
{
    const struct change *c = arg;
    const struct store_provider provider = {.id = c->provider, .name = c->name,
                                            .profile = "generic", .created_at_ms = 5};
    return store_tx_provider_insert(tx, &provider, err);
}

static int rotate(struct store_tx *tx, void *arg, struct error *err)
{
    return store_tx_provider_rotated(tx, ((const struct change *)arg)->provider, 9, err);
}

static int delete_provider(struct store_tx *tx, void *arg, struct error *err)
{
    return store_tx_provider_delete(tx, ((const struct change *)arg)->provider, err);
}

static int put(struct store_tx *tx, void *arg, struct error *err)
{
    const struct change *c = arg;
    const struct store_credential credential = {c->provider, c->name, c->other};
    return store_tx_credential_put(tx, &credential, err);
}

/* other: the sandbox. */
static int attach(struct store_tx *tx, void *arg, struct error *err)
{
    struct change *c = arg;
    const struct store_attachment attachment = {.provider_id = c->provider, .sandbox_id = c->other,
                                                .handle = c->name, .at_ms = 6};
    return (c->rc = store_tx_attachment_add(tx, &attachment, err)) < 0 ? -1 : 0;
}

static int detach(struct store_tx *tx, void *arg, struct error *err)
{
    struct change *c = arg;
    return (c->rc = store_tx_attachment_delete(tx, c->provider, c->other, err)) < 0 ? -1 : 0;
}

static int delete_sandbox(struct store_tx *tx, void *id, struct error *err)
{
    return store_tx_sandbox_delete(tx, id, 7, err);
}

static int change(struct fixture *f, store_write_fn fn, const char *provider, const char *name,
                 const char *other)
{
    struct change c = {provider, name, other, 0};
    f->err = (struct error){0};
    return store_write(f->store, fn, &c, &f->err) == 0 ? c.rc : -1;
}

static size_t attached(struct fixture *f, const char *provider, const char *sandbox,
                       struct store_attachment **list)
{
    size_t n;
    assert_int_equal(store_attachment_list(f->store, provider, sandbox, f->arena, list, &n,
                                           &f->err), 0);
    return n;
}

static int setup_providers(void **state)
{
    setup(state);
    put_sandbox(*state, "s1", "demo");
    put_sandbox(*state, "s2", "other");
    assert_int_equal(change(*state, insert, "p1", "one", NULL), 0);
    assert_int_equal(change(*state, insert, "p2", "two", NULL), 0);
    return 0;
}

static void providers_are_found_by_name_and_listed(void **state)
{
    struct fixture *f = *state;
    struct store_provider p, *list;
    size_t n;
    assert_int_equal(store_provider_get(f->store, "one", f->arena, &p, &f->err), 0);
    assert_string_equal(p.id, "p1");
    assert_string_equal(p.profile, "generic");
    assert_int_equal(p.created_at_ms, 5);
    assert_int_equal(p.rotations, 0);
    assert_int_equal(p.rotated_at_ms, 0);
    assert_int_equal(store_provider_list(f->store, f->arena, &list, &n, &f->err), 0);
    assert_int_equal(n, 2);
    assert_string_equal(list[0].name, "one");
    assert_string_equal(list[1].name, "two");
    assert_int_equal(store_provider_get(f->store, "none", f->arena, &p, &f->err), -1);
    assert_int_equal(f->err.kind, ERROR_NOT_FOUND);
    assert_non_null(strstr(f->err.text, "provider 'none' not found"));
}

static void a_name_is_taken_once(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(change(f, insert, "p3", "one", NULL), -1);
    assert_int_equal(f->err.kind, ERROR_EXISTS);
    assert_non_null(strstr(f->err.text, "provider 'one' exists already"));
}

static void a_rotation_is_counted_and_dated(void **state)
{
    struct fixture *f = *state;
    struct store_provider p;
    assert_int_equal(change(f, rotate, "p1", NULL, NULL), 0);
    assert_int_equal(change(f, rotate, "p1", NULL, NULL), 0);
    assert_int_equal(store_provider_get(f->store, "one", f->arena, &p, &f->err), 0);
    assert_int_equal(p.rotations, 2);
    assert_int_equal(p.rotated_at_ms, 9);
    assert_int_equal(change(f, rotate, "gone", NULL, NULL), -1);
    assert_int_equal(f->err.kind, ERROR_NOT_FOUND);
}

static void a_value_takes_the_place_of_the_one_with_its_name(void **state)
{
    struct fixture *f = *state;
    struct store_credential *list;
    size_t n;
    assert_int_equal(change(f, put, "p1", "B", "sealed-b"), 0);
    assert_int_equal(change(f, put, "p1", "A", "sealed-a"), 0);
    assert_int_equal(change(f, put, "p1", "B", "sealed-c"), 0);
    assert_int_equal(change(f, put, "p2", "A", "another"), 0);
    assert_int_equal(store_credential_list(f->store, "p1", f->arena, &list, &n, &f->err), 0);
    assert_int_equal(n, 2);
    assert_string_equal(list[0].name, "A");
    assert_string_equal(list[0].sealed, "sealed-a");
    assert_string_equal(list[1].sealed, "sealed-c");
}

static void an_attachment_keeps_the_handle_that_it_was_made_with(void **state)
{
    struct fixture *f = *state;
    struct store_attachment *list;
    assert_int_equal(change(f, attach, "p1", "handle-1", "s1"), 1);
    assert_int_equal(change(f, attach, "p1", "handle-2", "s1"), 0);
    assert_int_equal(change(f, attach, "p1", "handle-3", "s2"), 1);
    assert_int_equal(change(f, attach, "p2", "handle-4", "s1"), 1);
    assert_int_equal(attached(f, NULL, "s1", &list), 2);
    assert_string_equal(list[0].handle, "handle-1");
    assert_string_equal(list[0].provider, "one");
    assert_string_equal(list[0].sandbox, "demo");
    assert_string_equal(list[1].provider, "two");
    assert_int_equal(attached(f, "p1", NULL, &list), 2);
    assert_int_equal(attached(f, "p1", "s2", &list), 1);
    assert_int_equal(change(f, detach, "p1", NULL, "s1"), 1);
    assert_int_equal(change(f, detach, "p1", NULL, "s1"), 0);
    assert_int_equal(attached(f, NULL, "s1", &list), 1);
}

static void what_belongs_to_a_provider_or_a_sandbox_goes_with_it(void **state)
{
    struct fixture *f = *state;
    struct store_attachment *list;
    struct store_credential *credentials;
    size_t n;
    assert_int_equal(change(f, put, "p1", "A", "sealed"), 0);
    assert_int_equal(change(f, attach, "p2", "handle", "s1"), 1);
    assert_int_equal(change(f, delete_provider, "p1", NULL, NULL), 0);
    assert_int_equal(change(f, delete_provider, "p1", NULL, NULL), -1);
    assert_int_equal(f->err.kind, ERROR_NOT_FOUND);
    assert_int_equal(store_credential_list(f->store, "p1", f->arena, &credentials, &n, &f->err), 0);
    assert_int_equal(n, 0);
    assert_int_equal(store_write(f->store, delete_sandbox, (void *)"s1", &f->err), 0);
    assert_int_equal(attached(f, "p2", NULL, &list), 0);
    assert_int_equal(change(f, delete_provider, "p2", NULL, NULL), 0);
}

#define STORE_TEST(test) cmocka_unit_test_setup_teardown(test, setup_providers, teardown)

int main(void)
{
    struct CMUnitTest tests[] = {
        STORE_TEST(providers_are_found_by_name_and_listed),
        STORE_TEST(a_name_is_taken_once),
        STORE_TEST(a_rotation_is_counted_and_dated),
        STORE_TEST(a_value_takes_the_place_of_the_one_with_its_name),
        STORE_TEST(an_attachment_keeps_the_handle_that_it_was_made_with),
        STORE_TEST(what_belongs_to_a_provider_or_a_sandbox_goes_with_it),
    };
    return RUN_WITH_EACH_FACTORY(tests);
}
