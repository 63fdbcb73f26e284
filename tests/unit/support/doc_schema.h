/* SPDX-License-Identifier: Apache-2.0 */
/* A table that has everything, and what comes of decoding by it. */
#ifndef TESTS_SUPPORT_DOC_SCHEMA_H
#define TESTS_SUPPORT_DOC_SCHEMA_H

#include "doc/schema.h"
#include "doc/writer.h"
#include "support/doc_cases.h"

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

static bool encode_short(const void *record, struct doc_writer *w)
{
    const struct item *item = record;
    if (item->n_list)
        return false;
    doc_write_number(w, item->n);
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

static void encode_custom(const void *record, struct doc_writer *w)
{
    const struct all *all = record;
    if (all->custom)
        doc_write_text(w, all->custom);
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

/* Decodes text and gives what comes of it: the record's JSON, or its problems. */
static inline struct all *decode(const struct schema *schema, const char *text,
                                 enum doc_format format, struct arena *arena, struct buf *outcome)
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

#endif
