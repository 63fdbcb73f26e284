/* SPDX-License-Identifier: Apache-2.0 */
/* Sandboxes that are deleted while something of theirs is still on its way to the loop. */
#include "support/runtime.h"

#include "runtime/sandbox.h"

static void keep_error(void *arg, const struct error *err)
{
    *(struct error *)arg = err ? *err : (struct error){0};
}

static void delete_demo(struct house *h, struct store_sandbox *out)
{
    assert_int_equal(store_sandbox_get(h->f->store, "demo", h->f->arena, out, &h->f->err), 0);
    struct error err = {.kind = ERROR_INTERNAL, .text = "not yet"};
    sandbox_find(h->runtime, out->id)->state = SANDBOX_DOWN;
    runtime_delete(h->runtime, out->id, keep_error, &err);
    RUN_UNTIL(h, strcmp(err.text, "not yet") != 0);
    assert_string_equal(err.text, "");
    assert_null(sandbox_find(h->runtime, out->id));
}

static void a_record_that_was_read_before_brings_none_back(void **state)
{
    struct house *h = *state;
    struct store_sandbox record;
    delete_demo(h, &record);
    assert_null(sandbox_take_record(h->runtime, &record));
    assert_null(sandbox_find(h->runtime, record.id));
    assert_null(sandbox_by_name(h->runtime, "demo"));
}

static void one_that_was_deleted_does_not_start(void **state)
{
    struct house *h = *state;
    struct store_sandbox record;
    struct error err = {.kind = ERROR_INTERNAL, .text = "not yet"};
    delete_demo(h, &record);
    runtime_start(h->runtime, record.id, keep_error, &err);
    RUN_UNTIL(h, strcmp(err.text, "not yet") != 0);
    assert_int_equal(err.kind, ERROR_NOT_FOUND);
    assert_null(sandbox_find(h->runtime, record.id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HOUSE_TEST(a_record_that_was_read_before_brings_none_back),
        HOUSE_TEST(one_that_was_deleted_does_not_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
