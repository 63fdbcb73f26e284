/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "doc/decoder.h"

static void add_text(struct buf *out, const char *name, const char *text)
{
    buf_printf(out, ",\"%s\":", name);
    text_json_quote(out, text);
}

static void describe_words(const struct schema_field *field, struct buf *out)
{
    buf_puts(out, ",\"enum\":[");
    for (const char *const *w = field->words; *w; w++) {
        buf_puts(out, w == field->words ? "" : ",");
        text_json_quote(out, *w);
    }
    for (const char *const *pair = field->synonyms; pair && *pair; pair += 2) {
        if (schema_is_word(field, pair[0]))
            continue;
        buf_putc(out, ',');
        text_json_quote(out, pair[0]);
    }
    buf_putc(out, ']');
}

static void describe_text(const struct schema_field *field, struct buf *out)
{
    buf_puts(out, "\"type\":\"string\"");
    if (field->words)
        describe_words(field, out);
    if (field->flags & SCHEMA_NONEMPTY)
        buf_puts(out, ",\"minLength\":1");
    if (field->max > 0)
        buf_printf(out, ",\"maxLength\":%" PRId64, field->max);
}

static void describe_number(const struct schema_field *field, struct buf *out)
{
    int64_t min, max;
    schema_range(field, &min, &max);
    buf_printf(out, "\"type\":\"integer\",\"minimum\":%" PRId64 ",\"maximum\":%" PRId64, min, max);
}

static void describe_item(const struct schema_field *field, struct buf *out)
{
    if (field->wrap)
        buf_printf(out,
                   "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"%s\"],"
                   "\"properties\":{\"%s\":",
                   field->wrap, field->wrap);
    if (field->kind == SCHEMA_TEXTS || field->kind == SCHEMA_U16S) {
        buf_putc(out, '{');
        if (field->kind == SCHEMA_TEXTS)
            buf_puts(out, "\"type\":\"string\"");
        else
            describe_number(field, out);
        buf_putc(out, '}');
    } else {
        schema_describe(field->sub, out);
    }
    buf_puts(out, field->wrap ? "}}" : "");
}

static void describe_collection(const struct schema_field *field, struct buf *out)
{
    bool keyed = field->kind == SCHEMA_KEYED;
    if (keyed)
        buf_printf(out, "\"type\":\"object\",\"propertyNames\":{\"minLength\":1,\"maxLength\":%d}",
                   SCHEMA_KEY_MAX);
    else
        buf_puts(out, "\"type\":\"array\"");
    if (field->flags & SCHEMA_NONEMPTY)
        buf_printf(out, ",\"min%s\":1", keyed ? "Properties" : "Items");
    /* What a decoder of its own reads may be more than the items that it makes of it. */
    if (keyed && field->decode)
        return;
    buf_printf(out, ",\"%s\":", keyed ? "additionalProperties" : "items");
    describe_item(field, out);
}

static void describe_default(const struct schema_field *field, struct buf *out)
{
    if (!field->fallback || (field->flags & SCHEMA_REQUIRED))
        return;
    if (field->kind == SCHEMA_TEXT)
        add_text(out, "default", field->fallback);
    else
        buf_printf(out, ",\"default\":%s", field->fallback);
}

static void describe_inner(const struct schema *schema, struct buf *out);

static void describe_type(const struct schema_field *field, struct buf *out)
{
    switch (field->kind) {
    case SCHEMA_TEXT:
        describe_text(field, out);
        return;
    case SCHEMA_BOOL:
        buf_puts(out, "\"type\":\"boolean\"");
        return;
    case SCHEMA_DOUBLE:
        buf_puts(out, "\"type\":\"number\"");
        return;
    case SCHEMA_TEXTS:
    case SCHEMA_U16S:
    case SCHEMA_STRUCTS:
    case SCHEMA_KEYED:
        describe_collection(field, out);
        return;
    case SCHEMA_STRUCT:
    case SCHEMA_GROUP:
        describe_inner(field->sub, out);
        return;
    case SCHEMA_CUSTOM:
        if (field->sub)
            describe_inner(field->sub, out);
        return;
    case SCHEMA_JSON:
        return;
    default:
        describe_number(field, out);
    }
}

static void describe_field(const struct schema_field *field, struct buf *out)
{
    text_json_quote(out, field->name);
    buf_puts(out, ":{");
    size_t before = out->len;
    describe_type(field, out);
    describe_default(field, out);
    if (field->help)
        add_text(out, "description", field->help);
    if (field->flags & SCHEMA_IGNORED)
        buf_puts(out, ",\"deprecated\":true");
    if (out->len > before && out->data[before] == ',')
        out->data[before] = ' ';
    buf_putc(out, '}');
}

static void describe_required(const struct schema *schema, struct buf *out)
{
    bool any = false;
    for (const struct schema_field *f = schema->fields; f->name; f++) {
        if (!(f->flags & SCHEMA_REQUIRED))
            continue;
        buf_puts(out, any ? "," : ",\"required\":[");
        text_json_quote(out, f->name);
        any = true;
    }
    buf_puts(out, any ? "]" : "");
}

static void describe_exclusions(const struct schema *schema, struct buf *out)
{
    bool any = false;
    for (const struct schema_field *f = schema->fields; f->name; f++) {
        if (!f->excludes)
            continue;
        buf_printf(out, "%s{\"not\":{\"required\":[\"%s\",\"%s\"]}}", any ? "," : ",\"allOf\":[",
                   f->name, f->excludes);
        any = true;
    }
    buf_puts(out, any ? "]" : "");
}

static void describe_object(const struct schema *schema, struct buf *out)
{
    buf_puts(out, "\"type\":\"object\",\"additionalProperties\":false,\"properties\":{");
    for (const struct schema_field *f = schema->fields; f->name; f++) {
        buf_puts(out, f == schema->fields ? "" : ",");
        describe_field(f, out);
    }
    buf_putc(out, '}');
    describe_required(schema, out);
    describe_exclusions(schema, out);
}

static void describe_inner(const struct schema *schema, struct buf *out)
{
    if (!schema->decode_short) {
        describe_object(schema, out);
        return;
    }
    buf_puts(out, "\"anyOf\":[{\"type\":\"string\"},{");
    describe_object(schema, out);
    buf_puts(out, "}]");
}

void schema_describe(const struct schema *schema, struct buf *out)
{
    buf_putc(out, '{');
    describe_inner(schema, out);
    buf_putc(out, '}');
}
