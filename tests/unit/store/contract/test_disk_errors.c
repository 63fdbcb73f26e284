/* SPDX-License-Identifier: Apache-2.0 */
/* An error of the disk is reported, at whichever write it happens, and what failed is not there. */
#include "support/store_script.h"

/* A step that failed is not there, and is taken the second time. */
static void run_step_again(struct fixture *f, int step)
{
    if (run_step(f->store, step, &f->err) == 0)
        return;
    assert_int_equal(f->err.kind, ERROR_IO);
    assert_int_equal(check_steps(f), step - 1);
    if (run_step(f->store, step, &f->err) != 0)
        fail_msg("%s", f->err.text);
}

static bool fail_at(struct fixture *f, unsigned at)
{
    struct error err = {0};
    f->factory->make(&f->place, true);
    f->factory->watch_disk(&f->place);
    f->factory->break_disk(&f->place, BREAK_FAIL, at);
    f->store = store_open(f->place.url, &f->log, &err);
    if (!f->store) {
        assert_int_equal(err.kind, ERROR_IO);
        open_store(f);
    }
    for (int step = 0; step < script_steps(); step++)
        run_step_again(f, step);
    assert_int_equal(check_steps(f), script_steps() - 1);
    close_store(f);
    bool broke = f->factory->disk_broke(&f->place);
    f->factory->release_disk(&f->place);
    check_afterwards(f, script_steps() - 1);
    f->factory->remove(&f->place);
    return broke;
}

static void an_error_at_any_write_is_reported_and_leaves_nothing(void **state)
{
    struct fixture once = *(struct fixture *)*state;
    unsigned at = 1;
    if (!once.factory->watch_disk)
        skip();
    while (fail_at(&once, at))
        at++;
    assert_true(at > 50);
}

int main(void)
{
    struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_error_at_any_write_is_reported_and_leaves_nothing,
                                        setup_closed, teardown),
    };
    return RUN_WITH_EACH_FACTORY(tests);
}
