/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing protobuf by a table: the cases of tests/fixtures/doc/protobuf.txt, and what
 * no line of text can say.  tests/unit/openshell compares with other implementations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../support/protobuf_schema.h"
#include "doc/protobuf.h"

static size_t read_hex(const char *hex, unsigned char *out)
{
    size_t n = 0;
    for (; *hex; hex += *hex == ' ' ? 1 : 2)
        if (*hex != ' ')
            assert_int_equal(sscanf(hex, "%2hhx", &out[n++]), 1);
    return n;
}

static void write_hex(const struct buf *bytes, struct buf *out)
{
    for (size_t i = 0; i < bytes->len; i++)
        buf_printf(out, "%02x", (unsigned char)bytes->data[i]);
}

static void add_problem(struct problems *problems, struct buf *out)
{
    assert_int_equal(problems->n, 1);
    buf_printf(out, "%s: %s", problems->items[0].path, problems->items[0].message);
    problems_free(problems);
}

/* What the bytes mean, or why they are refused. */
static void decode(const char *hex, struct buf *out)
{
    struct arena *arena = arena_new();
    struct problems problems = {0};
    struct doc_node *tree;
    unsigned char *bytes = test_malloc(strlen(hex) / 2 + 1);
    size_t n = read_hex(hex, bytes);
    if (protobuf_decode(&all_schema, bytes, n, arena, &tree, &problems) == 0)
        doc_print(tree, DOC_JSON, out);
    else
        add_problem(&problems, out);
    test_free(bytes);
    arena_free(arena);
}

static void encode(const char *json, enum protobuf_modes as, struct buf *out)
{
    struct arena *arena = arena_new();
    struct problems problems = {0};
    struct buf bytes = {0};
    struct doc_node *tree;
    buf_puts(&bytes, "kept");
    assert_int_equal(doc_parse(json, strlen(json), DOC_JSON, 1 << 20, arena, &tree, &problems), 0);
    if (protobuf_encode(&all_schema, tree, as, &bytes, &problems) == 0) {
        buf_consume(&bytes, 4);
        write_hex(&bytes, out);
    } else {
        assert_string_equal(buf_str(&bytes), "kept");
        add_problem(&problems, out);
    }
    buf_free(&bytes);
    arena_free(arena);
}

/* Lines: "> HEX" is read, "< JSON" and "# JSON" are written with modes as texts and enums; what
 * comes of it stands on the next line. */
static void test_cases(void **state)
{
    FILE *file = fopen("tests/fixtures/doc/protobuf.txt", "r");
    char line[4096], wanted[4096];
    size_t n = 0;
    (void)state;
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        struct buf got = {0};
        if (!strchr("><#", *line))
            continue;
        assert_non_null(fgets(wanted, sizeof wanted, file));
        line[strcspn(line, "\n")] = wanted[strcspn(wanted, "\n")] = '\0';
        if (*line == '>')
            decode(line + (line[1] ? 2 : 1), &got);
        else
            encode(line + 2, *line == '<' ? PROTOBUF_TEXTS : PROTOBUF_ENUMS, &got);
        if (strcmp(buf_str(&got), wanted) != 0)
            print_error("%s\n", line);
        assert_string_equal(buf_str(&got), wanted);
        buf_free(&got);
        n++;
    }
    fclose(file);
    assert_true(n > 70);
}

static void expect_refusal(const struct buf *bytes, const char *end)
{
    struct arena *arena = arena_new();
    struct problems problems = {0};
    struct doc_node *tree;
    assert_int_equal(
        protobuf_decode(&all_schema, bytes->data, bytes->len, arena, &tree, &problems), -1);
    assert_non_null(strstr(problems.items[0].message, end));
    problems_free(&problems);
    arena_free(arena);
}

/* The message within inner, levels deep. */
static void nest(struct buf *out, unsigned levels)
{
    for (unsigned i = 0; i < levels; i++) {
        struct buf inner = *out;
        *out = (struct buf){0};
        buf_putc(out, 0x7a);
        for (size_t len = inner.len; len > 127 || (buf_putc(out, (char)len), 0); len >>= 7)
            buf_putc(out, (char)(len | 128));
        buf_add(out, inner.data, inner.len);
        buf_free(&inner);
    }
}

static void test_depth(void **state)
{
    struct buf bytes = {0};
    (void)state;
    nest(&bytes, PROTOBUF_DEPTH_MAX - 1);
    struct arena *arena = arena_new();
    struct problems problems = {0};
    struct doc_node *tree;
    assert_int_equal(
        protobuf_decode(&all_schema, bytes.data, bytes.len, arena, &tree, &problems), 0);
    arena_free(arena);
    nest(&bytes, 1);
    expect_refusal(&bytes, "messages are nested more than 60 deep");
    buf_free(&bytes);
}

/* However a message is made large, it is refused before it takes much memory. */
static void test_sizes(void **state)
{
    static const struct {
        const char *unit, *refusal;
    } units[] = {
        {"\x6a", "more than 100000"},               /* texts, with a length of 0 */
        {"\x0a", "more than 100000 fields"},        /* one text, over and over */
        {"\xc2\x01", "more than 100000 fields"},    /* members of a oneof */
    };
    (void)state;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        struct buf bytes = {0};
        for (size_t k = 0; k <= DOC_NODES_MAX; k++) {
            buf_puts(&bytes, units[i].unit);
            buf_putc(&bytes, 0);
        }
        expect_refusal(&bytes, units[i].refusal);
        buf_free(&bytes);
    }
    struct buf packed = {0};
    buf_add(&packed, "\x72\xa1\x8d\x06", 4);
    for (size_t k = 0; k <= DOC_NODES_MAX; k++)
        buf_putc(&packed, 1);
    expect_refusal(&packed, "more than 100000 values");
    buf_free(&packed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
