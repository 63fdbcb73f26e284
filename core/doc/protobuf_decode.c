/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a message in two steps: protobuf_scan finds its fields, then each row makes its value of
 * what was found. */
#include <stdlib.h>
#include <string.h>

#include "doc/protobuf_parts.h"

static struct doc_node *decode_message(struct protobuf_decoder *d, const struct schema *schema,
                                       const struct protobuf_part *part);

/* Whether the field has its default and does not tell it from its absence. */
static bool is_default(const struct schema_field *row, enum protobuf_type type,
                       const struct protobuf_entry *entry)
{
    if (type == TYPE_MESSAGE || row->oneof || (row->flags & SCHEMA_OPTIONAL))
        return false;
    if (entry->wire == WIRE_BYTES)
        return !entry->len;
    bool narrow = type == TYPE_U32 || type == TYPE_I32 || type == TYPE_ENUM || type == TYPE_MODE;
    return narrow ? !(uint32_t)entry->number : !entry->number;
}

/* A map or list of what stands in items, and for a map in keys. */
static struct doc_node *new_collection(struct protobuf_decoder *d, const uint8_t *at,
                                       enum doc_kind kind, struct doc_node **items,
                                       struct doc_node **keys, size_t n)
{
    struct doc_node *node =
        protobuf_new_node(d, at, &(struct doc_node){.kind = kind, .text = "", .n = n});
    if (!node || !n)
        return node;
    size_t size = n * sizeof(struct doc_node *);
    node->items = memcpy(arena_alloc(d->arena, size), items, size);
    if (keys)
        node->keys = memcpy(arena_alloc(d->arena, size), keys, size);
    return node;
}

static struct doc_node *decode_wrapped(struct protobuf_decoder *d, const struct schema_field *row,
                                       const struct protobuf_part *part)
{
    const struct schema_field inner[] = {
        {.name = row->wrap, .kind = SCHEMA_STRUCT, .sub = row->sub, .number = 1}, {0}};
    const struct schema wrapper = {.name = row->name, .fields = inner};
    return decode_message(d, &wrapper, part);
}

static struct protobuf_part part_of(const struct protobuf_entry *entry)
{
    return (struct protobuf_part){entry->at, entry->at + entry->len, NULL};
}

/* A message that was given in parts has them merged. */
static struct doc_node *decode_single(struct protobuf_decoder *d, const struct protobuf_row *shape,
                                      uint32_t first)
{
    const struct protobuf_entry *entry = &d->entries[first - 1];
    struct protobuf_part part = part_of(entry), *last = &part;
    for (uint32_t at = entry->next; at; at = d->entries[at - 1].next) {
        struct protobuf_part *more = arena_alloc(d->arena, sizeof *more);
        *more = part_of(&d->entries[at - 1]);
        last->next = more;
        last = more;
    }
    return decode_message(d, shape->sub, &part);
}

static struct doc_node *decode_item(struct protobuf_decoder *d, const struct schema_field *row,
                                    const struct protobuf_row *shape,
                                    const struct protobuf_entry *entry)
{
    struct protobuf_part part = part_of(entry);
    if (shape->type != TYPE_MESSAGE)
        return protobuf_new_scalar(d, row, shape->type, entry);
    return row->wrap ? decode_wrapped(d, row, &part) : decode_message(d, shape->sub, &part);
}

/* A growing list of values. */
struct items {
    struct doc_node **items, **keys;
    size_t n, room, keys_room;
};

static int add_item(struct protobuf_decoder *d, struct items *items, struct doc_node *value)
{
    if (!value)
        return -1;
    items->items = arena_grow(d->arena, items->items, items->n, &items->room, sizeof value);
    items->items[items->n++] = value;
    return 0;
}

static int add_packed(struct protobuf_decoder *d, const struct schema_field *row,
                      const struct protobuf_row *shape, const struct protobuf_entry *packed,
                      struct items *items)
{
    const uint8_t *end = packed->at + packed->len;
    for (const uint8_t *at = packed->at; at < end;) {
        struct protobuf_entry entry = {.wire = protobuf_wire_of(shape->type), .at = at};
        at = protobuf_read_value(&entry, end);
        if (!at)
            return protobuf_refuse(d, entry.at, "a packed number is cut off");
        if (add_item(d, items, protobuf_new_scalar(d, row, shape->type, &entry)) != 0)
            return -1;
    }
    return 0;
}

static struct doc_node *decode_list(struct protobuf_decoder *d, const struct schema_field *row,
                                    const struct protobuf_row *shape, uint32_t first)
{
    struct items items = {0};
    const uint8_t *begin = d->entries[first - 1].at;
    for (uint32_t at = first; at; at = d->entries[at - 1].next) {
        struct protobuf_entry entry = d->entries[at - 1];
        struct protobuf_step step = {.up = d->at, .index = items.n};
        bool packed = entry.wire == WIRE_BYTES && protobuf_wire_of(shape->type) != WIRE_BYTES;
        d->at = &step;
        int rc = packed ? add_packed(d, row, shape, &entry, &items)
                        : add_item(d, &items, decode_item(d, row, shape, &entry));
        d->at = step.up;
        if (rc != 0)
            return NULL;
    }
    return new_collection(d, begin, DOC_LIST, items.items, NULL, items.n);
}

/* ---- Maps: repeated messages of a key and a value ---- */

struct pair {
    struct doc_node *key, *value;
    size_t place; /* a key that is given twice has its last value */
};

static int by_key_then_place(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    int order = strcmp(x->key->text, y->key->text);
    return order ? order : x->place < y->place ? -1 : 1;
}

static struct doc_node *absent_value(struct protobuf_decoder *d, const struct protobuf_row *shape,
                                     const uint8_t *at)
{
    struct protobuf_entry entry = {.at = at, .wire = protobuf_wire_of(shape->type)};
    struct protobuf_part none = {at, at, NULL};
    return shape->type == TYPE_MESSAGE ? decode_message(d, shape->sub, &none)
                                       : protobuf_new_scalar(d, NULL, shape->type, &entry);
}

static struct doc_node *map_value(struct protobuf_decoder *d, const struct protobuf_found *found,
                                  const char *key, const uint8_t *at)
{
    const struct protobuf_row *shape = &found->shapes[1];
    struct protobuf_step step = {.up = d->at, .name = key};
    d->at = &step;
    struct doc_node *value = !found->first[1] ? absent_value(d, shape, at)
                             : shape->type == TYPE_MESSAGE
                                 ? decode_single(d, shape, found->first[1])
                                 : protobuf_new_scalar(d, NULL, shape->type,
                                              &d->entries[found->first[1] - 1]);
    d->at = step.up;
    return value;
}

static const struct schema_field key_row = {.name = "key", .kind = SCHEMA_TEXT, .number = 1};

/* A row whose values are those of a map's entries. */
static struct schema_field value_row_of(const struct schema_field *map)
{
    struct schema_field row = {.name = "value", .number = 2, .sub = map->sub, .kind = SCHEMA_TEXT};
    if (map->kind == SCHEMA_KEYED)
        row.kind = SCHEMA_STRUCT;
    else if (map->wire == SCHEMA_WIRE_I64_MAP)
        row.kind = SCHEMA_I64;
    else if (map->wire == SCHEMA_WIRE_TIMESTAMP_MAP)
        row.wire = SCHEMA_WIRE_TIMESTAMP;
    return row;
}

static int decode_pair(struct protobuf_decoder *d, const struct schema_field *rows,
                       const struct protobuf_entry *entry, struct pair *pair)
{
    static const char empty[] = "";
    const struct schema schema = {.name = "map entry", .fields = rows};
    struct protobuf_part part = part_of(entry);
    struct protobuf_found found;
    size_t first = d->n_entries;
    int rc = protobuf_scan(d, &schema, &part, &found);
    if (rc == 0) {
        struct protobuf_entry none = {.at = (const uint8_t *)empty};
        struct protobuf_entry key = found.first[0] ? d->entries[found.first[0] - 1] : none;
        pair->key = protobuf_new_text(d, &key);
        pair->value = pair->key ? map_value(d, &found, pair->key->text, entry->at) : NULL;
        rc = pair->value ? 0 : -1;
    }
    d->n_entries = first;
    return rc;
}

static struct doc_node *pairs_to_map(struct protobuf_decoder *d, const uint8_t *at,
                                     struct pair *pairs, size_t n)
{
    struct items map = {0};
    if (n)
        qsort(pairs, n, sizeof *pairs, by_key_then_place);
    for (size_t i = 0; i < n; i++) {
        if (i + 1 < n && strcmp(pairs[i].key->text, pairs[i + 1].key->text) == 0)
            continue;
        map.items = arena_grow(d->arena, map.items, map.n, &map.room, sizeof *map.items);
        map.keys = arena_grow(d->arena, map.keys, map.n, &map.keys_room, sizeof *map.keys);
        map.keys[map.n] = pairs[i].key;
        map.items[map.n++] = pairs[i].value;
    }
    return new_collection(d, at, DOC_MAP, map.items, map.keys, map.n);
}

static struct doc_node *decode_map(struct protobuf_decoder *d, const struct schema_field *row,
                                   uint32_t first)
{
    const struct schema_field rows[] = {key_row, value_row_of(row), {0}};
    struct pair *pairs = NULL;
    size_t n = 0, room = 0;
    const uint8_t *begin = d->entries[first - 1].at;
    for (uint32_t at = first; at; at = d->entries[at - 1].next) {
        struct protobuf_entry entry = d->entries[at - 1];
        pairs = arena_grow(d->arena, pairs, n, &room, sizeof *pairs);
        pairs[n].place = n;
        if (decode_pair(d, rows, &entry, &pairs[n++]) != 0)
            return NULL;
    }
    return pairs_to_map(d, begin, pairs, n);
}

/* ---- Messages ---- */

static struct doc_node *decode_row(struct protobuf_decoder *d, const struct protobuf_found *found,
                                   size_t i)
{
    const struct schema_field *row = found->rows[i];
    const struct protobuf_row *shape = &found->shapes[i];
    uint32_t first = found->first[i];
    struct protobuf_step step = {.up = d->at, .name = row->name};
    d->at = &step;
    struct doc_node *value = shape->shape == SHAPE_LIST  ? decode_list(d, row, shape, first)
                             : shape->shape == SHAPE_MAP ? decode_map(d, row, first)
                             : shape->type == TYPE_MESSAGE
                                 ? decode_single(d, shape, first)
                                 : protobuf_new_scalar(d, row, shape->type, &d->entries[first - 1]);
    d->at = step.up;
    return value;
}

static bool is_absent(struct protobuf_decoder *d, const struct protobuf_found *found, size_t i)
{
    return !found->first[i] || (found->shapes[i].shape == SHAPE_SINGLE &&
                                is_default(found->rows[i], found->shapes[i].type,
                                           &d->entries[found->first[i] - 1]));
}

static struct doc_node *decode_rows(struct protobuf_decoder *d, const struct protobuf_found *found,
                                    const uint8_t *at)
{
    struct doc_node *items[PROTOBUF_ROWS_MAX], *keys[PROTOBUF_ROWS_MAX];
    size_t n = 0;
    for (size_t i = 0; i < found->n; i++) {
        if (is_absent(d, found, i))
            continue;
        keys[n] = protobuf_new_node(d, at, &(struct doc_node){.kind = DOC_SCALAR, .plain = true,
                                                     .text = found->rows[i]->name});
        items[n] = keys[n] ? decode_row(d, found, i) : NULL;
        if (!items[n])
            return NULL;
        n += found->shapes[i].shape != SHAPE_LIST || items[n]->n; /* an empty list is absent */
    }
    return new_collection(d, at, DOC_MAP, items, keys, n);
}

static struct doc_node *from_message(struct protobuf_decoder *d, const struct schema *schema,
                                     struct doc_node *map, const uint8_t *at)
{
    const struct schema_message *message = schema->message;
    if (!map || !message || !message->from_message)
        return map;
    struct doc_node *value = message->from_message(map, d->arena);
    if (!value)
        protobuf_refuse(d, at, "must be %s", message->expects);
    return value;
}

static struct doc_node *decode_message(struct protobuf_decoder *d, const struct schema *schema,
                                       const struct protobuf_part *part)
{
    struct protobuf_found found;
    struct doc_node *map = NULL;
    size_t first = d->n_entries;
    if (d->depth == PROTOBUF_DEPTH_MAX) {
        protobuf_refuse(d, part->at, "messages are nested more than %d deep", PROTOBUF_DEPTH_MAX);
        return NULL;
    }
    d->depth++;
    if (protobuf_scan(d, schema, part, &found) == 0)
        map = decode_rows(d, &found, part->at);
    d->depth--;
    d->n_entries = first;
    return from_message(d, schema, map, part->at);
}

int protobuf_decode(const struct schema *schema, const void *bytes, size_t len, struct arena *arena,
                    struct doc_node **out, struct problems *problems)
{
    struct protobuf_decoder d = {.arena = arena, .problems = problems};
    d.begin = bytes ? bytes : (const uint8_t *)"";
    struct protobuf_part part = {d.begin, d.begin + len, NULL};
    *out = decode_message(&d, schema, &part);
    free(d.entries);
    return *out ? 0 : -1;
}
