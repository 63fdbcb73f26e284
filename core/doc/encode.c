/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "doc/schema_parts.h"
#include "doc/writer.h"

struct array {
    const char *items;
    size_t n;
};

static struct array array_of(const struct schema_field *field, const void *record)
{
    struct array array;
    memcpy(&array.items, (const char *)record + field->offset, sizeof array.items);
    memcpy(&array.n, (const char *)record + field->count_offset, sizeof array.n);
    return array;
}

static const void *pointer_at(const void *at)
{
    const void *p;
    memcpy(&p, at, sizeof p);
    return p;
}

static const char *text_at(const void *at)
{
    const char *text = pointer_at(at);
    return text ? text : "";
}

static const char *default_text(const struct schema *schema, const struct schema_field *field,
                                const void *record)
{
    if (field->flags & SCHEMA_NAMED)
        return text_at((const char *)record + schema->key_offset);
    return field->fallback ? field->fallback : "";
}

static bool is_default(const struct schema *schema, const struct schema_field *field,
                       const void *record)
{
    const void *at = (const char *)record + field->offset;
    const char *fallback = default_text(schema, field, record);
    switch (field->kind) {
    case SCHEMA_TEXT:
    case SCHEMA_JSON:
        return !*text_at(at) || (*fallback && strcmp(text_at(at), fallback) == 0);
    case SCHEMA_BOOL:
        return *(const bool *)at == (*fallback && strcmp(fallback, "true") == 0);
    case SCHEMA_DOUBLE:
        return *(const double *)at == strtod(fallback, NULL);
    case SCHEMA_STRUCT:
        return !pointer_at(at);
    case SCHEMA_TEXTS:
    case SCHEMA_U16S:
    case SCHEMA_STRUCTS:
    case SCHEMA_KEYED:
        return array_of(field, record).n == 0;
    case SCHEMA_GROUP:
        for (const struct schema_field *f = field->sub->fields; f->name; f++)
            if (!is_default(field->sub, f, record))
                return false;
        return true;
    case SCHEMA_CUSTOM:
        return !field->encode;
    default:
        return schema_get_number(field->kind, at) == (*fallback ? strtoll(fallback, NULL, 10) : 0);
    }
}

/* What a program says may be no UTF-8. */
static void write_text(const struct schema_field *field, const char *text, struct doc_writer *w)
{
    size_t len = strlen(text), valid = field->flags & SCHEMA_ANY ? text_utf8_valid(text, len) : len;
    char *cut = valid < len ? alloc_printf("%.*s", (int)valid, text) : NULL;
    doc_write_text(w, cut ? cut : text);
    free(cut);
}

static void write_item(const struct schema_field *field, const struct array *array, size_t i,
                       struct doc_writer *w)
{
    const void *p;
    if (field->kind == SCHEMA_U16S) {
        doc_write_number(w, ((const uint16_t *)(const void *)array->items)[i]);
        return;
    }
    const char *at = array->items + i * schema_width(field);
    p = field->flags & SCHEMA_INLINE ? at : pointer_at(at);
    if (field->kind == SCHEMA_TEXTS) {
        write_text(field, p, w);
        return;
    }
    if (field->kind == SCHEMA_KEYED)
        doc_write_key(w, text_at((const char *)p + field->sub->key_offset));
    if (!field->wrap) {
        schema_write(field->sub, p, w);
        return;
    }
    doc_write_open(w, DOC_MAP);
    doc_write_key(w, field->wrap);
    schema_write(field->sub, p, w);
    doc_write_close(w, DOC_MAP);
}

static void write_array(const struct schema_field *field, const void *record, struct doc_writer *w)
{
    struct array array = array_of(field, record);
    enum doc_kind kind = field->kind == SCHEMA_KEYED ? DOC_MAP : DOC_LIST;
    doc_write_open(w, kind);
    for (size_t i = 0; i < array.n; i++)
        write_item(field, &array, i, w);
    doc_write_close(w, kind);
}

/* The shortest text that reads back as the same number. */
static void write_double(double number, struct doc_writer *w)
{
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            break;
    }
    doc_write_literal(w, text);
}

static void write_map(const struct schema *schema, const void *record, struct doc_writer *w)
{
    doc_write_open(w, DOC_MAP);
    schema_write_fields(schema, record, w);
    doc_write_close(w, DOC_MAP);
}

static void write_value(const struct schema_field *field, const void *record, struct doc_writer *w)
{
    const void *at = (const char *)record + field->offset;
    switch (field->kind) {
    case SCHEMA_TEXT:
        write_text(field, *text_at(at) || !field->fallback ? text_at(at) : field->fallback, w);
        return;
    case SCHEMA_JSON:
        doc_write_json(w, *text_at(at) ? text_at(at) : "null");
        return;
    case SCHEMA_BOOL:
        doc_write_bool(w, *(const bool *)at);
        return;
    case SCHEMA_DOUBLE:
        write_double(*(const double *)at, w);
        return;
    case SCHEMA_STRUCT:
        schema_write(field->sub, pointer_at(at), w);
        return;
    case SCHEMA_GROUP:
        write_map(field->sub, record, w);
        return;
    case SCHEMA_TEXTS:
    case SCHEMA_U16S:
    case SCHEMA_STRUCTS:
    case SCHEMA_KEYED:
        write_array(field, record, w);
        return;
    default:
        doc_write_number(w, schema_get_number(field->kind, at));
    }
}

static bool is_written(const struct schema *schema, const struct schema_field *field,
                       const void *record)
{
    if (field->flags & (SCHEMA_ALIAS | SCHEMA_IGNORED))
        return false;
    bool kept = (field->flags & (SCHEMA_KEEP | SCHEMA_REQUIRED)) && field->kind != SCHEMA_STRUCT;
    if (kept || field->encode)
        return true;
    return !is_default(schema, field, record);
}

void schema_write_fields(const struct schema *schema, const void *record, struct doc_writer *w)
{
    for (const struct schema_field *f = schema->fields; f->name; f++) {
        if (!is_written(schema, f, record))
            continue;
        doc_write_key(w, f->name);
        if (f->encode)
            f->encode(record, w);
        else
            write_value(f, record, w);
    }
}

void schema_write(const struct schema *schema, const void *record, struct doc_writer *w)
{
    if (!schema->encode_short || !schema->encode_short(record, w))
        write_map(schema, record, w);
}

void schema_encode_json(const struct schema *schema, const void *record, struct buf *out)
{
    struct doc_json_writer json;
    schema_write(schema, record, doc_json_writer(&json, out));
}

void schema_encode_yaml(const struct schema *schema, const void *record, struct buf *out)
{
    struct doc_yaml_writer yaml;
    schema_write(schema, record, doc_yaml_writer(&yaml, out));
    doc_yaml_writer_end(&yaml);
}
