/* SPDX-License-Identifier: Apache-2.0 */
/* Several votes under way at once: each is taken when its answer is there, failures last. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "chain/process/conversation.h"
#include "chain/process/frame.h"

enum { N = 4 };

struct fixture {
    struct conversation conversations[N], *list[N];
    struct encoded_request request;
    int voters[N];                                  /* the other ends */
};

static int set_up(void **state)
{
    static struct fixture f;
    f = (struct fixture){0};
    frame_end(&f.request.request, frame_begin(&f.request.request));
    for (int i = 0; i < N; i++) {
        int ends[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        f.conversations[i].child.socket = ends[0];
        conversation_ask(&f.conversations[i], &f.request, 20000);
        f.list[i] = &f.conversations[i];
        f.voters[i] = ends[1];
    }
    *state = &f;
    return 0;
}

static void end(struct conversation *c)
{
    close(c->child.socket);
    buf_free(&c->question.out);
    buf_free(&c->question.in);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < N; i++) {
        close(f->voters[i]);
        end(&f->conversations[i]);
    }
    buf_free(&f->request.request);
    return 0;
}

static void answer(struct fixture *f, int i)
{
    assert_int_equal(write(f->voters[i], "\0\0\0\002{}", 6), 6);
}

static size_t next(struct fixture *f)
{
    size_t i = conversation_await(f->list, N);
    const struct conversation_question *q = &f->conversations[i].question;
    f->list[i] = NULL;
    if (!q->failed) {
        assert_string_equal(q->in.data + FRAME_HEADER, "{}");
        assert_int_equal(q->in.len, FRAME_HEADER + 2);
    }
    return i;
}

static void answers_come_before_failures(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(write(f->voters[1], "\0", 1), 1);      /* part of an answer */
    shutdown(f->voters[0], SHUT_RDWR);
    f->conversations[2].question.left_ns = 0;
    answer(f, 3);
    assert_int_equal(next(f), 3);
    assert_int_equal(write(f->voters[1], "\0\0\002{}", 5), 5);
    assert_int_equal(next(f), 1);
    size_t one = next(f), other = next(f);
    assert_int_equal(one + other, 0 + 2);
    assert_int_equal(f->conversations[0].question.err.kind, ERROR_UPSTREAM);
    assert_int_equal(f->conversations[2].question.err.kind, ERROR_TIMEOUT);
}

static void a_frame_that_is_too_long_fails_at_once(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(write(f->voters[0], "\x7f\x7f\x7f\x7f", 4), 4);
    for (int i = 1; i < N; i++)
        f->list[i] = NULL;
    assert_int_equal(next(f), 0);
    assert_int_equal(f->conversations[0].question.err.kind, ERROR_TOO_LARGE);
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
    (void)state;
    struct conversation c = {0}, *list[] = {NULL, &c};
    struct encoded_request request = {0};
    int ends[2];
    pthread_t voter;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    c.child.socket = ends[0];
    char *bytes = calloc(1, LONG);
    buf_add(&request.request, bytes, LONG);
    free(bytes);
    conversation_ask(&c, &request, LIMIT_MS);
    assert_in_range(c.question.sent, 1, LONG - 1);  /* what fits */
    usleep((LIMIT_MS + 50) * 1000);                 /* inline voters at work */
    assert_int_equal(pthread_create(&voter, NULL, answer_in_pieces, &ends[1]), 0);
    assert_int_equal(conversation_await(list, 2), 1);
    shutdown(ends[0], SHUT_RDWR);
    pthread_join(voter, NULL);
    if (c.question.failed)
        fail_msg("%s", c.question.err.text);
    close(ends[1]);
    end(&c);
    buf_free(&request.request);
}

/* Whoever reads them has other things to do. */
static void messages_without_end_are_left(void **state)
{
    enum { MUCH = 1024 * 1024, LEFT = MUCH - 128 * 1024 };
    static char lines[MUCH];
    struct child child = CHILD_NONE;
    int ends[2], left;
    (void)state;
    memset(lines, '\n', sizeof lines);
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    assert_int_equal(fcntl(ends[1], F_SETPIPE_SZ, MUCH), MUCH);
    assert_int_equal(write(ends[1], lines, sizeof lines), MUCH);
    child.messages = ends[0];
    child_pass_messages(&child, "voter", NULL);
    assert_int_equal(ioctl(ends[0], FIONREAD, &left), 0);
    assert_in_range(left, LEFT, MUCH - 1);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {TEST(answers_come_before_failures),
                                       TEST(a_frame_that_is_too_long_fails_at_once),
                                       TEST(the_time_in_which_nobody_listens_is_not_charged),
                                       TEST(messages_without_end_are_left)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
