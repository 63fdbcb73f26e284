/* SPDX-License-Identifier: Apache-2.0 */
/* Loading voters on requests beside the loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "chain/inspect/set.h"
#include "sandbox/supervisor/inspectors.h"

struct fixture {
    uv_loop_t loop;
    struct held_inspectors held;
    char folder[64];
    unsigned changes;
    bool stopped;
};

static void on_changed(void *ctx)
{
    ((struct fixture *)ctx)->changes++;
}

static bool tell(void *ctx, const struct sandbox_inspected *counts)
{
    (void)ctx;
    (void)counts;
    return false;
}

static int setup(void **state)
{
    struct fixture *f = alloc_zero(1, sizeof *f);
    snprintf(f->folder, sizeof f->folder, "/tmp/sluice-inspectors-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    uv_loop_init(&f->loop);
    f->held = (struct held_inspectors){.tell = tell, .changed = on_changed, .ctx = f};
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char path[128];
    if (!f->stopped)
        sandbox_inspectors_close(&f->held, NULL);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    for (const char *name = "abc"; *name; name++) {
        snprintf(path, sizeof path, "%s/%c.lua", f->folder, *name);
        unlink(path);
    }
    rmdir(f->folder);
    free(f);
    return 0;
}

/* A rule of this name.  digest: that of the whole. */
static bool use(struct fixture *f, const char *name, const char *digest, bool now)
{
    char path[128], config[512];
    snprintf(path, sizeof path, "%s/%s.lua", f->folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("return {inspect = function(r, ballot) return ballot:allow() end}\n", file);
    assert_int_equal(fclose(file), 0);
    snprintf(config, sizeof config,
             "{\"voters\": [{\"script\": \"%s\", \"isolation\": \"inline\"}]}", path);
    const struct sandbox_inspectors wanted = {.digest = digest, .base_dir = f->folder,
                                              .config = config};
    return sandbox_inspectors_use(&f->held, &wanted, &f->loop, NULL, NULL, now);
}

static void run_until(struct fixture *f, unsigned changes)
{
    while (f->changes < changes)
        uv_run(&f->loop, UV_RUN_ONCE);
}

static const char *at_work(const struct fixture *f)
{
    return f->held.set ? f->held.set->lot->items[0].voter->name : "";
}

static void at_the_start_they_are_there_at_once(void **state)
{
    struct fixture *f = *state;
    assert_true(use(f, "a", "1", true));
    assert_string_equal(at_work(f), "a");
}

/* Those from before judge as long as the others are being loaded. */
static void later_ones_are_loaded_beside_the_loop(void **state)
{
    struct fixture *f = *state;
    assert_true(use(f, "a", "1", true));
    assert_false(use(f, "b", "2", false));
    assert_string_equal(at_work(f), "a");
    assert_true(f->held.loading);
    run_until(f, 1);
    assert_string_equal(at_work(f), "b");
    assert_false(f->held.loading);
}

static void the_last_ones_that_were_asked_for_count(void **state)
{
    struct fixture *f = *state;
    assert_true(use(f, "a", "1", true));
    assert_false(use(f, "b", "2", false));
    assert_false(use(f, "a", "3", false));
    assert_false(use(f, "c", "4", false));
    run_until(f, 1);
    assert_string_equal(at_work(f), "c");
    assert_int_equal(f->changes, 1);
}

static void ones_that_cannot_be_loaded_leave_those_from_before(void **state)
{
    struct fixture *f = *state;
    const struct sandbox_inspectors broken = {
        .digest = "2", .base_dir = f->folder,
        .config = "{\"voters\": [{\"script\": \"/nowhere.lua\", \"isolation\": \"inline\"}]}"};
    assert_true(use(f, "a", "1", true));
    assert_false(sandbox_inspectors_use(&f->held, &broken, &f->loop, NULL, NULL, false));
    run_until(f, 1);
    assert_string_equal(at_work(f), "a");
    assert_non_null(f->held.error);
}

static void the_end_waits_for_those_that_are_being_loaded(void **state)
{
    struct fixture *f = *state;
    assert_false(use(f, "a", "1", false));
    assert_false(use(f, "b", "2", false));
    sandbox_inspectors_close(&f->held, NULL);
    f->stopped = true;
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_null(f->held.set);
    assert_int_equal(f->changes, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest list[] = {
        TEST(at_the_start_they_are_there_at_once),
        TEST(later_ones_are_loaded_beside_the_loop),
        TEST(the_last_ones_that_were_asked_for_count),
        TEST(ones_that_cannot_be_loaded_leave_those_from_before),
        TEST(the_end_waits_for_those_that_are_being_loaded),
    };
    return cmocka_run_group_tests(list, NULL, NULL);
}
