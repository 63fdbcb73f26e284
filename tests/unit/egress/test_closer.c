/* SPDX-License-Identifier: Apache-2.0 */
/* When descriptors that are given up are closed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "egress/caller/closer.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

enum { MANY = 150, LONG_MS = 60000 };               /* more than one batch */

struct desk {
    uv_loop_t loop;
    struct egress_closer *closer;
    int kept[MANY];
};

/* Gives the write ends of pipes up, and keeps the others. */
static void open_desk(struct desk *d)
{
    struct error err;
    int ends[2];
    assert_int_equal(uv_loop_init(&d->loop), 0);
    d->closer = egress_closer_new(&d->loop, &err);
    assert_non_null(d->closer);
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
        d->kept[i] = ends[0];
        egress_closer_close(d->closer, ends[1]);
    }
}

static bool is_ended(int fd, int wait_ms)
{
    struct pollfd end = {.fd = fd, .events = POLLIN};
    return poll(&end, 1, wait_ms) == 1 && (end.revents & POLLHUP);
}

static void close_desk(struct desk *d)
{
    for (size_t i = 0; i < MANY; i++)
        close(d->kept[i]);
    assert_int_equal(uv_run(&d->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&d->loop), 0);
}

static void what_a_turn_gives_up_is_closed_before_the_loop_waits(void **state)
{
    struct desk d;
    (void)state;
    open_desk(&d);
    uv_run(&d.loop, UV_RUN_NOWAIT);
    for (size_t i = 0; i < MANY; i++)
        assert_true(is_ended(d.kept[i], LONG_MS));
    egress_closer_free(d.closer);
    close_desk(&d);
}

static void the_last_ones_of_a_turn_wait_for_its_end(void **state)
{
    struct desk d;
    (void)state;
    open_desk(&d);
    assert_false(is_ended(d.kept[MANY - 1], 0));
    assert_true(is_ended(d.kept[0], LONG_MS));      /* its batch was full */
    egress_closer_free(d.closer);
    close_desk(&d);
}

static void freeing_it_closes_all(void **state)
{
    struct desk d;
    (void)state;
    open_desk(&d);
    egress_closer_free(d.closer);
    for (size_t i = 0; i < MANY; i++)
        assert_true(is_ended(d.kept[i], 0));
    close_desk(&d);
}

static void an_idle_one_leaves_the_loop_nothing_to_do(void **state)
{
    struct desk d;
    (void)state;
    open_desk(&d);
    assert_true(uv_loop_alive(&d.loop));
    uv_run(&d.loop, UV_RUN_NOWAIT);
    assert_false(uv_loop_alive(&d.loop));
    egress_closer_free(d.closer);
    close_desk(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_turn_gives_up_is_closed_before_the_loop_waits),
        cmocka_unit_test(the_last_ones_of_a_turn_wait_for_its_end),
        cmocka_unit_test(freeing_it_closes_all),
        cmocka_unit_test(an_idle_one_leaves_the_loop_nothing_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
