/* SPDX-License-Identifier: Apache-2.0 */
/* Writes a tree by its table.  A message's length is written once its bytes stand. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "doc/number.h"
#include "doc/protobuf_parts.h"

struct encoder {
    struct buf *out;
    struct arena *arena;                            /* for the time of the call */
    struct problems *problems;
    enum protobuf_modes modes;
    const struct protobuf_step *at;
};

/* A value of the tree and its row. */
struct present {
    const struct schema_field *row;
    const struct doc_node *value;
};

static int encode_message(struct encoder *e, const struct schema *schema,
                          const struct doc_node *value, const char *key);

__attribute__((format(printf, 2, 3)))
static int refuse(struct encoder *e, const char *format, ...)
{
    char message[512];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return problems_add(e->problems, protobuf_path(e->at, e->arena), 0, 0, "%s", message);
}

/* ---- Bytes ---- */

void protobuf_put_varint(struct buf *out, uint64_t value)
{
    for (; value > 127; value >>= 7)
        buf_putc(out, (char)(value | 128));
    buf_putc(out, (char)value);
}

void protobuf_put_length(struct buf *out, uint32_t number, size_t len)
{
    protobuf_put_varint(out, (uint64_t)number << 3 | WIRE_BYTES);
    protobuf_put_varint(out, len);
}

static void put_fixed(struct buf *out, size_t width, uint64_t value)
{
    for (size_t i = 0; i < width; i++)
        buf_putc(out, (char)(value >> 8 * i));
}

static void put_key(struct encoder *e, uint32_t number, enum protobuf_wire wire)
{
    protobuf_put_varint(e->out, (uint64_t)number << 3 | wire);
}

/* From begin to end, what is written gets its length in front. */
static size_t begin_bytes(struct encoder *e, uint32_t number)
{
    put_key(e, number, WIRE_BYTES);
    buf_putc(e->out, 0);
    return e->out->len;
}

static void end_bytes(struct encoder *e, size_t begin)
{
    size_t len = e->out->len - begin, more = 0;
    for (size_t rest = len; rest > 127; rest >>= 7)
        more++;
    buf_reserve(e->out, more);
    char *data = e->out->data;
    memmove(data + begin + more, data + begin, len + 1);
    for (size_t i = begin - 1, rest = len; i < begin + more; i++, rest >>= 7)
        data[i] = (char)(rest > 127 ? rest | 128 : rest);
    e->out->len += more;
}

/* ---- Scalars ---- */

static int read_integer(struct encoder *e, const struct doc_node *value, enum protobuf_type type,
                        uint64_t *out)
{
    bool is_signed = type == TYPE_I32 || type == TYPE_I64;
    bool narrow = type == TYPE_I32 || type == TYPE_U32;
    const char *text = value->text;
    int64_t number;
    if (value->kind != DOC_SCALAR || doc_read_integer(text, &number) != 0)
        return refuse(e, "must be a whole number");
    errno = 0;
    *out = is_signed ? (uint64_t)strtoll(text, NULL, 10) : strtoull(text, NULL, 10);
    bool beyond = narrow && (is_signed ? number < INT32_MIN || number > INT32_MAX
                                       : number > UINT32_MAX);
    if (errno || beyond || (!is_signed && *text == '-'))
        return refuse(e, "%.40s is out of range", text);
    return 0;
}

static int read_real(struct encoder *e, const struct doc_node *value, enum protobuf_type type,
                     uint64_t *out)
{
    if (value->kind != DOC_SCALAR || !doc_is_json_number(value->text))
        return refuse(e, "must be a number");
    double number = strtod(value->text, NULL);
    float single = (float)number;
    uint32_t low;
    memcpy(&low, &single, sizeof low);
    memcpy(out, &number, sizeof number);
    if (type == TYPE_FLOAT)
        *out = low;
    return 0;
}

static int read_word(struct encoder *e, const struct schema_field *row,
                     const struct doc_node *value, uint64_t *out)
{
    int64_t number;
    for (size_t i = 0; value->kind == DOC_SCALAR && row->enumeration[i]; i++) {
        if (strcmp(row->enumeration[i], value->text) == 0) {
            *out = i;
            return 0;
        }
    }
    if (value->kind != DOC_SCALAR || doc_read_integer(value->text, &number) != 0 ||
        number < INT32_MIN || number > INT32_MAX)
        return refuse(e, "\"%.40s\" is none of its words", value->text);
    *out = (uint64_t)number;
    return 0;
}

static int read_bool(struct encoder *e, const struct doc_node *value, uint64_t *out)
{
    *out = strcmp(value->text, "true") == 0;
    bool is_bool = value->kind == DOC_SCALAR && (*out || strcmp(value->text, "false") == 0);
    return is_bool ? 0 : refuse(e, "must be true or false");
}

static int read_number(struct encoder *e, const struct schema_field *row, enum protobuf_type type,
                       const struct doc_node *value, uint64_t *out)
{
    switch (type) {
    case TYPE_BOOL:
        return read_bool(e, value, out);
    case TYPE_FLOAT:
    case TYPE_DOUBLE:
        return read_real(e, value, type, out);
    case TYPE_ENUM:
    case TYPE_MODE:
        return read_word(e, row, value, out);
    default:
        return read_integer(e, value, type, out);
    }
}

static void put_number(struct encoder *e, enum protobuf_type type, uint64_t number)
{
    if (type == TYPE_DOUBLE)
        put_fixed(e->out, 8, number);
    else if (type == TYPE_FLOAT)
        put_fixed(e->out, 4, number);
    else
        protobuf_put_varint(e->out, number);
}

static bool tells_default(const struct schema_field *row)
{
    return row->oneof || (row->flags & SCHEMA_OPTIONAL);
}

static int encode_text(struct encoder *e, const struct schema_field *row, enum protobuf_type type,
                       const struct doc_node *value, bool always)
{
    if (value->kind != DOC_SCALAR)
        return refuse(e, "must be a text");
    if (!*value->text && !always)
        return 0;
    size_t begin = begin_bytes(e, row->number);
    if (type != TYPE_BYTES)
        buf_puts(e->out, value->text);
    else if (base64_decode(value->text, strlen(value->text), e->out) != 0)
        return refuse(e, "must be base64");
    end_bytes(e, begin);
    return 0;
}

/* always: with its default too. */
static int encode_scalar(struct encoder *e, const struct schema_field *row,
                         enum protobuf_type type, const struct doc_node *value, bool always)
{
    uint64_t number;
    if (type == TYPE_MODE && e->modes == PROTOBUF_TEXTS)
        type = TYPE_TEXT;
    if (type == TYPE_TEXT || type == TYPE_BYTES)
        return encode_text(e, row, type, value, always);
    if (read_number(e, row, type, value, &number) != 0)
        return -1;
    if (number || always) {
        put_key(e, row->number, protobuf_wire_of(type));
        put_number(e, type, number);
    }
    return 0;
}

/* ---- Collections ---- */

static int encode_inner(struct encoder *e, const struct schema_field *row,
                        const struct protobuf_row *shape, const struct doc_node *value,
                        const char *key)
{
    size_t begin = begin_bytes(e, row->number);
    if (row->wrap) {
        const struct doc_node *inner = doc_get(value, row->wrap);
        size_t inner_begin = begin_bytes(e, 1);
        if (!inner || value->n != 1)
            return refuse(e, "must be a map with the one field \"%s\"", row->wrap);
        if (encode_message(e, shape->sub, inner, NULL) != 0)
            return -1;
        end_bytes(e, inner_begin);
    } else if (encode_message(e, shape->sub, value, key) != 0) {
        return -1;
    }
    end_bytes(e, begin);
    return 0;
}

static int encode_packed(struct encoder *e, const struct schema_field *row,
                         const struct protobuf_row *shape, const struct doc_node *list)
{
    size_t begin = begin_bytes(e, row->number);
    for (size_t i = 0; i < list->n; i++) {
        uint64_t number;
        if (read_number(e, row, shape->type, list->items[i], &number) != 0)
            return -1;
        put_number(e, shape->type, number);
    }
    end_bytes(e, begin);
    return 0;
}

static int encode_list(struct encoder *e, const struct schema_field *row,
                       const struct protobuf_row *shape, const struct doc_node *list)
{
    int rc = 0;
    if (list->kind != DOC_LIST)
        return refuse(e, "must be a list");
    if (list->n && protobuf_wire_of(shape->type) != WIRE_BYTES)
        return encode_packed(e, row, shape, list);
    for (size_t i = 0; i < list->n && rc == 0; i++) {
        struct protobuf_step step = {.up = e->at, .index = i};
        e->at = &step;
        rc = shape->type == TYPE_MESSAGE
                 ? encode_inner(e, row, shape, list->items[i], NULL)
                 : encode_scalar(e, row, shape->type, list->items[i], true);
        e->at = step.up;
    }
    return rc;
}

static int by_key(const void *a, const void *b, void *map)
{
    const struct doc_node *const m = map;
    return strcmp(m->keys[*(const size_t *)a]->text, m->keys[*(const size_t *)b]->text);
}

static int encode_pair(struct encoder *e, const struct schema_field *row,
                       const struct protobuf_row *shape, const struct doc_node *key,
                       const struct doc_node *value)
{
    static const struct schema_field key_row = {.name = "key", .number = 1};
    const struct schema_field value_row = {.name = "value", .number = 2, .wrap = row->wrap};
    struct protobuf_step step = {.up = e->at, .name = key->text};
    size_t begin = begin_bytes(e, row->number);
    e->at = &step;
    int rc = encode_text(e, &key_row, TYPE_TEXT, key, true);
    if (rc == 0)
        rc = shape->type == TYPE_MESSAGE ? encode_inner(e, &value_row, shape, value, key->text)
                                         : encode_scalar(e, &value_row, shape->type, value, true);
    e->at = step.up;
    if (rc == 0)
        end_bytes(e, begin);
    return rc;
}

static int encode_map(struct encoder *e, const struct schema_field *row,
                      const struct protobuf_row *shape, const struct doc_node *map)
{
    int rc = 0;
    if (map->kind != DOC_MAP)
        return refuse(e, "must be a map");
    size_t *order = map->n ? arena_alloc(e->arena, map->n * sizeof *order) : NULL;
    for (size_t i = 0; i < map->n; i++)
        order[i] = i;
    if (map->n > 1)
        qsort_r(order, map->n, sizeof *order, by_key, (void *)(uintptr_t)map);
    for (size_t i = 0; i < map->n && rc == 0; i++)
        rc = encode_pair(e, row, shape, map->keys[order[i]], map->items[order[i]]);
    return rc;
}

/* ---- Messages ---- */

static int encode_row(struct encoder *e, const struct present *p)
{
    struct protobuf_row shape = protobuf_row_of(p->row);
    struct protobuf_step step = {.up = e->at, .name = p->row->name};
    e->at = &step;
    int rc = shape.shape == SHAPE_LIST  ? encode_list(e, p->row, &shape, p->value)
             : shape.shape == SHAPE_MAP ? encode_map(e, p->row, &shape, p->value)
             : shape.type == TYPE_MESSAGE
                 ? encode_inner(e, p->row, &shape, p->value, NULL)
                 : encode_scalar(e, p->row, shape.type, p->value, tells_default(p->row));
    e->at = step.up;
    return rc;
}

static void insert_by_number(struct present *all, size_t n, struct present one)
{
    size_t at = n;
    for (; at && all[at - 1].row->number > one.row->number; at--)
        all[at] = all[at - 1];
    all[at] = one;
}

/* An empty text is written as an absent one. */
static bool has_text(const struct doc_node *map, const char *key)
{
    const struct doc_node *value = doc_get(map, key);
    return value && value->kind != DOC_NULL && (value->kind != DOC_SCALAR || *value->text);
}

/* A record in a map whose name is its key does not have it in the document, but in the message. */
static size_t add_key_name(struct encoder *e, const struct schema_field *const *rows, size_t n_rows,
                           const struct doc_node *map, const char *key, struct present *all,
                           size_t n)
{
    for (size_t i = 0; key && i < n_rows && n < PROTOBUF_ROWS_MAX; i++) {
        if (!(rows[i]->flags & SCHEMA_NAMED) || has_text(map, rows[i]->name))
            continue;
        struct doc_node *name = arena_alloc(e->arena, sizeof *name);
        *name = (struct doc_node){.kind = DOC_SCALAR, .text = key};
        insert_by_number(all, n++, (struct present){rows[i], name});
    }
    return n;
}

/* A reader would take the last member of a oneof, and pass over the others. */
static int check_oneofs(struct encoder *e, const struct schema *schema, const struct present *all,
                        size_t n)
{
    for (size_t i = 1; i < n; i++)
        for (size_t j = 0; all[i].row->oneof && j < i; j++)
            if (all[j].row->oneof && strcmp(all[i].row->oneof, all[j].row->oneof) == 0)
                return refuse(e, "a message of %s has one of \"%s\" and \"%s\", not both",
                              schema->name, all[j].row->name, all[i].row->name);
    return 0;
}

static int encode_rows(struct encoder *e, const struct schema *schema, const struct doc_node *map,
                       const char *key)
{
    const struct schema_field *rows[PROTOBUF_ROWS_MAX];
    struct present all[PROTOBUF_ROWS_MAX];
    size_t n_rows = protobuf_rows(schema, rows), n = 0;
    for (size_t i = 0; i < map->n; i++) {
        size_t row = 0;
        while (row < n_rows && strcmp(rows[row]->name, map->keys[i]->text) != 0)
            row++;
        if (row == n_rows)
            return refuse(e, "a message of %s has no field \"%.60s\"", schema->name,
                          map->keys[i]->text);
        if (map->items[i]->kind != DOC_NULL && n < PROTOBUF_ROWS_MAX)
            insert_by_number(all, n++, (struct present){rows[row], map->items[i]});
    }
    n = add_key_name(e, rows, n_rows, map, key, all, n);
    if (check_oneofs(e, schema, all, n) != 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (encode_row(e, &all[i]) != 0)
            return -1;
    return 0;
}

static int encode_message(struct encoder *e, const struct schema *schema,
                          const struct doc_node *value, const char *key)
{
    const struct schema_message *message = schema->message;
    if (message && message->to_message)
        value = message->to_message((struct doc_node *)(uintptr_t)value, e->arena);
    if (!value && message)
        return refuse(e, "must be %s", message->expects);
    if (!value || value->kind != DOC_MAP)
        return refuse(e, "must be a map");
    return encode_rows(e, schema, value, key);
}

int protobuf_encode(const struct schema *schema, const struct doc_node *tree,
                    enum protobuf_modes modes, struct buf *out, struct problems *problems)
{
    struct arena *arena = arena_new();
    struct encoder e = {.out = out, .arena = arena, .problems = problems, .modes = modes};
    size_t kept = out->len;
    int rc = encode_message(&e, schema, tree, NULL);
    if (rc != 0 && out->data) {
        out->len = kept;
        out->data[kept] = '\0';
    }
    arena_free(arena);
    return rc;
}
