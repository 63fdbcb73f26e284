/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "doc/schema.h"

static void copy_text(void *record, size_t offset, struct arena *arena)
{
    const char *text;
    memcpy(&text, (char *)record + offset, sizeof text);
    text = arena_str(arena, text);
    memcpy((char *)record + offset, &text, sizeof text);
}

static void *copy_bytes(const void *from, size_t size, struct arena *arena)
{
    return size ? memcpy(arena_alloc(arena, size), from, size) : NULL;
}

static void copy_pointers(const struct schema_field *field, void **items, size_t n,
                          struct arena *arena)
{
    for (size_t i = 0; i < n; i++) {
        items[i] = field->kind == SCHEMA_TEXTS ? (void *)arena_str(arena, items[i])
                                               : schema_copy(field->sub, items[i], arena);
        /* Only here is it certain that a key at offset 0 is one. */
        if (field->kind == SCHEMA_KEYED && !field->sub->key_offset)
            copy_text(items[i], 0, arena);
    }
}

static void copy_array(const struct schema_field *field, void *record, struct arena *arena)
{
    void *items;
    size_t n;
    memcpy(&items, (char *)record + field->offset, sizeof items);
    memcpy(&n, (char *)record + field->count_offset, sizeof n);
    bool numbers = field->kind == SCHEMA_U16S;
    items = copy_bytes(items, n * (numbers ? sizeof(uint16_t) : sizeof(void *)), arena);
    if (!numbers)
        copy_pointers(field, items, n, arena);
    memcpy((char *)record + field->offset, &items, sizeof items);
}

/* The record already holds the bytes of the original. */
static void copy_fields(const struct schema *schema, void *record, struct arena *arena)
{
    for (const struct schema_field *f = schema->fields; f->name; f++) {
        void *inner;
        if (f->flags & (SCHEMA_ALIAS | SCHEMA_IGNORED))
            continue;
        switch (f->kind) {
        case SCHEMA_TEXT:
        case SCHEMA_JSON:
            copy_text(record, f->offset, arena);
            break;
        case SCHEMA_TEXTS:
        case SCHEMA_U16S:
        case SCHEMA_STRUCTS:
        case SCHEMA_KEYED:
            copy_array(f, record, arena);
            break;
        case SCHEMA_STRUCT:
            memcpy(&inner, (char *)record + f->offset, sizeof inner);
            inner = schema_copy(f->sub, inner, arena);
            memcpy((char *)record + f->offset, &inner, sizeof inner);
            break;
        case SCHEMA_GROUP:
            copy_fields(f->sub, record, arena);
            break;
        default:
            break;
        }
    }
}

void *schema_copy(const struct schema *schema, const void *record, struct arena *arena)
{
    if (!record)
        return NULL;
    void *copy = copy_bytes(record, schema->size, arena);
    copy_fields(schema, copy, arena);
    if (schema->key_offset)
        copy_text(copy, schema->key_offset, arena);
    if (schema->path_offset)
        copy_text(copy, schema->path_offset, arena);
    return copy;
}
