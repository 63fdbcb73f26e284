/* SPDX-License-Identifier: Apache-2.0 */
/* Which process a gateway takes for a sandbox's supervisor. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/alloc.h"
#include "runtime/sandbox.h"

struct watched {
    uv_loop_t loop;
    struct runtime all;
    struct sandbox s;
    char dir[64], lock[96];
    int held;                                       /* by this process, -1: by nobody */
};

static int setup(void **state)
{
    struct watched *w = alloc_zero(1, sizeof *w);
    strcpy(w->dir, "/tmp/sluice-watch-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    snprintf(w->lock, sizeof w->lock, "%s/lock", w->dir);
    uv_loop_init(&w->loop);
    w->all.setup.loop = &w->loop;
    w->s = (struct sandbox){.all = &w->all, .name = (char *)"demo", .dir = w->dir, .pidfd = -1};
    w->held = -1;
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct watched *w = *state;
    sandbox_forget(&w->s);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    if (w->held >= 0)
        close(w->held);
    unlink(w->lock);
    rmdir(w->dir);
    free(w);
    return 0;
}

static void write_lock(struct watched *w, pid_t pid, bool hold)
{
    int fd = open(w->lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_true(dprintf(fd, "%d\n", (int)pid) > 0);
    if (hold) {
        assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
        w->held = fd;
    } else {
        close(fd);
    }
}

static void whoever_holds_the_lock_is_watched(void **state)
{
    struct watched *w = *state;
    write_lock(w, getpid(), true);
    sandbox_watch_holder(&w->s);
    assert_true(w->s.pidfd >= 0);
}

/* The supervisor that wrote it there has ended, and another process may have its id. */
static void an_id_without_its_lock_is_nobodys(void **state)
{
    struct watched *w = *state;
    write_lock(w, getpid(), false);
    sandbox_watch_holder(&w->s);
    assert_int_equal(w->s.pidfd, -1);
    assert_null(w->s.exit_poll);
}

static void without_a_lock_nobody_is_watched(void **state)
{
    struct watched *w = *state;
    sandbox_watch_holder(&w->s);
    assert_int_equal(w->s.pidfd, -1);
}

#define WATCHED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WATCHED(whoever_holds_the_lock_is_watched),
        WATCHED(an_id_without_its_lock_is_nobodys),
        WATCHED(without_a_lock_nobody_is_watched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
