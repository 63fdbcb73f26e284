/* SPDX-License-Identifier: Apache-2.0 */
/* The output that is kept of a process: all of it up to a bound, then the newest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "sandbox/supervisor/process/output_ring.h"

static void add(struct output_ring *ring, enum sandbox_frame_type type, const char *text)
{
    output_ring_add(ring, type, text, strlen(text));
}

/* What a reader at the position gets: "out:...|err:...|". */
static char *read_all(const struct output_ring *ring, uint64_t *position, size_t max)
{
    struct buf all = {0};
    struct output_piece piece;
    while (output_ring_read(ring, position, max, &piece))
        buf_printf(&all, "%s:%.*s|", piece.type == FRAME_STDOUT ? "out" : "err", (int)piece.len,
                   piece.bytes);
    return buf_take(&all);
}

static void streams_stay_in_order(void **state)
{
    struct output_ring ring = {0};
    uint64_t position = 0;
    (void)state;
    add(&ring, FRAME_STDOUT, "one ");
    add(&ring, FRAME_STDOUT, "two\n");
    add(&ring, FRAME_STDERR, "bad\n");
    add(&ring, FRAME_STDOUT, "three\n");
    assert_int_equal(output_ring_skip_lost(&ring, &position), 0);
    char *text = read_all(&ring, &position, 100);
    assert_string_equal(text, "out:one two\n|err:bad\n|out:three\n|");
    free(text);
    text = read_all(&ring, &position, 100);
    assert_string_equal(text, "");
    free(text);
    add(&ring, FRAME_STDERR, "more");
    text = read_all(&ring, &position, 3);
    assert_string_equal(text, "err:mor|err:e|");
    free(text);
    output_ring_free(&ring);
}

static void what_is_too_old_is_counted_and_begins_with_a_line(void **state)
{
    struct output_ring ring = {0};
    struct output_piece piece;
    uint64_t position = 0, total = 0;
    char line[32];
    (void)state;
    for (int i = 0; total < 3 * OUTPUT_KEPT_MAX; i++) {
        int len = snprintf(line, sizeof line, "line %d\n", i);
        output_ring_add(&ring, FRAME_STDOUT, line, (size_t)len);
        total += (uint64_t)len;
    }
    assert_int_equal(ring.size, OUTPUT_KEPT_MAX);
    uint64_t lost = output_ring_skip_lost(&ring, &position);
    assert_int_equal(lost, position);
    assert_true(lost >= total - OUTPUT_KEPT_MAX && lost < total - OUTPUT_KEPT_MAX + sizeof line);
    assert_true(output_ring_read(&ring, &position, 5, &piece));
    assert_memory_equal(piece.bytes, "line ", 5);
    assert_int_equal(output_ring_skip_lost(&ring, &position), 0);
    output_ring_free(&ring);
}

static void one_write_may_be_larger_than_what_is_kept(void **state)
{
    struct output_ring ring = {0};
    struct output_piece piece;
    uint64_t position = 0;
    size_t len = OUTPUT_KEPT_MAX + 1000, got = 0;
    char *bytes = malloc(len);
    (void)state;
    memset(bytes, 'x', len);
    bytes[len - 1] = 'y';
    output_ring_add(&ring, FRAME_STDOUT, bytes, len);
    assert_int_equal(output_ring_skip_lost(&ring, &position), 1000);
    while (output_ring_read(&ring, &position, len, &piece))
        got += piece.len;
    assert_int_equal(got, OUTPUT_KEPT_MAX);
    assert_int_equal(piece.bytes[piece.len - 1], 'y');
    free(bytes);
    output_ring_free(&ring);
}

/* A workload that writes single bytes to both streams in turn costs no more memory. */
static void runs_are_bounded(void **state)
{
    struct output_ring ring = {0};
    uint64_t position = 0;
    (void)state;
    for (int i = 0; i < 100000; i++)
        add(&ring, i % 2 ? FRAME_STDERR : FRAME_STDOUT, i % 2 ? "e" : "o");
    assert_int_equal(ring.runs_size, OUTPUT_RUNS_MAX);
    assert_int_equal(output_ring_skip_lost(&ring, &position), 100000 - OUTPUT_RUNS_MAX);
    char *text = read_all(&ring, &position, 100);
    assert_int_equal(strlen(text), OUTPUT_RUNS_MAX * strlen("out:o|"));
    assert_memory_equal(text, "out:o|err:e|out:o|", 18);
    free(text);
    output_ring_free(&ring);
}

/* Against a list of every byte that was ever written. */
static void readers_get_what_was_written(void **state)
{
    enum { WRITES = 3000, LONGEST = 3000 };
    struct output_ring ring = {0};
    struct buf bytes = {0}, types = {0};
    uint64_t position = 0;
    unsigned random = 1;
    char text[LONGEST];
    (void)state;
    for (int i = 0; i < WRITES; i++) {
        random = random * 1103515245 + 12345;
        size_t len = 1 + random / 65536 % (random % 7 ? 40 : LONGEST - 1);
        enum sandbox_frame_type type = random / 1024 % 3 ? FRAME_STDOUT : FRAME_STDERR;
        for (size_t k = 0; k < len; k++) {
            text[k] = (char)('a' + (random + k) % 26);
            buf_putc(&types, (char)type);
        }
        output_ring_add(&ring, type, text, len);
        buf_add(&bytes, text, len);
        if (random / 4096 % 5)
            continue;
        struct output_piece piece;
        output_ring_skip_lost(&ring, &position);
        while (output_ring_read(&ring, &position, 1 + random % 500, &piece)) {
            const size_t at = position - piece.len;
            assert_memory_equal(piece.bytes, bytes.data + at, piece.len);
            for (size_t k = 0; k < piece.len; k++)
                assert_int_equal(types.data[at + k], piece.type);
        }
        assert_int_equal(position, bytes.len);
    }
    buf_free(&bytes);
    buf_free(&types);
    output_ring_free(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_stay_in_order),
        cmocka_unit_test(what_is_too_old_is_counted_and_begins_with_a_line),
        cmocka_unit_test(one_write_may_be_larger_than_what_is_kept),
        cmocka_unit_test(runs_are_bounded),
        cmocka_unit_test(readers_get_what_was_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
