/* SPDX-License-Identifier: Apache-2.0 */
#include "doc/schema.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "doc/schema_parts.h"

static const char *path_of(struct schema_decoder *d, struct schema_step *step)
{
    if (!step)
        return d->base;
    const char *parent = step->path ? NULL : path_of(d, step->up);
    if (parent)
        step->path = step->key ? doc_path_key(d->arena, parent, step->key)
                               : doc_path_item(d->arena, parent, step->index);
    return step->path;
}

const char *schema_path(struct schema_decoder *d)
{
    return path_of(d, d->at);
}

struct arena *schema_arena(struct schema_decoder *d)
{
    return d->arena;
}

void schema_enter(struct schema_decoder *d, struct schema_step *step, const char *key,
                  const struct doc_node *node)
{
    *step = (struct schema_step){.up = d->at, .key = key, .node = node};
    d->at = step;
}

void schema_leave(struct schema_decoder *d)
{
    d->at = d->at->up;
}

/* Nothing more can be reported, so nothing needs to be worked out for a report. */
static bool is_full(struct schema_decoder *d)
{
    if (!d->problems)
        return true;
    if (d->problems->n == PROBLEMS_MAX)
        d->problems->truncated = true;
    return d->problems->truncated;
}

int schema_problem(struct schema_decoder *d, const struct doc_node *at, const char *format, ...)
{
    if (is_full(d))
        return -1;
    if (!at)
        at = d->at ? d->at->node : d->root;
    char message[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return problems_add(d->problems, schema_path(d), at->line, at->column, "%s", message);
}

static const char *article(const struct schema *schema)
{
    return strchr("aeiou", *schema->name) ? "an" : "a";
}

/* Fields. */

static int decode_fields(struct schema_decoder *d, const struct schema *schema,
                         const struct doc_node *map, void *record);

static int read_struct(struct schema_decoder *d, const struct schema_field *field,
                       const struct doc_node *value, void *out)
{
    if (value->kind == DOC_NULL)
        return schema_problem(d, value, "is written without a value: write {} or leave it out");
    return schema_decode_record(d, field->sub, value, NULL, out);
}

static int read_group(struct schema_decoder *d, const struct schema_field *field,
                      const struct doc_node *value, void *record)
{
    if (value->kind != DOC_MAP)
        return schema_problem(d, value, "must be a map, not %s", schema_show(d, value));
    return decode_fields(d, field->sub, value, record);
}

static int read_field(struct schema_decoder *d, const struct schema_field *field,
                      const struct doc_node *value, void *record)
{
    void *at = (char *)record + field->offset;
    bool absent = (field->flags & SCHEMA_NULLABLE) && value->kind == DOC_NULL;
    if (absent || (field->flags & SCHEMA_IGNORED))
        return 0;
    if (field->decode)
        return field->decode(d, value, record);
    switch (field->kind) {
    case SCHEMA_TEXT:
        return schema_read_text(d, field, value, at);
    case SCHEMA_BOOL:
        return schema_read_bool(d, value, at);
    case SCHEMA_DOUBLE:
        return schema_read_double(d, value, at);
    case SCHEMA_JSON:
        return schema_read_json(d, field, value, at);
    case SCHEMA_STRUCT:
        return read_struct(d, field, value, at);
    case SCHEMA_KEYED:
        return schema_read_keyed(d, field, value, record);
    case SCHEMA_TEXTS:
    case SCHEMA_U16S:
    case SCHEMA_STRUCTS:
        return schema_read_list(d, field, value, record);
    case SCHEMA_GROUP:
        return read_group(d, field, value, record);
    default:
        return schema_read_number(d, field, value, at);
    }
}

static const struct schema_field *find_field(const struct schema *schema, const char *name)
{
    for (const struct schema_field *f = schema->fields; f->name; f++)
        if (*f->name == *name && strcmp(f->name, name) == 0)
            return f;
    return NULL;
}

/* The only name that begins with what was written, where that is not too short to tell. */
static const char *only_completion(const char *text, const char *const *names)
{
    const char *found = NULL;
    size_t len = strlen(text);
    for (; len > 2 && *names; names++) {
        if (strncmp(*names, text, len) != 0)
            continue;
        if (found)
            return NULL;
        found = *names;
    }
    return found;
}

static int refuse_unknown(struct schema_decoder *d, const struct schema *schema,
                          const struct doc_node *key)
{
    enum { NAMES_MAX = 64 };
    const char *names[NAMES_MAX + 1];
    size_t n = 0;
    if (is_full(d))
        return -1;
    for (const struct schema_field *f = schema->fields; f->name && n < NAMES_MAX; f++)
        if (!(f->flags & SCHEMA_IGNORED))
            names[n++] = f->name;
    names[n] = NULL;
    const char *near = text_nearest(key->text, names);
    if (!near)
        near = only_completion(key->text, names);
    if (near)
        return schema_problem(d, key, "%s %s has no such field; did you mean \"%s\"?",
                              article(schema), schema->name, near);
    const char *list = "";
    for (size_t i = 0; i < n; i++)
        list = arena_printf(d->arena, "%s%s%s", list, i ? ", " : "", names[i]);
    return schema_problem(d, key, "%s %s has no such field; it has %s", article(schema),
                          schema->name, list);
}

static int decode_field(struct schema_decoder *d, const struct schema *schema,
                        const struct doc_node *map, size_t i, void *record)
{
    const struct schema_field *field = find_field(schema, map->keys[i]->text);
    struct schema_step step;
    int rc;
    schema_enter(d, &step, map->keys[i]->text, map->items[i]);
    if (!field)
        rc = d->sound || schema->open ? 0 : refuse_unknown(d, schema, map->keys[i]);
    else if (field->excludes && doc_get(map, field->excludes))
        rc = schema_problem(d, map->keys[i], "cannot stand beside \"%s\": keep one of them",
                            field->excludes);
    else
        rc = read_field(d, field, map->items[i], record);
    schema_leave(d);
    return rc;
}

static int report_missing(struct schema_decoder *d, const struct schema *schema,
                          const struct doc_node *map)
{
    int rc = 0;
    for (const struct schema_field *f = schema->fields; f->name; f++)
        if ((f->flags & SCHEMA_REQUIRED) && !doc_get(map, f->name))
            rc = schema_problem(d, map, "the field \"%s\" is missing", f->name);
    return rc;
}

static int decode_fields(struct schema_decoder *d, const struct schema *schema,
                         const struct doc_node *map, void *record)
{
    int rc = report_missing(d, schema, map);
    for (size_t i = 0; i < map->n; i++)
        if (decode_field(d, schema, map, i, record))
            rc = -1;
    return rc;
}

/* Records. */

static void set_defaults(const struct schema *schema, void *record)
{
    for (const struct schema_field *f = schema->fields; f->name; f++) {
        void *at = (char *)record + f->offset;
        const char *text = f->fallback ? f->fallback : "";
        if (f->kind == SCHEMA_GROUP)
            set_defaults(f->sub, record);
        else if (f->flags & (SCHEMA_IGNORED | SCHEMA_ALIAS))
            continue;
        else if (f->flags & SCHEMA_NULLABLE)
            continue;
        else if (f->kind == SCHEMA_TEXT || f->kind == SCHEMA_JSON)
            memcpy(at, &text, sizeof text);
        else if (!f->fallback)
            continue;                               /* 0 already */
        else if (f->kind == SCHEMA_BOOL)
            *(bool *)at = strcmp(text, "true") == 0;
        else if (f->kind == SCHEMA_DOUBLE)
            *(double *)at = strtod(text, NULL);
        else if (schema_is_number(f->kind) && !f->decode)
            schema_set_number(f->kind, at, strtoll(text, NULL, 10));
    }
}

static void set_names(const struct schema *schema, const char *key, void *record)
{
    for (const struct schema_field *f = schema->fields; f->name; f++) {
        const char **at = (const char **)(void *)((char *)record + f->offset);
        if ((f->flags & SCHEMA_NAMED) && !**at)
            *at = key;
    }
}

static void *new_record(struct schema_decoder *d, const struct schema *schema, const char *key)
{
    void *record = arena_zalloc(d->arena, schema->size);
    const char *own_key = arena_str(d->arena, key ? key : "");
    set_defaults(schema, record);
    if (schema->has_size)
        *(uint32_t *)record = (uint32_t)schema->size;
    if (key || schema->key_offset)
        memcpy((char *)record + schema->key_offset, &own_key, sizeof own_key);
    if (schema->path_offset) {
        const char *path = schema_path(d);
        memcpy((char *)record + schema->path_offset, &path, sizeof path);
    }
    return record;
}

int schema_decode_record(struct schema_decoder *d, const struct schema *schema,
                         const struct doc_node *node, const char *key, void **out)
{
    bool is_short = node->kind != DOC_MAP && schema->decode_short;
    if (node->kind != DOC_MAP && !is_short)
        return schema_problem(d, node, "must be a map of the fields of %s %s, not %s",
                              article(schema), schema->name, schema_show(d, node));
    void *record = new_record(d, schema, key);
    bool root = !d->at && d->sound;                 /* of which whatever could be read is wanted */
    int rc =
        is_short ? schema->decode_short(d, node, record) : decode_fields(d, schema, node, record);
    if (rc != 0 && !root)
        return -1;
    if (key || schema->key_offset)
        set_names(schema, schema_key_of(schema, record), record);
    *out = record;
    return schema->finish ? schema->finish(d, record) : 0;
}

int schema_decode_sub(struct schema_decoder *d, const struct schema *schema,
                      const struct doc_node *node, const char *key, void **out)
{
    struct schema_step step;
    if (key)
        schema_enter(d, &step, key, node);
    int rc = schema_decode_record(d, schema, node, schema->key_offset ? key : NULL, out);
    if (key)
        schema_leave(d);
    return rc;
}

int schema_decode(const struct schema *schema, const struct doc_node *node, const char *path,
                  struct arena *arena, void **out, struct problems *problems)
{
    struct schema_decoder d = {
        .arena = arena, .problems = problems, .base = path ? path : "", .root = node};
    *out = NULL;
    return schema_decode_record(&d, schema, node, NULL, out);
}

void *schema_decode_sound(const struct schema *schema, const struct doc_node *node,
                          const char *path, struct arena *arena)
{
    struct schema_decoder d = {
        .arena = arena, .base = path ? path : "", .root = node, .sound = true};
    void *record = NULL;
    schema_decode_record(&d, schema, node, NULL, &record);
    return record;
}
