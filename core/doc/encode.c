/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "doc/decoder.h"

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

static void encode_fields(const struct schema *schema, const void *record, struct buf *out);

static void encode_record(const struct schema *schema, const void *record, struct buf *out)
{
    if (!schema->encode_short || !schema->encode_short(record, out))
        encode_fields(schema, record, out);
}

static void encode_item(const struct schema_field *field, const struct array *array, size_t i,
                        struct buf *out)
{
    const void *p;
    if (field->kind == SCHEMA_U16S) {
        buf_number(out, ((const uint16_t *)(const void *)array->items)[i]);
        return;
    }
    memcpy(&p, array->items + i * sizeof p, sizeof p);
    if (field->kind == SCHEMA_TEXTS) {
        text_json_quote(out, p);
        return;
    }
    if (field->kind == SCHEMA_KEYED) {
        text_json_quote(out, text_at((const char *)p + field->sub->key_offset));
        buf_putc(out, ':');
    }
    if (field->wrap)
        buf_printf(out, "{\"%s\":", field->wrap);
    encode_record(field->sub, p, out);
    if (field->wrap)
        buf_putc(out, '}');
}

static void encode_array(const struct schema_field *field, const void *record, struct buf *out)
{
    struct array array = array_of(field, record);
    bool keyed = field->kind == SCHEMA_KEYED;
    buf_putc(out, keyed ? '{' : '[');
    for (size_t i = 0; i < array.n; i++) {
        if (i)
            buf_putc(out, ',');
        encode_item(field, &array, i, out);
    }
    buf_putc(out, keyed ? '}' : ']');
}

/* The shortest text that reads back as the same number. */
static void encode_double(double number, struct buf *out)
{
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            break;
    }
    buf_puts(out, text);
}

static void encode_value(const struct schema_field *field, const void *record, struct buf *out)
{
    const void *at = (const char *)record + field->offset;
    switch (field->kind) {
    case SCHEMA_TEXT:
        text_json_quote(out, *text_at(at) || !field->fallback ? text_at(at) : field->fallback);
        return;
    case SCHEMA_JSON:
        buf_puts(out, *text_at(at) ? text_at(at) : "null");
        return;
    case SCHEMA_BOOL:
        buf_puts(out, *(const bool *)at ? "true" : "false");
        return;
    case SCHEMA_DOUBLE:
        encode_double(*(const double *)at, out);
        return;
    case SCHEMA_STRUCT:
        encode_record(field->sub, pointer_at(at), out);
        return;
    case SCHEMA_GROUP:
        encode_fields(field->sub, record, out);
        return;
    case SCHEMA_TEXTS:
    case SCHEMA_U16S:
    case SCHEMA_STRUCTS:
    case SCHEMA_KEYED:
        encode_array(field, record, out);
        return;
    default:
        buf_number(out, schema_get_number(field->kind, at));
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

static void encode_fields(const struct schema *schema, const void *record, struct buf *out)
{
    buf_putc(out, '{');
    bool first = true;
    for (const struct schema_field *f = schema->fields; f->name; f++) {
        if (!is_written(schema, f, record))
            continue;
        size_t before = out->len;
        if (!first)
            buf_putc(out, ',');
        text_json_quote(out, f->name);
        buf_putc(out, ':');
        size_t value = out->len;
        if (f->encode)
            f->encode(record, out);
        else
            encode_value(f, record, out);
        if (out->len == value) {
            out->len = before;
            out->data[before] = '\0';
        } else {
            first = false;
        }
    }
    buf_putc(out, '}');
}

void schema_encode_json(const struct schema *schema, const void *record, struct buf *out)
{
    encode_record(schema, record, out);
}

/* By way of the JSON text, so that both say the same. */
void schema_encode_yaml(const struct schema *schema, const void *record, struct buf *out)
{
    struct buf json = {0};
    encode_record(schema, record, &json);
    doc_json_to_yaml(buf_str(&json), json.len, out);
    buf_free(&json);
}
