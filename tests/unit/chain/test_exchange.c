/* SPDX-License-Identifier: Apache-2.0 */
/* Several votes under way at once: each is taken when its answer is there, failures last. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

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
        exchange_begin(&f.exchanges[i], ends[0], &frames, 20000);
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
    f->exchanges[2].left_ns = 0;
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

enum { LIMIT_MS = 200, LONG = 4 << 20 };

/* Reads all of the request, answers a part, and the rest when that was read. */
static void *answer_in_pieces(void *arg)
{
    static char bytes[65536], reply[FRAME_HEADER + 65536] = {0, 1, 0, 0};
    const int *fd = arg;
    size_t left = LONG, part = sizeof reply / 2;
    while (left > 0) {
        ssize_t n = read(*fd, bytes, sizeof bytes);
        if (n <= 0)
            return NULL;
        left -= (size_t)n;
    }
    (void)!write(*fd, reply, part);
    (void)!write(*fd, reply + part, sizeof reply - part);
    return NULL;
}

static void the_time_in_which_nobody_listens_is_not_charged(void **state)
{
    struct fixture *f = *state;
    struct exchange x, *list[] = {NULL, &x};
    struct buf frames = {0};
    int ends[2];
    pthread_t voter;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    char *request = calloc(1, LONG);
    buf_add(&frames, request, LONG);
    free(request);
    exchange_begin(&x, ends[0], &frames, LIMIT_MS);
    assert_in_range(x.sent, 1, LONG - 1);           /* what fits */
    usleep((LIMIT_MS + 50) * 1000);                 /* inline voters at work */
    assert_int_equal(pthread_create(&voter, NULL, answer_in_pieces, &ends[1]), 0);
    assert_int_equal(exchange_await(list, 2, f->arena), 1);
    shutdown(ends[0], SHUT_RDWR);
    pthread_join(voter, NULL);
    if (x.failed)
        fail_msg("%s", x.err.text);
    close(ends[0]);
    close(ends[1]);
    exchange_end(&x);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {TEST(answers_come_before_failures),
                                       TEST(a_frame_that_is_too_long_fails_at_once),
                                       TEST(the_time_in_which_nobody_listens_is_not_charged)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
