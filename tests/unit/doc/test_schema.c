/* SPDX-License-Identifier: Apache-2.0 */
#include "support/doc_schema.h"

static const struct schema_field kept_fields[] = {
    {.name = "text", .kind = SCHEMA_TEXT, AT(text), .flags = SCHEMA_KEEP, .fallback = "x"},
    {.name = "number", .kind = SCHEMA_U32, AT(u32), .flags = SCHEMA_KEEP},
    {.name = "flag", .kind = SCHEMA_BOOL, AT(flag), .flags = SCHEMA_KEEP},
    {.name = "texts", .kind = SCHEMA_TEXTS, LIST(texts), .flags = SCHEMA_KEEP},
    {.name = "single",
     .kind = SCHEMA_STRUCT,
     AT(single),
     .sub = &item_schema,
     .flags = SCHEMA_KEEP},
    {.name = "required", .kind = SCHEMA_TEXT, AT(required), .flags = SCHEMA_REQUIRED},
    {.name = "alias", .kind = SCHEMA_TEXT, AT(text), .flags = SCHEMA_ALIAS},
    {0},
};

static const struct schema kept_schema = {
    .name = "kept",
    .size = sizeof(struct all),
    .fields = kept_fields,
};

static void expect(const struct schema *schema, const char *text, const char *wanted)
{
    struct arena *arena = arena_new();
    struct buf outcome = {0};
    decode(schema, text, DOC_YAML, arena, &outcome);
    assert_string_equal(buf_str(&outcome), wanted);
    buf_free(&outcome);
    arena_free(arena);
}

static void test_defaults(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct buf json = {0};
    const struct all *all = decode(&all_schema, "{}", DOC_YAML, arena, &json);
    assert_string_equal(json.data, "{}");
    assert_int_equal(all->size, sizeof *all);
    assert_string_equal(all->text, "");
    assert_string_equal(all->other, "red");
    assert_string_equal(all->json, "{}");
    assert_string_equal(all->grouped, "");
    assert_true(all->opened);
    assert_int_equal(all->i32, 5);
    assert_null(all->single);
    assert_null(all->items);
    assert_int_equal(all->n_items, 0);
    buf_free(&json);
    arena_free(arena);
}

static void test_records(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct buf json = {0};
    const struct all *all =
        decode(&all_schema,
               "keyed: {b: {n: 1}, 'a b': {n: 2, name: x}, B: {n: 3, name: B}}\n"
               "single: {n: 4}\nitems: [{n: 5, list: [y]}, 6]\nwrapped: [{item: {n: 7}}]\n"
               "group: {grouped: g}\ncustom: c\nignored: whatever\n",
               DOC_YAML, arena, &json);
    assert_string_equal(
        json.data, "{\"single\":{\"n\":4},\"items\":[{\"n\":5,\"list\":[\"y\"]},6],"
                   "\"keyed\":{\"B\":{\"n\":3},\"a b\":{\"name\":\"x\",\"n\":2},\"b\":{\"n\":1}},"
                   "\"wrapped\":[{\"item\":{\"n\":7}}],\"group\":{\"grouped\":\"g\"},\"custom\":"
                   "\"c at custom\"}");
    assert_string_equal(all->keyed[0]->key, "B");
    assert_string_equal(all->keyed[0]->name, "B");
    assert_string_equal(all->keyed[1]->name, "x");
    assert_string_equal(all->keyed[1]->path, "keyed[\"a b\"]");
    assert_string_equal(all->keyed[2]->name, "b");
    assert_string_equal(all->single->path, "single");
    assert_string_equal(all->wrapped[0]->path, "wrapped[0].item");
    buf_free(&json);
    arena_free(arena);
}

static void test_base_path(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct problems problems = {0};
    struct doc_node *tree;
    void *record;
    doc_parse("{n: x, list: 1}", 15, DOC_YAML, 100, arena, &tree, &problems);
    assert_int_equal(schema_decode(&item_schema, tree, "candidate.rule", arena, &record, &problems),
                     -1);
    assert_null(record);
    assert_int_equal(problems.n, 2);
    assert_string_equal(problems.items[0].path, "candidate.rule.n");
    assert_string_equal(problems.items[1].path, "candidate.rule.list");
    assert_int_equal(schema_decode(&item_schema, tree, "", arena, &record, NULL), -1);
    problems_free(&problems);
    arena_free(arena);
}

static void test_all_problems_at_once(void **state)
{
    (void)state;
    expect(&all_schema,
           "txt: 1\nkeyed:\n  '': {n: 1}\n  k: [1]\n  l: {m: 1}\nsingle:\nport: 1\nu16s: [0, 1, "
           "70000]\n"
           "items: [x, {n: 10}, {n: 1, list: [~]}]\nwrapped: [{n: 1}, {item: {n: 13}}, {item: 1}, "
           "{item: {n: 1}, x: 1}]\n"
           "group: {groupd: 1}\ncustom: bad\nstrange_thing: 1\n",
           "1:1: txt: a thing has no such field; did you mean \"text\"?\n"
           "3:3: keyed: a key must not be empty\n"
           "4:6: keyed.k: must be a map of the fields of an item, not a list\n"
           "5:6: keyed.l: the field \"n\" is missing\n"
           "5:7: keyed.l.m: an item has no such field; it has name, n, list\n"
           "6:8: single: is written without a value: write {} or leave it out\n"
           "7:1: port: cannot stand beside \"u16s\": keep one of them\n"
           "8:8: u16s[0]: must be between 1 and 65535, not 0\n"
           "8:14: u16s[2]: must be between 1 and 65535, not 70000\n"
           "9:9: items[0]: must be a whole number in plain decimal digits, not \"x\"\n"
           "9:35: items[2].list[0]: must be a text: write \"\" or leave it out\n"
           "10:11: wrapped[0]: must be a map with the one field \"item\", which holds all others\n"
           "10:26: wrapped[1].item: is unlucky at wrapped[1].item\n"
           "10:43: wrapped[2].item: must be a map of the fields of an item, not \"1\"\n"
           "10:47: wrapped[3]: must be a map with the one field \"item\"\n"
           "11:8: group: the field \"grouped\" is missing\n"
           "11:9: group.groupd: a group has no such field; did you mean \"grouped\"?\n"
           "12:9: custom: is bad\n"
           "13:1: strange_thing: a thing has no such field; it has text, lines, short, filled, "
           "other, word, "
           "fold, bool, opened, port, u16, u32, i32, i64, exact, double, texts, some, u16s, json, "
           "single, items, "
           "keyed, wrapped, group, custom\n");
    expect(&all_schema, "[]", "1:1: : must be a map of the fields of a thing, not a list\n");
    expect(&all_schema, "", "1:1: : must be a map of the fields of a thing, not nothing\n");
    expect(&item_schema, "n: 13", "1:1: : is unlucky at \n");
}

static void test_kept_and_required(void **state)
{
    (void)state;
    expect(&kept_schema, "{}", "1:1: : the field \"required\" is missing\n");
    expect(&kept_schema, "required: ''",
           "{\"text\":\"x\",\"number\":0,\"flag\":false,\"texts\":[],\"required\":\"\"}");
    expect(&kept_schema, "{required: r, alias: y}",
           "{\"text\":\"y\",\"number\":0,\"flag\":false,\"texts\":[],\"required\":\"r\"}");
}

static void test_long_keys(void **state)
{
    (void)state;
    char key[258], text[400], wanted[400];
    memset(key, 'k', sizeof key);
    key[256] = '\0';
    snprintf(text, sizeof text, "keyed: {%s: {n: 1}}", key);
    snprintf(wanted, sizeof wanted, "{\"keyed\":{\"%s\":{\"n\":1}}}", key);
    expect(&all_schema, text, wanted);
    key[256] = 'k';
    key[257] = '\0';
    snprintf(text, sizeof text, "keyed: {%s: {n: 1}}", key);
    expect(&all_schema, text, "1:9: keyed: a key must have at most 256 bytes, not 257\n");
    expect(&all_schema, "keyed: {\"a\\nb\": {n: 1}}",
           "1:9: keyed: must not have the control character U+000A\n");
}

static void test_shown_values_are_short(void **state)
{
    (void)state;
    char text[300] = "bool: ";
    for (int i = 0; i < 100; i++)
        strcat(text, "é");
    struct buf wanted = {0};
    buf_puts(&wanted, "1:7: bool: must be true or false, not \"");
    for (int i = 0; i < 30; i++)
        buf_puts(&wanted, "é");
    buf_puts(&wanted, "…\"\n");
    expect(&all_schema, text, wanted.data);
    buf_free(&wanted);
}

/* What is worked out for a problem must not be when it cannot be reported any more. */
static void test_many_problems(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    struct problems problems = {0};
    struct buf text = {0};
    struct doc_node *tree;
    void *record;
    for (int i = 0; i < 20000; i++)
        buf_printf(&text, "unknown_field_%d: 1\n", i);
    assert_int_equal(doc_parse(text.data, text.len, DOC_YAML, 1 << 20, arena, &tree, &problems), 0);
    assert_int_equal(schema_decode(&all_schema, tree, "", arena, &record, &problems), -1);
    assert_int_equal(problems.n, PROBLEMS_MAX);
    assert_true(problems.truncated);
    problems_free(&problems);
    buf_free(&text);
    arena_free(arena);
}

static void test_copy(void **state)
{
    (void)state;
    struct arena *from = arena_new(), *to = arena_new();
    struct buf before = {0}, after = {0};
    const struct all *all = decode(
        &all_schema,
        "{text: t, texts: [a, b], u16s: [1], single: {n: 1}, json: {a: 1}, group: {grouped: g},"
        " keyed: {k: {n: 1, list: [l]}}, wrapped: [{item: {n: 2}}], items: [3]}",
        DOC_YAML, from, &before);
    struct all *copy = schema_copy(&all_schema, all, to);
    arena_free(from); /* a pointer into it that was missed is a use after free now */
    schema_encode_json(&all_schema, copy, &after);
    assert_string_equal(after.data, before.data);
    assert_string_equal(copy->keyed[0]->path, "keyed.k");
    assert_null(schema_copy(&all_schema, NULL, to));
    buf_free(&before);
    buf_free(&after);
    arena_free(to);
}

static void test_describe(void **state)
{
    (void)state;
    struct buf json = {0};
    struct doc_json_writer writer;
    schema_describe(&all_schema, doc_json_writer(&writer, &json));
    struct arena *arena = arena_new();
    struct doc_node *tree;
    assert_int_equal(doc_parse(json.data, json.len, DOC_JSON, 1 << 20, arena, &tree, NULL), 0);
    static const struct {
        const char *path, *text;
    } parts[] = {
        {"properties.text", "{\"type\":\"string\",\"description\":\"Any \\\"text\\\".\"}"},
        {"properties.short", "{\"type\":\"string\",\"maxLength\":4}"},
        {"properties.filled", "{\"type\":\"string\",\"minLength\":1}"},
        {"properties.other", "{\"type\":\"string\",\"default\":\"red\"}"},
        {"properties.word", "{\"type\":\"string\",\"enum\":[\"zero\",\"one\",\"two\",\"uno\"]}"},
        {"properties.opened", "{\"type\":\"boolean\",\"default\":true}"},
        {"properties.port", "{\"type\":\"integer\",\"minimum\":1,\"maximum\":65535}"},
        {"properties.double", "{\"type\":\"number\"}"},
        {"properties.texts", "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}"},
        {"properties.some", "{\"type\":\"array\",\"minItems\":1,\"items\":{\"type\":\"string\"}}"},
        {"properties.u16s",
         "{\"type\":\"array\",\"items\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":65535}}"},
        {"properties.json", "{\"type\":\"object\",\"default\":{}}"},
        {"properties.keyed.propertyNames", "{\"minLength\":1,\"maxLength\":256}"},
        {"properties.keyed.additionalProperties.required", "[\"n\"]"},
        {"properties.wrapped.items.required", "[\"item\"]"},
        {"properties.items.items.anyOf[0]", "{\"type\":\"string\"}"},
        {"properties.custom", "{}"},
        {"properties.ignored", "{\"type\":\"boolean\",\"deprecated\":true}"},
        {"allOf", "[{\"not\":{\"required\":[\"port\",\"u16s\"]}}]"},
        {"additionalProperties", "false"},
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        struct buf part = {0};
        const struct doc_node *node = doc_at(tree, parts[i].path);
        if (!node)
            fail_msg("%s is not there", parts[i].path);
        doc_print(node, DOC_JSON, &part);
        assert_string_equal(part.data, parts[i].text);
        buf_free(&part);
    }
    buf_free(&json);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_base_path),
        cmocka_unit_test(test_all_problems_at_once),
        cmocka_unit_test(test_kept_and_required),
        cmocka_unit_test(test_long_keys),
        cmocka_unit_test(test_shown_values_are_short),
        cmocka_unit_test(test_many_problems),
        cmocka_unit_test(test_copy),
        cmocka_unit_test(test_describe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
