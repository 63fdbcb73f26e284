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

#include "doc/protobuf.h"

static const struct schema all_schema;

static const char *const colors[] = {"UNSPECIFIED", "RED", "GREEN", NULL};
static const char *const modes[] = {"", "soft", "hard", NULL};

static const struct schema_field named_fields[] = {
    {.name = "name", .kind = SCHEMA_TEXT, .number = 1, .flags = SCHEMA_NAMED},
    {.name = "n", .kind = SCHEMA_U32, .number = 2},
    {0},
};
static const struct schema named_schema = {.name = "Named", .fields = named_fields};

static const struct schema_field all_fields[] = {
    {.name = "text", .kind = SCHEMA_TEXT, .number = 1},
    {.name = "flag", .kind = SCHEMA_BOOL, .number = 2},
    {.name = "u32", .kind = SCHEMA_U32, .number = 3},
    {.name = "i32", .kind = SCHEMA_I32, .number = 4},
    {.name = "i64", .kind = SCHEMA_I64, .number = 5},
    {.name = "u64", .kind = SCHEMA_I64, .number = 6, .wire = SCHEMA_WIRE_U64},
    {.name = "single", .kind = SCHEMA_DOUBLE, .number = 7, .wire = SCHEMA_WIRE_FLOAT},
    {.name = "real", .kind = SCHEMA_DOUBLE, .number = 8},
    {.name = "bytes", .kind = SCHEMA_TEXT, .number = 9, .wire = SCHEMA_WIRE_BYTES},
    {.name = "color", .kind = SCHEMA_TEXT, .number = 10, .wire = SCHEMA_WIRE_ENUM,
     .enumeration = colors},
    {.name = "mode", .kind = SCHEMA_TEXT, .number = 11, .wire = SCHEMA_WIRE_MODE,
     .enumeration = modes},
    {.name = "maybe", .kind = SCHEMA_I32, .number = 12, .flags = SCHEMA_OPTIONAL},
    {.name = "texts", .kind = SCHEMA_TEXTS, .number = 13},
    {.name = "ports", .kind = SCHEMA_U16S, .number = 14},
    {.name = "inner", .kind = SCHEMA_STRUCT, .number = 15, .sub = &all_schema},
    {.name = "list", .kind = SCHEMA_STRUCTS, .number = 16, .sub = &named_schema},
    {.name = "wrapped", .kind = SCHEMA_STRUCTS, .number = 17, .sub = &named_schema, .wrap = "it"},
    {.name = "keyed", .kind = SCHEMA_KEYED, .number = 18, .sub = &named_schema},
    {.name = "labels", .kind = SCHEMA_JSON, .number = 19, .wire = SCHEMA_WIRE_TEXT_MAP},
    {.name = "counts", .kind = SCHEMA_JSON, .number = 20, .wire = SCHEMA_WIRE_I64_MAP},
    {.name = "any", .kind = SCHEMA_JSON, .number = 21},
    {.name = "time", .kind = SCHEMA_TEXT, .number = 22, .wire = SCHEMA_WIRE_TIMESTAMP},
    {.name = "span", .kind = SCHEMA_TEXT, .number = 23, .wire = SCHEMA_WIRE_DURATION},
    {.name = "this", .kind = SCHEMA_TEXT, .number = 24, .oneof = "choice"},
    {.name = "that", .kind = SCHEMA_STRUCT, .number = 25, .sub = &named_schema, .oneof = "choice"},
    {.name = "scope", .kind = SCHEMA_TEXT, .number = 26, .flags = SCHEMA_SHARED},
    {.name = "selector", .kind = SCHEMA_STRUCT, .number = 26, .sub = &named_schema,
     .flags = SCHEMA_SHARED},
    {.name = "document_only", .kind = SCHEMA_TEXT},
    {0},
};
static const struct schema all_schema = {.name = "All", .fields = all_fields};

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
