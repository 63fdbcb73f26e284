/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the fields of a message and which row each belongs to. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "doc/protobuf_parts.h"

int protobuf_refuse(struct protobuf_decoder *d, const uint8_t *at, const char *format, ...)
{
    char message[512];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return problems_add(d->problems, protobuf_path(d->at, d->arena), 0, 0, "%s (byte %zu)", message,
                        (size_t)(at - d->begin));
}

/* NULL: the bytes end within it, or it has more than 64 bits. */
static const uint8_t *read_varint(const uint8_t *at, const uint8_t *end, uint64_t *out)
{
    uint64_t value = 0;
    if (at < end && *at < 128) {
        *out = *at;
        return at + 1;
    }
    for (unsigned shift = 0; at < end && shift < 70; shift += 7) {
        uint8_t byte = *at++;
        if (shift == 63 && byte > 1)
            return NULL;
        value |= (uint64_t)(byte & 127) << shift;
        if (!(byte & 128)) {
            *out = value;
            return at;
        }
    }
    return NULL;
}

static const uint8_t *read_fixed(const uint8_t *at, const uint8_t *end, size_t width, uint64_t *out)
{
    if ((size_t)(end - at) < width)
        return NULL;
    *out = 0;
    for (size_t i = 0; i < width; i++)
        *out |= (uint64_t)at[i] << 8 * i;
    return at + width;
}

/* The end of the value that begins at entry->at, or NULL. */
const uint8_t *protobuf_read_value(struct protobuf_entry *entry, const uint8_t *end)
{
    uint64_t len;
    switch (entry->wire) {
    case WIRE_VARINT:
        return read_varint(entry->at, end, &entry->number);
    case WIRE_FIXED64:
        return read_fixed(entry->at, end, 8, &entry->number);
    case WIRE_FIXED32:
        return read_fixed(entry->at, end, 4, &entry->number);
    default:
        entry->at = read_varint(entry->at, end, &len);
        if (!entry->at || len > (uint64_t)(end - entry->at))
            return NULL;
        entry->len = (size_t)len;
        return entry->at + len;
    }
}

/* Texts that share their number with a message begin with a printable character, messages with a
 * small field number. */
static bool looks_like_message(const struct protobuf_entry *entry)
{
    return !entry->len || *entry->at < ' ';
}

static bool fits(const struct schema_field *row, const struct protobuf_row *shape,
                 const struct protobuf_entry *entry)
{
    enum protobuf_wire wire = protobuf_wire_of(shape->type);
    if (shape->shape == SHAPE_MAP)
        return entry->wire == WIRE_BYTES;
    if (shape->type == TYPE_MODE || (shape->shape == SHAPE_LIST && wire != WIRE_BYTES))
        return entry->wire == wire || entry->wire == WIRE_BYTES;
    if (entry->wire != wire)
        return false;
    return !(row->flags & SCHEMA_SHARED) || wire != WIRE_BYTES ||
           looks_like_message(entry) == (shape->type == TYPE_MESSAGE);
}

static void fill_row(struct protobuf_table *table, size_t i)
{
    const struct schema_field *row = table->rows[i];
    struct protobuf_row shape = table->shapes[i] = protobuf_row_of(row);
    bool many = shape.shape != SHAPE_SINGLE || shape.type == TYPE_MESSAGE;
    table->marks[i] = (uint8_t)((many ? PROTOBUF_MANY : 0) | (row->oneof ? PROTOBUF_ONEOF : 0));
    table->wires[i] = shape.shape == SHAPE_MAP         ? WIRE_BYTES
                      : row->flags & SCHEMA_SHARED ? PROTOBUF_NO_WIRE
                                                   : (uint8_t)protobuf_wire_of(shape.type);
    if (row->number < PROTOBUF_NUMBERS)
        table->by_number[row->number] = (uint8_t)(i + 1);
}

struct protobuf_table *protobuf_new_table(struct protobuf_decoder *d, const struct schema *schema)
{
    struct protobuf_table *table = arena_zalloc(d->arena, sizeof *table);
    UNSET const struct schema_field *rows[PROTOBUF_ROWS_MAX];
    size_t n = table->n = protobuf_rows(schema, rows);
    table->schema = schema;
    table->rows = memcpy(arena_alloc(d->arena, n * sizeof *rows + 1), rows, n * sizeof *rows);
    table->shapes = arena_alloc(d->arena, n * sizeof *table->shapes + 1);
    table->subs = arena_zalloc(d->arena, n * sizeof(struct protobuf_table *) + 1);
    table->keys = arena_zalloc(d->arena, n * sizeof(struct doc_node *) + 1);
    table->wires = arena_alloc(d->arena, 2 * n + 1);
    table->marks = table->wires + n;
    while (n-- > 0)
        fill_row(table, n);
    return table;
}

struct protobuf_table *protobuf_table_of(struct protobuf_decoder *d, const struct schema *schema)
{
    for (struct protobuf_table *t = d->tables; t; t = t->next)
        if (t->schema == schema)
            return t;
    struct protobuf_table *table = protobuf_new_table(d, schema);
    table->next = d->tables;
    return d->tables = table;
}

/* Returns the row's place, or the number of rows. */
static size_t find_row(const struct protobuf_table *table, uint32_t number,
                       const struct protobuf_entry *entry)
{
    size_t i = 0;
    if (number < PROTOBUF_NUMBERS) {
        i = table->by_number[number] ? table->by_number[number] - 1u : table->n;
        if (i == table->n || table->wires[i] == entry->wire)
            return i;
    }
    for (; i < table->n; i++)
        if (table->rows[i]->number == number && fits(table->rows[i], &table->shapes[i], entry))
            break;
    return i;
}

static void forget_oneof(struct protobuf_found *found, size_t kept)
{
    const struct protobuf_table *table = found->table;
    const char *oneof = table->rows[kept]->oneof;
    for (size_t i = 0; i < table->n; i++)
        if (i != kept && table->rows[i]->oneof && strcmp(table->rows[i]->oneof, oneof) == 0)
            found->have &= ~(UINT64_C(1) << i);
}

/* The entry is the one behind the last. */
static int keep(struct protobuf_decoder *d, struct protobuf_found *found, size_t row)
{
    unsigned marks = found->table->marks[row];
    bool had = found->have >> row & 1;
    if (marks & PROTOBUF_ONEOF)
        forget_oneof(found, row);
    if (d->n_entries == DOC_NODES_MAX)
        return protobuf_refuse(d, d->entries[d->n_entries].at,
                               "the message has more than %d fields", DOC_NODES_MAX);
    uint32_t place = (uint32_t)++d->n_entries;
    if ((marks & PROTOBUF_MANY) && had)
        d->entries[found->last[row] - 1].next = place;
    else
        found->first[row] = place;
    found->last[row] = place;
    found->have |= UINT64_C(1) << row;
    found->most += !had;
    return 0;
}

static struct protobuf_entry *next_entry(struct protobuf_decoder *d)
{
    if (d->n_entries == d->room) {
        d->room = d->room ? 2 * d->room : 64;
        d->entries = alloc_resize(d->entries, d->room, sizeof *d->entries);
    }
    return &d->entries[d->n_entries];
}

static int scan_part(struct protobuf_decoder *d, struct protobuf_found *found,
                     const struct protobuf_part *part)
{
    for (const uint8_t *at = part->at; at < part->end;) {
        const uint8_t *key_at = at;
        uint64_t key;
        at = read_varint(at, part->end, &key);
        if (!at || key >> 3 == 0 || key > UINT32_MAX)
            return protobuf_refuse(d, key_at, "no field begins here");
        struct protobuf_entry *entry = next_entry(d);
        *entry = (struct protobuf_entry){.wire = key & 7, .at = at};
        if ((key & 7) == 3 || (key & 7) == 4)
            return protobuf_refuse(d, key_at, "field %" PRIu64 " is a group, which proto3 has not",
                                   key >> 3);
        if ((key & 7) > 5)
            return protobuf_refuse(d, key_at, "field %" PRIu64 " has the unknown wire type %u",
                                   key >> 3, (unsigned)(key & 7));
        at = protobuf_read_value(entry, part->end);
        if (!at)
            return protobuf_refuse(d, key_at, "field %" PRIu64 " is cut off", key >> 3);
        size_t row = find_row(found->table, (uint32_t)(key >> 3), entry);
        if (row < found->table->n && keep(d, found, row) != 0)
            return -1;
    }
    return 0;
}

int protobuf_scan(struct protobuf_decoder *d, struct protobuf_table *table,
                  const struct protobuf_part *part, struct protobuf_found *found)
{
    found->table = table;
    found->have = 0;
    found->most = 0;
    for (; part; part = part->next)
        if (scan_part(d, found, part) != 0)
            return -1;
    return 0;
}
