/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <string.h>

#include "doc/schema_parts.h"
#include "doc/writer.h"

static void add_text(struct doc_writer *w, const char *key, const char *text)
{
    doc_write_key(w, key);
    doc_write_text(w, text);
}

static void add_number(struct doc_writer *w, const char *key, int64_t number)
{
    doc_write_key(w, key);
    doc_write_number(w, number);
}

static void open_at(struct doc_writer *w, const char *key, enum doc_kind kind)
{
    doc_write_key(w, key);
    doc_write_open(w, kind);
}

/* What every object has before its properties. */
static void begin_object(struct doc_writer *w)
{
    add_text(w, "type", "object");
    doc_write_key(w, "additionalProperties");
    doc_write_bool(w, false);
}

static void describe_words(const struct schema_field *field, struct doc_writer *w)
{
    open_at(w, "enum", DOC_LIST);
    for (const char *const *word = field->words; *word; word++)
        doc_write_text(w, *word);
    for (const char *const *pair = field->synonyms; pair && *pair; pair += 2)
        if (!schema_is_word(field, pair[0]))
            doc_write_text(w, pair[0]);
    doc_write_close(w, DOC_LIST);
}

/* The words in any case, as a pattern: ^([tT][cC][pP]|…)?$ */
static void describe_folded(const struct schema_field *field, struct doc_writer *w)
{
    struct buf pattern = {0};
    buf_puts(&pattern, "^(");
    for (const char *const *word = field->words; *word; word++) {
        buf_puts(&pattern, word == field->words ? "" : "|");
        for (const char *c = *word; *c; c++)
            buf_printf(&pattern, isalpha((unsigned char)*c) ? "[%c%c]" : "%c", *c,
                       toupper((unsigned char)*c));
    }
    buf_puts(&pattern, field->flags & SCHEMA_NONEMPTY ? ")$" : ")?$");
    open_at(w, "anyOf", DOC_LIST);
    doc_write_open(w, DOC_MAP);
    describe_words(field, w);
    doc_write_close(w, DOC_MAP);
    doc_write_open(w, DOC_MAP);
    add_text(w, "pattern", buf_str(&pattern));
    doc_write_close(w, DOC_MAP);
    doc_write_close(w, DOC_LIST);
    buf_free(&pattern);
}

static void describe_text(const struct schema_field *field, struct doc_writer *w)
{
    add_text(w, "type", "string");
    if (field->words && (field->flags & SCHEMA_FOLD))
        describe_folded(field, w);
    else if (field->words)
        describe_words(field, w);
    if (field->flags & SCHEMA_NONEMPTY)
        add_number(w, "minLength", 1);
    if (field->max > 0)
        add_number(w, "maxLength", field->max);
}

static void describe_number(const struct schema_field *field, struct doc_writer *w)
{
    int64_t min, max;
    schema_range(field, &min, &max);
    add_text(w, "type", "integer");
    add_number(w, "minimum", min);
    add_number(w, "maximum", max);
}

static void describe_plain_item(const struct schema_field *field, struct doc_writer *w)
{
    if (field->kind != SCHEMA_TEXTS && field->kind != SCHEMA_U16S) {
        schema_describe(field->sub, w);
        return;
    }
    doc_write_open(w, DOC_MAP);
    if (field->kind == SCHEMA_TEXTS)
        add_text(w, "type", "string");
    else
        describe_number(field, w);
    doc_write_close(w, DOC_MAP);
}

static void describe_item(const struct schema_field *field, struct doc_writer *w)
{
    if (!field->wrap) {
        describe_plain_item(field, w);
        return;
    }
    doc_write_open(w, DOC_MAP);
    begin_object(w);
    open_at(w, "required", DOC_LIST);
    doc_write_text(w, field->wrap);
    doc_write_close(w, DOC_LIST);
    open_at(w, "properties", DOC_MAP);
    doc_write_key(w, field->wrap);
    describe_plain_item(field, w);
    doc_write_close(w, DOC_MAP);
    doc_write_close(w, DOC_MAP);
}

static void describe_collection(const struct schema_field *field, struct doc_writer *w)
{
    bool keyed = field->kind == SCHEMA_KEYED;
    add_text(w, "type", keyed ? "object" : "array");
    if (keyed) {
        open_at(w, "propertyNames", DOC_MAP);
        add_number(w, "minLength", 1);
        add_number(w, "maxLength", SCHEMA_KEY_MAX);
        doc_write_close(w, DOC_MAP);
    }
    if (field->flags & SCHEMA_NONEMPTY)
        add_number(w, keyed ? "minProperties" : "minItems", 1);
    /* A decoder of its own may accept more than the items that it makes. */
    if (keyed && field->decode)
        return;
    doc_write_key(w, keyed ? "additionalProperties" : "items");
    describe_item(field, w);
}

static void describe_default(const struct schema_field *field, struct doc_writer *w)
{
    if (!field->fallback || (field->flags & SCHEMA_REQUIRED))
        return;
    doc_write_key(w, "default");
    if (field->kind == SCHEMA_TEXT)
        doc_write_text(w, field->fallback);
    else
        doc_write_literal(w, field->fallback);
}

static void describe_inner(const struct schema *schema, struct doc_writer *w);

static void describe_type(const struct schema_field *field, struct doc_writer *w)
{
    switch (field->kind) {
    case SCHEMA_TEXT:
        describe_text(field, w);
        return;
    case SCHEMA_BOOL:
        add_text(w, "type", "boolean");
        return;
    case SCHEMA_DOUBLE:
        add_text(w, "type", "number");
        return;
    case SCHEMA_TEXTS:
    case SCHEMA_U16S:
    case SCHEMA_STRUCTS:
    case SCHEMA_KEYED:
        describe_collection(field, w);
        return;
    case SCHEMA_STRUCT:
    case SCHEMA_GROUP:
        describe_inner(field->sub, w);
        return;
    case SCHEMA_CUSTOM:
        if (field->sub)
            describe_inner(field->sub, w);
        return;
    case SCHEMA_JSON:
        if (field->fallback && *field->fallback == '{')
            add_text(w, "type", "object");
        return;
    default:
        describe_number(field, w);
    }
}

static void describe_field(const struct schema_field *field, struct doc_writer *w)
{
    open_at(w, field->name, DOC_MAP);
    describe_type(field, w);
    describe_default(field, w);
    if (field->help)
        add_text(w, "description", field->help);
    if (field->flags & SCHEMA_IGNORED) {
        doc_write_key(w, "deprecated");
        doc_write_bool(w, true);
    }
    doc_write_close(w, DOC_MAP);
}

static void describe_required(const struct schema *schema, struct doc_writer *w)
{
    bool any = false;
    for (const struct schema_field *f = schema->fields; f->name; f++) {
        if (!(f->flags & SCHEMA_REQUIRED))
            continue;
        if (!any)
            open_at(w, "required", DOC_LIST);
        doc_write_text(w, f->name);
        any = true;
    }
    if (any)
        doc_write_close(w, DOC_LIST);
}

static void describe_exclusion(const struct schema_field *field, struct doc_writer *w)
{
    doc_write_open(w, DOC_MAP);
    open_at(w, "not", DOC_MAP);
    open_at(w, "required", DOC_LIST);
    doc_write_text(w, field->name);
    doc_write_text(w, field->excludes);
    doc_write_close(w, DOC_LIST);
    doc_write_close(w, DOC_MAP);
    doc_write_close(w, DOC_MAP);
}

static void describe_exclusions(const struct schema *schema, struct doc_writer *w)
{
    bool any = false;
    for (const struct schema_field *f = schema->fields; f->name; f++) {
        if (!f->excludes)
            continue;
        if (!any)
            open_at(w, "allOf", DOC_LIST);
        describe_exclusion(f, w);
        any = true;
    }
    if (any)
        doc_write_close(w, DOC_LIST);
}

static void describe_object(const struct schema *schema, struct doc_writer *w)
{
    begin_object(w);
    open_at(w, "properties", DOC_MAP);
    for (const struct schema_field *f = schema->fields; f->name; f++)
        describe_field(f, w);
    doc_write_close(w, DOC_MAP);
    describe_required(schema, w);
    describe_exclusions(schema, w);
}

static void describe_inner(const struct schema *schema, struct doc_writer *w)
{
    if (!schema->decode_short) {
        describe_object(schema, w);
        return;
    }
    open_at(w, "anyOf", DOC_LIST);
    doc_write_open(w, DOC_MAP);
    add_text(w, "type", "string");
    doc_write_close(w, DOC_MAP);
    doc_write_open(w, DOC_MAP);
    describe_object(schema, w);
    doc_write_close(w, DOC_MAP);
    doc_write_close(w, DOC_LIST);
}

void schema_describe(const struct schema *schema, struct doc_writer *w)
{
    doc_write_open(w, DOC_MAP);
    describe_inner(schema, w);
    doc_write_close(w, DOC_MAP);
}
