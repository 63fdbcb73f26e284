/* SPDX-License-Identifier: Apache-2.0 */
/* Several votes under way at once: each is taken when its answer is there, failures last. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "chain/process/exchange.h"

enum { N = 4 };

struct fixture {
    struct arena *arena;
    struct exchange exchanges[N], *list[N];
    int voters[N];                                  /* the other ends */
};

static int set_up(void **state)
{
    static struct fixture f;
    f = (struct fixture){.arena = arena_new()};
    for (int i = 0; i < N; i++) {
        int ends[2];
        struct buf frames = {0};
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        frame_end(&frames, frame_begin(&frames));
        exchange_begin(&f.exchanges[i], ends[0], &frames, clock_mono_ns() + 20000000000u);
        f.list[i] = &f.exchanges[i];
        f.voters[i] = ends[1];
    }
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < N; i++) {
        close(f->exchanges[i].fd);
        close(f->voters[i]);
        exchange_end(&f->exchanges[i]);
    }
    arena_free(f->arena);
    return 0;
}

static void answer(struct fixture *f, int i)
{
    assert_int_equal(write(f->voters[i], "\0\0\0\002{}", 6), 6);
}

static size_t next(struct fixture *f)
{
    size_t i = exchange_await(f->list, N, f->arena), len;
    f->list[i] = NULL;
    if (!f->exchanges[i].failed) {
        assert_string_equal(exchange_json(&f->exchanges[i], &len), "{}");
        assert_int_equal(len, 2);
    }
    return i;
}

static void answers_come_before_failures(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(write(f->voters[1], "\0", 1), 1);      /* part of an answer */
    shutdown(f->voters[0], SHUT_RDWR);
    f->exchanges[2].until_ns = 0;
    answer(f, 3);
    assert_int_equal(next(f), 3);
    assert_int_equal(write(f->voters[1], "\0\0\002{}", 5), 5);
    assert_int_equal(next(f), 1);
    size_t one = next(f), other = next(f);
    assert_int_equal(one + other, 0 + 2);
    assert_int_equal(f->exchanges[0].err.kind, ERROR_UPSTREAM);
    assert_int_equal(f->exchanges[2].err.kind, ERROR_TIMEOUT);
}

static void a_frame_that_is_too_long_fails_at_once(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(write(f->voters[0], "\x7f\x7f\x7f\x7f", 4), 4);
    for (int i = 1; i < N; i++)
        f->list[i] = NULL;
    assert_int_equal(next(f), 0);
    assert_int_equal(f->exchanges[0].err.kind, ERROR_TOO_LARGE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {TEST(answers_come_before_failures),
                                       TEST(a_frame_that_is_too_long_fails_at_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
