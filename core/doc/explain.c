/* SPDX-License-Identifier: Apache-2.0 */
#include "doc/explain.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "doc/schema_parts.h"

enum { COLUMNS = 92, NAME_MAX_BYTES = 256, FIELDS_MAX = 64 };

/* ---- finding ---- */

static const struct schema_field *find_field(const struct schema *schema, const char *name)
{
    for (const struct schema_field *f = schema->fields; f->name; f++)
        if (strcmp(f->name, name) == 0)
            return f;
    return NULL;
}

/* The next name of the path, without indexes.  false: the path ends. */
static bool next_name(const char **path, char name[static NAME_MAX_BYTES])
{
    const char *at = *path + strspn(*path, ".");
    size_t len = strcspn(at, "."), shown = strcspn(at, ".[");
    snprintf(name, NAME_MAX_BYTES, "%.*s", (int)(shown < len ? shown : len), at);
    *path = at + len;
    return len > 0;
}

/* The name is none of a field but one that the document has there anyway. */
static bool is_passed_over(const struct schema_field *field, const char *name)
{
    return field && (!*name || field->kind == SCHEMA_KEYED ||
                     (field->wrap && strcmp(field->wrap, name) == 0));
}

static const char *nearest(const struct schema *schema, const char *name)
{
    const char *names[FIELDS_MAX + 1];
    size_t n = 0;
    for (const struct schema_field *f = schema->fields; f->name && n < FIELDS_MAX; f++)
        names[n++] = f->name;
    names[n] = NULL;
    return text_nearest(name, names);
}

/* What was taken for a name of the document is almost one of a field. */
static bool is_misspelt(const struct schema_field *field, const char *passed)
{
    return *passed && field->kind == SCHEMA_KEYED && nearest(field->sub, passed);
}

static int refuse(const struct schema *schema, const char *name, struct error *err)
{
    const char *near = nearest(schema, name);
    const char *article = strchr("aeiou", *schema->name) ? "an" : "a";
    if (near)
        return error_set(err, ERROR_NOT_FOUND, "%s %s has no field \"%s\"; did you mean \"%s\"?",
                         article, schema->name, name, near);
    struct buf list = {0};
    for (const struct schema_field *f = schema->fields; f->name; f++)
        buf_printf(&list, "%s%s", list.len ? ", " : "", f->name);
    error_set(err, ERROR_NOT_FOUND, "%s %s has no field \"%s\"; it has %s", article, schema->name,
              name, buf_str(&list));
    buf_free(&list);
    return -1;
}

int schema_find(const struct schema *schema, const char *path, struct schema_place *out,
                struct error *err)
{
    char name[NAME_MAX_BYTES];
    char passed[NAME_MAX_BYTES] = "";               /* one such name may be at a place */
    *out = (struct schema_place){.schema = schema};
    while (next_name(&path, name)) {
        const struct schema *here = out->field ? out->field->sub : schema;
        const struct schema_field *found = here ? find_field(here, name) : NULL;
        if (found) {
            *out = (struct schema_place){.schema = here, .field = found};
            *passed = '\0';
        } else if (!*passed && is_passed_over(out->field, name)) {
            strcpy(passed, name);
        } else if (here) {
            return refuse(here, is_misspelt(out->field, passed) ? passed : name, err);
        } else {
            return error_set(err, ERROR_NOT_FOUND, "\"%s\" is no map: it has no field \"%s\"",
                             out->field->name, name);
        }
    }
    return is_misspelt(out->field, passed) ? refuse(out->field->sub, passed, err) : 0;
}

/* ---- explaining ---- */

static void add_range(const struct schema_field *field, struct buf *out)
{
    int64_t min, max;
    if (!field->min && !field->max)
        return;
    schema_range(field, &min, &max);
    buf_printf(out, " from %" PRId64 " to %" PRId64, min, max);
}

static void add_words(const struct schema_field *field, struct buf *out)
{
    for (const char *const *word = field->words; *word; word++)
        buf_printf(out, "%s%s", word == field->words ? "" : " | ", *word);
}

static void add_type(const struct schema_field *field, struct buf *out)
{
    static const char *const names[] = {
        [SCHEMA_TEXT] = "text", [SCHEMA_BOOL] = "true | false", [SCHEMA_U16] = "number",
        [SCHEMA_U32] = "number", [SCHEMA_I32] = "number", [SCHEMA_I64] = "number",
        [SCHEMA_DOUBLE] = "number", [SCHEMA_TEXTS] = "list of texts",
        [SCHEMA_U16S] = "list of numbers", [SCHEMA_STRUCT] = "map",
        [SCHEMA_STRUCTS] = "list of maps", [SCHEMA_KEYED] = "map of names to maps",
        [SCHEMA_JSON] = "anything",
        [SCHEMA_CUSTOM] = "see below", [SCHEMA_GROUP] = "map",
    };
    bool is_short = field->sub && field->sub->decode_short;
    if (field->words)
        add_words(field, out);
    else if (field->kind == SCHEMA_CUSTOM && field->sub)
        buf_puts(out, is_short ? "text or map" : "map");
    else
        buf_puts(out, names[field->kind]);
    if (is_short && field->kind != SCHEMA_CUSTOM)
        buf_puts(out, " or texts");
    add_range(field, out);
}

static void add_facts(const struct schema_field *field, struct buf *out)
{
    if (field->flags & SCHEMA_REQUIRED)
        buf_puts(out, ", required");
    if (field->flags & SCHEMA_NONEMPTY)
        buf_puts(out, ", not empty");
    if (field->fallback && *field->fallback)
        buf_printf(out, ", default %s", field->fallback);
    if (field->excludes)
        buf_printf(out, ", not beside %s", field->excludes);
}

static void add_indent(struct buf *out, size_t depth)
{
    for (size_t i = 0; i < depth; i++)
        buf_puts(out, "  ");
}

/* Words of the text in lines of at most COLUMNS. */
static void add_wrapped(const char *text, size_t depth, struct buf *out)
{
    size_t column = COLUMNS + 1;
    while (*text) {
        size_t len = strcspn(text, " ");
        if (column + 1 + len > COLUMNS) {
            if (column <= COLUMNS)
                buf_puts(out, "\n");
            add_indent(out, depth);
            column = 2 * depth;
        } else {
            buf_puts(out, " ");
            column++;
        }
        buf_printf(out, "%.*s", (int)len, text);
        column += len;
        text += len + strspn(text + len, " ");
    }
    buf_puts(out, "\n");
}

static void explain_fields(const struct schema *schema, size_t depth, struct buf *out);

static void explain_field(const struct schema_field *field, size_t depth, struct buf *out)
{
    add_indent(out, depth);
    buf_printf(out, "%s: ", field->name);
    add_type(field, out);
    add_facts(field, out);
    buf_puts(out, "\n");
    if (field->help)
        add_wrapped(field->help, depth + 2, out);
    bool named = field->kind == SCHEMA_KEYED;
    if (field->wrap || named) {
        add_indent(out, depth + 1);
        buf_printf(out, "%s: map\n", named ? "NAME" : field->wrap);
    }
    if (field->sub)
        explain_fields(field->sub, depth + 1 + (field->wrap || named), out);
}

static void explain_fields(const struct schema *schema, size_t depth, struct buf *out)
{
    for (const struct schema_field *f = schema->fields; f->name; f++)
        if (!(f->flags & SCHEMA_IGNORED))
            explain_field(f, depth, out);
}

void schema_explain(const struct schema_place *place, struct buf *out)
{
    if (place->field)
        explain_field(place->field, 0, out);
    else
        explain_fields(place->schema, 0, out);
}
