/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/wire/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include <cmocka.h>

static void reads_what_it_wrote(void **state)
{
    uint8_t bytes[FRAME_HEADER_SIZE + 5];
    struct sandbox_frame frame;
    (void)state;
    sandbox_frame_header(bytes, FRAME_STDERR, 5);
    memcpy(bytes + FRAME_HEADER_SIZE, "hello", 5);
    assert_int_equal(sandbox_frame_next(bytes, sizeof bytes, &frame), sizeof bytes);
    assert_int_equal(frame.type, FRAME_STDERR);
    assert_int_equal(frame.len, 5);
    assert_ptr_equal(frame.payload, bytes + FRAME_HEADER_SIZE);
}

static void waits_for_a_whole_frame(void **state)
{
    uint8_t bytes[FRAME_HEADER_SIZE + 5] = {0};
    struct sandbox_frame frame;
    (void)state;
    sandbox_frame_header(bytes, FRAME_STDIN, 5);
    for (size_t len = 0; len < sizeof bytes; len++)
        assert_int_equal(sandbox_frame_next(bytes, len, &frame), 0);
}

static void takes_an_empty_frame(void **state)
{
    uint8_t bytes[FRAME_HEADER_SIZE];
    struct sandbox_frame frame;
    (void)state;
    sandbox_frame_header(bytes, FRAME_STDIN, 0);
    assert_int_equal(sandbox_frame_next(bytes, sizeof bytes, &frame), FRAME_HEADER_SIZE);
    assert_int_equal(frame.len, 0);
}

static void refuses_what_is_no_frame(void **state)
{
    static const uint8_t bad[][FRAME_HEADER_SIZE] = {
        {5, 0, 0, 0, 0, 0, 0, 0},                   /* no such type */
        {255, 0, 0, 0, 0, 0, 0, 0},
        {0, 1, 0, 0, 0, 0, 0, 0},                   /* not zero */
        {0, 0, 1, 0, 0, 0, 0, 0},
        {0, 0, 0, 1, 0, 0, 0, 0},
        {0, 0, 0, 0, 0, 1, 0, 1},                   /* 65537 bytes */
        {0, 0, 0, 0, 255, 255, 255, 255},
        {'G', 'E', 'T', ' ', '/', ' ', 'H', 'T'},
    };
    struct sandbox_frame frame;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(sandbox_frame_next(bad[i], FRAME_HEADER_SIZE, &frame), -1);
}

static void takes_the_largest_frame(void **state)
{
    static uint8_t bytes[FRAME_HEADER_SIZE + FRAME_PAYLOAD_MAX];
    struct sandbox_frame frame;
    (void)state;
    sandbox_frame_header(bytes, FRAME_STDOUT, FRAME_PAYLOAD_MAX);
    assert_int_equal(sandbox_frame_next(bytes, sizeof bytes, &frame), sizeof bytes);
    assert_int_equal(frame.len, FRAME_PAYLOAD_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_it_wrote),
        cmocka_unit_test(waits_for_a_whole_frame),
        cmocka_unit_test(takes_an_empty_frame),
        cmocka_unit_test(refuses_what_is_no_frame),
        cmocka_unit_test(takes_the_largest_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
