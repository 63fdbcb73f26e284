/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a message in two steps: protobuf_scan finds its fields, then each row makes its value of
 * what was found. */
#include <stdlib.h>
#include <string.h>

#include "doc/protobuf_parts.h"

static struct doc_node *decode_message(struct protobuf_decoder *d, struct protobuf_table *table,
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

/* A map or list with room for most values behind it. */
static struct doc_node *new_collection(struct protobuf_decoder *d, const uint8_t *at,
                                       enum doc_kind kind, size_t most)
{
    if (protobuf_count_values(d, at, 1) != 0)
        return NULL;
    size_t n = kind == DOC_MAP ? 2 * most : most;
    struct doc_node *node = arena_alloc(d->arena, sizeof *node + n * sizeof(struct doc_node *));
    struct doc_node **values = (struct doc_node **)(void *)(node + 1);
    *node = (struct doc_node){.kind = kind, .text = "", .items = values,
                              .keys = kind == DOC_MAP ? values + most : NULL};
    return node;
}

/* The table of the row's messages: of a wrapped one, that of the wrapper. */
static struct protobuf_table *sub_table(struct protobuf_decoder *d, struct protobuf_table *table,
                                        size_t i)
{
    const struct schema_field *row = table->rows[i];
    if (table->subs[i])
        return table->subs[i];
    if (!row->wrap)
        return table->subs[i] = protobuf_table_of(d, table->shapes[i].sub);
    struct schema *wrapper = arena_zalloc(d->arena, sizeof *wrapper);
    struct schema_field *inner = arena_zalloc(d->arena, 2 * sizeof *inner);
    inner[0] = (struct schema_field){
        .name = row->wrap, .kind = SCHEMA_STRUCT, .sub = row->sub, .number = 1};
    *wrapper = (struct schema){.name = row->name, .fields = inner};
    return table->subs[i] = protobuf_new_table(d, wrapper);
}

static struct protobuf_part part_of(const struct protobuf_entry *entry)
{
    return (struct protobuf_part){entry->at, entry->at + entry->len, NULL};
}

/* A message that was given in parts has them merged. */
static struct doc_node *decode_single(struct protobuf_decoder *d, struct protobuf_table *table,
                                      size_t i, uint32_t first)
{
    const struct protobuf_entry *entry = &d->entries[first - 1];
    struct protobuf_part part = part_of(entry), *last = &part;
    for (uint32_t at = entry->next; at; at = d->entries[at - 1].next) {
        struct protobuf_part *more = arena_alloc(d->arena, sizeof *more);
        *more = part_of(&d->entries[at - 1]);
        last->next = more;
        last = more;
    }
    return decode_message(d, sub_table(d, table, i), &part);
}

static struct doc_node *decode_item(struct protobuf_decoder *d, struct protobuf_table *table,
                                    size_t i, const struct protobuf_entry *entry)
{
    struct protobuf_part part = part_of(entry);
    if (table->shapes[i].type != TYPE_MESSAGE)
        return protobuf_new_scalar(d, table->rows[i], table->shapes[i].type, entry);
    return decode_message(d, sub_table(d, table, i), &part);
}

/* A list of values that has room for all of them. */
struct items {
    struct doc_node **items;
    size_t n;
};

static int add_item(struct items *items, struct doc_node *value)
{
    if (!value)
        return -1;
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
        if (add_item(items, protobuf_new_scalar(d, row, shape->type, &entry)) != 0)
            return -1;
    }
    return 0;
}

static bool is_packed(const struct protobuf_row *shape, const struct protobuf_entry *entry)
{
    return entry->wire == WIRE_BYTES && protobuf_wire_of(shape->type) != WIRE_BYTES;
}

/* How many values there are at most: a packed one has a byte or more. */
static size_t count_items(const struct protobuf_decoder *d, const struct protobuf_row *shape,
                          uint32_t first)
{
    size_t n = 0;
    for (uint32_t at = first; at; at = d->entries[at - 1].next)
        n += is_packed(shape, &d->entries[at - 1]) ? d->entries[at - 1].len : 1;
    return n < DOC_NODES_MAX ? n : DOC_NODES_MAX;
}

static struct doc_node *decode_list(struct protobuf_decoder *d, struct protobuf_table *table,
                                    size_t i, uint32_t first)
{
    const struct protobuf_row *shape = &table->shapes[i];
    size_t most = count_items(d, shape, first);
    struct doc_node *list = new_collection(d, d->entries[first - 1].at, DOC_LIST, most);
    if (!list)
        return NULL;
    struct items items = {.items = list->items};
    for (uint32_t at = first; at; at = d->entries[at - 1].next) {
        struct protobuf_entry entry = d->entries[at - 1];
        struct protobuf_step step = {.up = d->at, .index = items.n};
        d->at = &step;
        int rc = is_packed(shape, &entry) ? add_packed(d, table->rows[i], shape, &entry, &items)
                                          : add_item(&items, decode_item(d, table, i, &entry));
        d->at = step.up;
        if (rc != 0)
            return NULL;
    }
    list->n = items.n;
    return list;
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

static struct doc_node *absent_value(struct protobuf_decoder *d, struct protobuf_table *table,
                                     const uint8_t *at)
{
    const struct protobuf_row *shape = &table->shapes[1];
    struct protobuf_entry entry = {.at = at, .wire = protobuf_wire_of(shape->type)};
    struct protobuf_part none = {at, at, NULL};
    return shape->type == TYPE_MESSAGE ? decode_message(d, sub_table(d, table, 1), &none)
                                       : protobuf_new_scalar(d, NULL, shape->type, &entry);
}

static struct doc_node *map_value(struct protobuf_decoder *d, const struct protobuf_found *found,
                                  const char *key, const uint8_t *at)
{
    struct protobuf_table *table = found->table;
    struct protobuf_step step = {.up = d->at, .name = key};
    bool is_message = table->shapes[1].type == TYPE_MESSAGE;
    d->at = &step;
    struct doc_node *value = !(found->have & 2) ? absent_value(d, table, at)
                             : is_message ? decode_single(d, table, 1, found->first[1])
                                          : protobuf_new_scalar(d, NULL, table->shapes[1].type,
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

static int decode_pair(struct protobuf_decoder *d, struct protobuf_table *table,
                       const struct protobuf_entry *entry, struct pair *pair)
{
    static const char empty[] = "";
    struct protobuf_part part = part_of(entry);
    UNSET struct protobuf_found found;
    size_t first = d->n_entries;
    int rc = protobuf_scan(d, table, &part, &found);
    if (rc == 0) {
        struct protobuf_entry none = {.at = (const uint8_t *)empty};
        struct protobuf_entry key = found.have & 1 ? d->entries[found.first[0] - 1] : none;
        pair->key = protobuf_new_text(d, &key);
        pair->value = pair->key ? map_value(d, &found, pair->key->text, entry->at) : NULL;
        rc = pair->value ? 0 : -1;
    }
    d->n_entries = first;
    return rc;
}

/* As most writers leave them. */
static bool is_sorted(const struct pair *pairs, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (strcmp(pairs[i - 1].key->text, pairs[i].key->text) >= 0)
            return false;
    return true;
}

static struct doc_node *pairs_to_map(struct protobuf_decoder *d, const uint8_t *at,
                                     struct pair *pairs, size_t n)
{
    struct doc_node *map = new_collection(d, at, DOC_MAP, n);
    if (!map)
        return NULL;
    if (!is_sorted(pairs, n))
        qsort(pairs, n, sizeof *pairs, by_key_then_place);
    for (size_t i = 0; i < n; i++) {
        if (i + 1 < n && strcmp(pairs[i].key->text, pairs[i + 1].key->text) == 0)
            continue;
        map->keys[map->n] = pairs[i].key;
        map->items[map->n++] = pairs[i].value;
    }
    return map;
}

/* The table of the map's entries. */
static struct protobuf_table *pair_table(struct protobuf_decoder *d, struct protobuf_table *table,
                                         size_t i)
{
    if (table->subs[i])
        return table->subs[i];
    struct schema *pair = arena_zalloc(d->arena, sizeof *pair);
    struct schema_field *rows = arena_zalloc(d->arena, 3 * sizeof *rows);
    rows[0] = key_row;
    rows[1] = value_row_of(table->rows[i]);
    *pair = (struct schema){.name = "map entry", .fields = rows};
    return table->subs[i] = protobuf_new_table(d, pair);
}

static struct doc_node *decode_map(struct protobuf_decoder *d, struct protobuf_table *table,
                                   size_t i, uint32_t first)
{
    struct protobuf_table *entries = pair_table(d, table, i);
    struct pair *pairs = NULL;
    size_t n = 0, room = 0;
    const uint8_t *begin = d->entries[first - 1].at;
    for (uint32_t at = first; at; at = d->entries[at - 1].next) {
        struct protobuf_entry entry = d->entries[at - 1];
        pairs = arena_grow(d->arena, pairs, n, &room, sizeof *pairs);
        pairs[n].place = n;
        if (decode_pair(d, entries, &entry, &pairs[n++]) != 0)
            return NULL;
    }
    return pairs_to_map(d, begin, pairs, n);
}

/* ---- Messages ---- */

static struct doc_node *decode_row(struct protobuf_decoder *d, const struct protobuf_found *found,
                                   size_t i)
{
    struct protobuf_table *table = found->table;
    const struct protobuf_row *shape = &table->shapes[i];
    uint32_t first = found->first[i];
    struct protobuf_step step = {.up = d->at, .name = table->rows[i]->name};
    d->at = &step;
    struct doc_node *value = shape->shape == SHAPE_LIST    ? decode_list(d, table, i, first)
                             : shape->shape == SHAPE_MAP   ? decode_map(d, table, i, first)
                             : shape->type == TYPE_MESSAGE ? decode_single(d, table, i, first)
                             : protobuf_new_scalar(d, table->rows[i], shape->type,
                                                   &d->entries[first - 1]);
    d->at = step.up;
    return value;
}

static bool is_absent(struct protobuf_decoder *d, const struct protobuf_found *found, size_t i)
{
    return found->table->shapes[i].shape == SHAPE_SINGLE &&
           is_default(found->table->rows[i], found->table->shapes[i].type,
                      &d->entries[found->first[i] - 1]);
}

/* One for all maps of the table: nobody changes the keys of a tree. */
static struct doc_node *key_node(struct protobuf_decoder *d, struct protobuf_table *table,
                                 size_t i)
{
    if (!table->keys[i]) {
        table->keys[i] = arena_alloc(d->arena, sizeof *table->keys[i]);
        *table->keys[i] = (struct doc_node){
            .kind = DOC_SCALAR, .plain = true, .text = table->rows[i]->name};
    }
    return table->keys[i];
}

/* The rows in their order.  Room is taken for all that were found. */
static struct doc_node *decode_rows(struct protobuf_decoder *d, const struct protobuf_found *found,
                                    const uint8_t *at)
{
    size_t n = 0;
    struct doc_node *map = new_collection(d, at, DOC_MAP, found->most);
    if (!map)
        return NULL;
    struct doc_node **items = map->items, **keys = map->keys;
    for (uint64_t left = found->have; left; left &= left - 1) {
        size_t i = (size_t)__builtin_ctzll(left);
        if (is_absent(d, found, i))
            continue;
        keys[n] = key_node(d, found->table, i);
        items[n] = decode_row(d, found, i);
        if (!items[n])
            return NULL;
        bool empty = found->table->shapes[i].shape == SHAPE_LIST && !items[n]->n;
        n += !empty;                                /* an empty list is absent */
    }
    map->n = n;
    return map;
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

static struct doc_node *decode_message(struct protobuf_decoder *d, struct protobuf_table *table,
                                       const struct protobuf_part *part)
{
    UNSET struct protobuf_found found;
    struct doc_node *map = NULL;
    size_t first = d->n_entries;
    if (d->depth == PROTOBUF_DEPTH_MAX) {
        protobuf_refuse(d, part->at, "messages are nested more than %d deep", PROTOBUF_DEPTH_MAX);
        return NULL;
    }
    d->depth++;
    if (protobuf_scan(d, table, part, &found) == 0)
        map = decode_rows(d, &found, part->at);
    d->depth--;
    d->n_entries = first;
    return from_message(d, table->schema, map, part->at);
}

int protobuf_decode(const struct schema *schema, const void *bytes, size_t len, struct arena *arena,
                    struct doc_node **out, struct problems *problems)
{
    struct protobuf_decoder d = {.arena = arena, .problems = problems};
    d.begin = bytes ? bytes : (const uint8_t *)"";
    struct protobuf_part part = {d.begin, d.begin + len, NULL};
    *out = decode_message(&d, protobuf_table_of(&d, schema), &part);
    free(d.entries);
    return *out ? 0 : -1;
}
