/* SPDX-License-Identifier: Apache-2.0 */
/* Arenas and buffers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"

struct mark {
    char *notes;
    char letter;
};

static void write_mark(void *arg)
{
    struct mark *mark = arg;
    mark->notes[strlen(mark->notes)] = mark->letter;
}

static void test_arena(void **state)
{
    (void)state;
    char notes[8] = "";
    struct arena *arena = arena_new();
    struct mark *first = arena_alloc(arena, sizeof *first),
                *second = arena_alloc(arena, sizeof *second);
    *first = (struct mark){notes, '1'};
    *second = (struct mark){notes, '2'};
    arena_defer(arena, write_mark, first);
    arena_defer(arena, write_mark, second);
    char *large = arena_zalloc(arena, 100000), *small = arena_str(arena, "small");
    for (size_t i = 0; i < 100000; i++)
        assert_int_equal(large[i], 0);
    memset(large, 'x', 100000);
    assert_string_equal(small, "small");
    assert_string_equal(arena_strn(arena, "small", 2), "sm");
    assert_null(arena_str(arena, NULL));
    assert_string_equal(arena_printf(arena, "%d-%s", 5, "x"), "5-x");
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal((uintptr_t)arena_alloc(arena, i) % _Alignof(max_align_t), 0);
    arena_free(arena);
    assert_string_equal(notes, "21");
    arena_free(NULL);
}

static void test_growing_items_stay(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    size_t *items = NULL, room = 0;
    for (size_t n = 0; n < 100000; n++) {
        items = arena_grow(arena, items, n, &room, sizeof *items);
        assert_true(room > n);
        items[n] = n;
    }
    for (size_t n = 0; n < 100000; n++)
        assert_int_equal(items[n], n);
    arena_free(arena);
}

/* Whatever room there is when a text is formatted. */
static void test_formatted_texts_of_every_length(void **state)
{
    (void)state;
    enum { LONGEST = 600 };
    char wanted[LONGEST + 1];
    memset(wanted, 'x', LONGEST);
    wanted[LONGEST] = '\0';
    struct arena *arena = arena_new();
    struct buf all = {0};
    for (int len = 0; len <= LONGEST; len++) {
        struct buf buf = {0};
        const char *tail = wanted + LONGEST - len;
        buf_printf(&buf, "%s", tail);
        assert_string_equal(buf_str(&buf), tail);
        assert_int_equal(buf.len, len);
        size_t before = all.len;
        buf_printf(&all, "%s", tail);
        assert_int_equal(all.len, before + (size_t)len);
        assert_string_equal(buf_str(&all) + before, tail);
        assert_string_equal(arena_printf(arena, "%s", tail), tail);
        buf_free(&buf);
    }
    buf_free(&all);
    arena_free(arena);
}

static void test_buf(void **state)
{
    (void)state;
    struct buf buf = {0};
    assert_string_equal(buf_str(&buf), "");
    buf_puts(&buf, "abc");
    buf_putc(&buf, 'd');
    buf_printf(&buf, "%03d", 7);
    buf_add(&buf, "\0z", 2);
    assert_int_equal(buf.len, 9);
    assert_memory_equal(buf.data, "abcd007\0z", 10);
    buf_consume(&buf, 4);
    assert_string_equal(buf_str(&buf), "007");
    assert_int_equal(buf.len, 5);
    for (int i = 0; i < 10000; i++)
        buf_puts(&buf, "0123456789");
    assert_int_equal(buf.len, 100005);
    assert_int_equal(buf.data[buf.len], '\0');
    buf_clear(&buf);
    assert_string_equal(buf_str(&buf), "");
    buf_puts(&buf, "taken");
    char *taken = buf_take(&buf);
    assert_string_equal(taken, "taken");
    free(taken);
    assert_int_equal(buf.len, 0);
    buf_free(&buf);
    buf_free(&buf);
}

static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        int64_t number;
        const char *text;
    } rows[] = {
        {0, "0"},
        {7, "7"},
        {10, "10"},
        {-1, "-1"},
        {65535, "65535"},
        {1767607200000, "1767607200000"},
        {INT64_MAX, "9223372036854775807"},
        {INT64_MIN, "-9223372036854775808"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf buf = {0};
        buf_number(&buf, rows[i].number);
        assert_string_equal(buf_str(&buf), rows[i].text);
        buf_free(&buf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arena),
        cmocka_unit_test(test_growing_items_stay),
        cmocka_unit_test(test_formatted_texts_of_every_length),
        cmocka_unit_test(test_buf),
        cmocka_unit_test(test_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
