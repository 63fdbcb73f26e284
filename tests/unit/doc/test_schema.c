/* SPDX-License-Identifier: Apache-2.0 */
#include "doc/cases.h"

#include "doc/schema.h"

/* A table that has everything. */

struct item {
    const char *key, *name, *path;
    uint16_t n;
    const char *const *list;
    size_t n_list;
};

struct all {
    uint32_t size;
    const char *text, *lines, *short_text, *filled, *other, *word, *fold, *json, *grouped,
        *required;
    bool flag, opened;
    uint16_t port, u16;
    uint32_t u32;
    int32_t i32;
    int64_t i64, exact;
    double number;
    const char *const *texts, *const *some;
    size_t n_texts, n_some;
    const uint16_t *u16s;
    size_t n_u16s;
    const struct item *single;
    const struct item *const *items, *const *keyed, *const *wrapped;
    size_t n_items, n_keyed, n_wrapped;
    const char *custom;
};

#define AT(member)   .offset = offsetof(struct all, member)
#define LIST(member) AT(member), .count_offset = offsetof(struct all, n_##member)

static int decode_short(struct schema_decoder *d, const struct doc_node *value, void *record)
{
    int64_t n;
    if (schema_integer(d, value, 0, 9, &n))
        return -1;
    ((struct item *)record)->n = (uint16_t)n;
    return 0;
}

static bool encode_short(const void *record, struct buf *json)
{
    const struct item *item = record;
    if (item->n_list)
        return false;
    buf_printf(json, "%u", item->n);
    return true;
}

static int finish_item(struct schema_decoder *d, void *record)
{
    const struct item *item = record;
    return item->n == 13 ? schema_problem(d, NULL, "is unlucky at %s", schema_path(d)) : 0;
}

static const struct schema_field item_fields[] = {
    {.name = "name",
     .kind = SCHEMA_TEXT,
     .offset = offsetof(struct item, name),
     .flags = SCHEMA_NAMED},
    {.name = "n", .kind = SCHEMA_U16, .offset = offsetof(struct item, n), .flags = SCHEMA_REQUIRED},
    {.name = "list",
     .kind = SCHEMA_TEXTS,
     .offset = offsetof(struct item, list),
     .count_offset = offsetof(struct item, n_list)},
    {0},
};

/* The key is the first member, so its offset is 0: it must be set all the same. */
static const struct schema item_schema = {
    .name = "item",
    .size = sizeof(struct item),
    .fields = item_fields,
    .path_offset = offsetof(struct item, path),
    .finish = finish_item,
};

static const struct schema short_schema = {
    .name = "item",
    .size = sizeof(struct item),
    .fields = item_fields,
    .decode_short = decode_short,
    .encode_short = encode_short,
};

static const struct schema_field group_fields[] = {
    {.name = "grouped", .kind = SCHEMA_TEXT, AT(grouped), .flags = SCHEMA_REQUIRED},
    {0},
};
static const struct schema group_schema = {.name = "group", .fields = group_fields};

static int decode_custom(struct schema_decoder *d, const struct doc_node *value, void *record)
{
    const char *text;
    if (schema_text(d, value, &text))
        return -1;
    if (strcmp(text, "bad") == 0)
        return schema_problem(d, value, "is bad");
    ((struct all *)record)->custom =
        arena_printf(schema_arena(d), "%s at %s", text, schema_path(d));
    return 0;
}

static void encode_custom(const void *record, struct buf *json)
{
    const struct all *all = record;
    if (all->custom)
        buf_printf(json, "\"%s\"", all->custom);
}

static const char *const words[] = {"zero", "one", "two", NULL};
static const char *const synonyms[] = {"uno", "one", "zero", "", NULL};
static const char *const folded[] = {"rest", "json-rpc", NULL};

static const struct schema_field all_fields[] = {
    {.name = "text", .kind = SCHEMA_TEXT, AT(text), .help = "Any \"text\"."},
    {.name = "lines", .kind = SCHEMA_TEXT, AT(lines), .flags = SCHEMA_LINES},
    {.name = "short", .kind = SCHEMA_TEXT, AT(short_text), .max = 4},
    {.name = "filled", .kind = SCHEMA_TEXT, AT(filled), .flags = SCHEMA_NONEMPTY},
    {.name = "other", .kind = SCHEMA_TEXT, AT(other), .fallback = "red"},
    {.name = "word", .kind = SCHEMA_TEXT, AT(word), .words = words, .synonyms = synonyms},
    {.name = "fold", .kind = SCHEMA_TEXT, AT(fold), .words = folded, .flags = SCHEMA_FOLD},
    {.name = "bool", .kind = SCHEMA_BOOL, AT(flag)},
    {.name = "opened", .kind = SCHEMA_BOOL, AT(opened), .fallback = "true"},
    {.name = "port", .kind = SCHEMA_U16, AT(port), .min = 1, .max = 65535, .excludes = "u16s"},
    {.name = "u16", .kind = SCHEMA_U16, AT(u16)},
    {.name = "u32", .kind = SCHEMA_U32, AT(u32)},
    {.name = "i32", .kind = SCHEMA_I32, AT(i32), .fallback = "5"},
    {.name = "i64", .kind = SCHEMA_I64, AT(i64)},
    {.name = "exact", .kind = SCHEMA_I64, AT(exact), .min = 3, .max = 3},
    {.name = "double", .kind = SCHEMA_DOUBLE, AT(number)},
    {.name = "texts", .kind = SCHEMA_TEXTS, LIST(texts)},
    {.name = "some", .kind = SCHEMA_TEXTS, LIST(some), .flags = SCHEMA_NONEMPTY},
    {.name = "u16s", .kind = SCHEMA_U16S, LIST(u16s), .min = 1, .max = 65535},
    {.name = "json", .kind = SCHEMA_JSON, AT(json), .fallback = "{}"},
    {.name = "single", .kind = SCHEMA_STRUCT, AT(single), .sub = &item_schema},
    {.name = "items", .kind = SCHEMA_STRUCTS, LIST(items), .sub = &short_schema},
    {.name = "keyed", .kind = SCHEMA_KEYED, LIST(keyed), .sub = &item_schema},
    {.name = "wrapped", .kind = SCHEMA_STRUCTS, LIST(wrapped), .sub = &item_schema, .wrap = "item"},
    {.name = "group", .kind = SCHEMA_GROUP, .sub = &group_schema},
    {.name = "custom", .kind = SCHEMA_CUSTOM, .decode = decode_custom, .encode = encode_custom},
    {.name = "ignored", .kind = SCHEMA_BOOL, .flags = SCHEMA_IGNORED},
    {0},
};

static const struct schema all_schema = {
    .name = "thing",
    .size = sizeof(struct all),
    .has_size = true,
    .fields = all_fields,
};

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

/* Decodes text and gives what comes of it: the record's JSON, or its problems. */
static struct all *decode(const struct schema *schema, const char *text, enum doc_format format,
                          struct arena *arena, struct buf *outcome)
{
    struct problems problems = {0};
    struct doc_node *tree;
    void *record = NULL;
    if (doc_parse(text, strlen(text), format, 1 << 20, arena, &tree, &problems) ||
        schema_decode(schema, tree, "", arena, &record, &problems)) {
        assert_true(problems.n > 0);
        add_problems(outcome, &problems);
        return NULL;
    }
    assert_int_equal(problems.n, 0);
    schema_encode_json(schema, record, outcome);
    return record;
}

static void expect(const struct schema *schema, const char *text, const char *wanted)
{
    struct arena *arena = arena_new();
    struct buf outcome = {0};
    decode(schema, text, DOC_YAML, arena, &outcome);
    assert_string_equal(buf_str(&outcome), wanted);
    buf_free(&outcome);
    arena_free(arena);
}

/* The data file. */

static void scalar_document(struct buf *out, const char *format, const char *field,
                            const char *written)
{
    if (strcmp(format, "json") == 0)
        buf_printf(out, "{\"%s\": %*s%s}", field, 8 - (int)strlen(field), "", written);
    else if (*written)
        buf_printf(out, "%s: %*s%s\n", field, 11 - (int)strlen(field), "", written);
    else
        buf_printf(out, "%s:\n", field);
}

/* Several problems stand in one line, with slashes between. */
static void one_line(struct buf *outcome)
{
    struct buf line = {0};
    for (size_t i = 0; i < outcome->len; i++) {
        if (outcome->data[i] == '\n')
            buf_puts(&line, i + 1 < outcome->len ? " / " : "");
        else
            buf_putc(&line, outcome->data[i]);
    }
    buf_free(outcome);
    *outcome = line;
}

static size_t run_scalar(char *line)
{
    char *arrow = strstr(line, " => "), *format, *field, *written, *rest;
    assert_non_null(arrow);
    *arrow = '\0';
    format = strtok_r(line, " ", &rest);
    field = strtok_r(NULL, " ", &rest);
    written = rest + strspn(rest, " ");
    for (char *end = written + strlen(written); end > written && end[-1] == ' ';)
        *--end = '\0';
    struct buf text = {0}, outcome = {0};
    struct arena *arena = arena_new();
    scalar_document(&text, format, field, written);
    decode(&all_schema, text.data, strcmp(format, "json") ? DOC_YAML : DOC_JSON, arena, &outcome);
    one_line(&outcome);
    bool same = strcmp(buf_str(&outcome), arrow + 4) == 0;
    if (!same)
        print_error("%s\n  wanted %s\n  got    %s\n", text.data, arrow + 4, buf_str(&outcome));
    buf_free(&text);
    buf_free(&outcome);
    arena_free(arena);
    return same ? 0 : 1;
}

static void test_scalars(void **state)
{
    (void)state;
    struct buf file = read_fixture("tests/fixtures/doc/scalars.txt");
    size_t n = 0, failed = 0;
    char *rest;
    for (char *line = strtok_r(file.data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        if (*line == '#')
            continue;
        failed += run_scalar(line);
        n++;
    }
    buf_free(&file);
    if (n < 100 || failed)
        fail_msg("%zu of %zu scalars failed", failed, n);
}

/* Records. */

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
    schema_describe(&all_schema, &json);
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
        {"properties.json", "{\"default\":{}}"},
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
        cmocka_unit_test(test_scalars),
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
