/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "chain/process/frame.h"

enum { LARGE = 3 * FRAME_AHEAD };

static void add_frame(struct buf *out, char fill, size_t len)
{
    size_t begin = frame_begin(out);
    for (size_t i = 0; i < len; i++)
        buf_putc(out, fill);
    frame_end(out, begin);
}

struct sender {
    int fd;
    struct buf bytes;
    size_t at_once;
};

static void *send_in_parts(void *arg)
{
    const struct sender *s = arg;
    for (size_t at = 0; at < s->bytes.len; at += s->at_once) {
        size_t left = s->bytes.len - at;
        if (write(s->fd, s->bytes.data + at, left < s->at_once ? left : s->at_once) < 0)
            return arg;
    }
    close(s->fd);
    return NULL;
}

static void expect_frame(int fd, struct buf *in, char fill, size_t len)
{
    size_t got;
    assert_int_equal(frame_next(fd, LARGE, in, &got), 0);
    assert_int_equal(got, len);
    for (size_t i = 0; i < len; i++)
        assert_int_equal(in->data[FRAME_HEADER + i], fill);
    buf_consume(in, FRAME_HEADER + got);
}

static void frames_are_told_apart_however_they_come(void **state)
{
    (void)state;
    static const size_t parts[] = {1, 3, 7, 4096, FRAME_AHEAD, SIZE_MAX / 2};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        int fds[2];
        pthread_t thread;
        void *failed;
        struct buf in = {0};
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        struct sender sender = {.fd = fds[1], .at_once = parts[i]};
        add_frame(&sender.bytes, 'a', 1);
        add_frame(&sender.bytes, '-', 0);
        add_frame(&sender.bytes, 'b', LARGE);
        add_frame(&sender.bytes, 'c', 5);
        assert_int_equal(pthread_create(&thread, NULL, send_in_parts, &sender), 0);
        expect_frame(fds[0], &in, 'a', 1);
        expect_frame(fds[0], &in, '-', 0);
        expect_frame(fds[0], &in, 'b', LARGE);
        expect_frame(fds[0], &in, 'c', 5);
        size_t len;
        assert_int_equal(frame_next(fds[0], LARGE, &in, &len), -1);
        pthread_join(thread, &failed);
        assert_null(failed);
        close(fds[0]);
        buf_free(&in);
        buf_free(&sender.bytes);
    }
}

/* What is sent before the end, and whether that is a frame. */
static void expect_end(const struct buf *sent, size_t n, size_t max)
{
    int fds[2];
    size_t len;
    struct buf in = {0};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    assert_int_equal(write(fds[1], sent->data, n), n);
    close(fds[1]);
    assert_int_equal(frame_next(fds[0], max, &in, &len), -1);
    close(fds[0]);
    buf_free(&in);
}

static void an_end_within_a_frame_and_one_too_large_are_the_end(void **state)
{
    (void)state;
    struct buf frame = {0};
    add_frame(&frame, 'a', 10);
    for (size_t n = 0; n < frame.len; n++)
        expect_end(&frame, n, 10);
    expect_end(&frame, frame.len, 9);
    buf_free(&frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_are_told_apart_however_they_come),
        cmocka_unit_test(an_end_within_a_frame_and_one_too_large_are_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
