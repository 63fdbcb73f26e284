/* SPDX-License-Identifier: Apache-2.0 */
/* The file in which a supervisor counts uses of grants. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sandbox/wire/uses.h"

#define BOOT "11111111-2222-3333-4444-555555555555"
#define A    "aaaaaaaa-0000-4000-8000-000000000001"
#define B    "bbbbbbbb-0000-4000-8000-000000000002"

static char path[64];

static int setup(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/sluice-uses-XXXXXX");
    close(mkstemp(path));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    return unlink(path);
}

static void what_was_written_is_read(void **state)
{
    int fd = sandbox_uses_open(path, BOOT);
    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(sandbox_uses_write(fd, 0, A, 3), 0);
    assert_int_equal(sandbox_uses_write(fd, 1, B, INT64_MAX), 0);
    assert_int_equal(sandbox_uses_write(fd, 0, A, 4), 0);
    assert_int_equal(sandbox_uses_read(path, BOOT, A), 4);
    assert_true(sandbox_uses_read(path, BOOT, B) == INT64_MAX);
    assert_int_equal(sandbox_uses_read(path, BOOT, "another"), 0);
    close(fd);
}

/* A supervisor that is killed while records move leaves some of them twice. */
static void the_greater_of_two_counts(void **state)
{
    int fd = sandbox_uses_open(path, BOOT);
    (void)state;
    sandbox_uses_write(fd, 0, A, 1);
    sandbox_uses_write(fd, 1, B, 1);
    sandbox_uses_write(fd, 0, B, 2);
    assert_int_equal(sandbox_uses_read(path, BOOT, B), 2);
    assert_int_equal(sandbox_uses_cut(fd, 1), 0);
    assert_int_equal(sandbox_uses_read(path, BOOT, A), 0);
    assert_int_equal(sandbox_uses_read(path, BOOT, B), 2);
    close(fd);
}

static void what_is_not_known_is_said(void **state)
{
    int fd = sandbox_uses_open(path, BOOT);
    (void)state;
    sandbox_uses_write(fd, 0, A, 1);
    assert_int_equal(sandbox_uses_read(path, "another boot", A), -1);
    assert_int_equal(sandbox_uses_read(path, "", A), -1);
    assert_int_equal(sandbox_uses_read("/tmp/no/such/file", BOOT, A), -1);
    assert_int_equal(pwrite(fd, "-1 ", 3, 128), 3);
    assert_int_equal(sandbox_uses_read(path, BOOT, B), -1);
    assert_int_equal(ftruncate(fd, 100), 0);
    assert_int_equal(sandbox_uses_read(path, BOOT, A), -1);
    close(fd);
}

static void what_cannot_be_written_fails(void **state)
{
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    (void)state;
    assert_int_equal(sandbox_uses_write(fd, 0, A, 1), -1);
    assert_int_equal(sandbox_uses_write(-1, 0, A, 1), -1);
    assert_int_equal(sandbox_uses_open("/tmp/no/such/file", BOOT), -1);
    close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_written_is_read),
        TEST(the_greater_of_two_counts),
        TEST(what_is_not_known_is_said),
        TEST(what_cannot_be_written_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
