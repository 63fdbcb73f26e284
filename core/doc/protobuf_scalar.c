/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the scalars of the tree. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/text.h"
#include "doc/protobuf_parts.h"

int protobuf_count_values(struct protobuf_decoder *d, const uint8_t *at, size_t n)
{
    d->values += n;
    return d->values <= DOC_NODES_MAX
               ? 0 : protobuf_refuse(d, at, "the message has more than %d values", DOC_NODES_MAX);
}

struct doc_node *protobuf_new_node(struct protobuf_decoder *d, const uint8_t *at,
                                   const struct doc_node *value)
{
    if (protobuf_count_values(d, at, 1) != 0)
        return NULL;
    struct doc_node *node = arena_alloc(d->arena, sizeof *node);
    *node = *value;
    return node;
}

static struct doc_node *new_literal(struct protobuf_decoder *d, const struct protobuf_entry *entry,
                                    const char *text)
{
    return protobuf_new_node(d, entry->at,
                    &(struct doc_node){.kind = DOC_SCALAR, .plain = true, .literal = true,
                                       .text = text});
}

struct doc_node *protobuf_new_text(struct protobuf_decoder *d, const struct protobuf_entry *entry)
{
    const char *bytes = (const char *)entry->at;
    size_t valid = text_utf8_valid(bytes, entry->len);
    if (valid < entry->len) {
        protobuf_refuse(d, entry->at + valid, bytes[valid] ? "is no UTF-8" : "must not have a NUL");
        return NULL;
    }
    if (protobuf_count_values(d, entry->at, 1) != 0)
        return NULL;
    struct doc_node *node = arena_alloc(d->arena, sizeof *node + entry->len + 1);
    char *text = (char *)(node + 1);
    *node = (struct doc_node){.kind = DOC_SCALAR, .text = text};
    memcpy(text, bytes, entry->len);
    text[entry->len] = '\0';
    return node;
}

static struct doc_node *new_bytes(struct protobuf_decoder *d, const struct protobuf_entry *entry)
{
    struct buf text = {0};
    base64_encode(entry->at, entry->len, &text);
    struct doc_node *node =
        protobuf_new_node(d, entry->at, &(struct doc_node){.kind = DOC_SCALAR,
                                                  .text = arena_str(d->arena, buf_str(&text))});
    buf_free(&text);
    return node;
}

/* The shortest text that reads back as the same number. */
static struct doc_node *new_real(struct protobuf_decoder *d, const struct protobuf_entry *entry,
                                 double number, bool single)
{
    char text[40];
    if (!isfinite(number)) {
        protobuf_refuse(d, entry->at, "must be a finite number");
        return NULL;
    }
    for (int digits = single ? 6 : 15; digits <= (single ? 9 : 17); digits++) {
        snprintf(text, sizeof text, "%.*g", digits, number);
        if (single ? strtof(text, NULL) == (float)number : strtod(text, NULL) == number)
            break;
    }
    return new_literal(d, entry, arena_str(d->arena, text));
}

static struct doc_node *new_word(struct protobuf_decoder *d, const struct schema_field *row,
                                 const struct protobuf_entry *entry)
{
    int32_t number = (int32_t)(uint32_t)entry->number;
    if (entry->wire == WIRE_BYTES)
        return protobuf_new_text(d, entry);
    for (int32_t i = 0; i <= number && row->enumeration[i]; i++)
        if (i == number)
            return protobuf_new_node(d, entry->at, &(struct doc_node){.kind = DOC_SCALAR,
                                                             .text = row->enumeration[i]});
    return new_literal(d, entry, arena_printf(d->arena, "%" PRId32, number));
}

static struct doc_node *new_number(struct protobuf_decoder *d, const struct protobuf_entry *entry,
                                   uint64_t number, bool negative)
{
    char digits[24], *at = digits + sizeof digits;
    *--at = '\0';
    do {
        *--at = (char)('0' + number % 10);
    } while (number /= 10);
    if (negative)
        *--at = '-';
    size_t len = (size_t)(digits + sizeof digits - at);
    return new_literal(d, entry, memcpy(arena_alloc(d->arena, len), at, len));
}

static struct doc_node *new_signed(struct protobuf_decoder *d, const struct protobuf_entry *entry,
                                   int64_t number)
{
    return new_number(d, entry, number < 0 ? -(uint64_t)number : (uint64_t)number, number < 0);
}

struct doc_node *protobuf_new_scalar(struct protobuf_decoder *d, const struct schema_field *row,
                                   enum protobuf_type type, const struct protobuf_entry *entry)
{
    uint32_t low = (uint32_t)entry->number;
    double number;
    float single;
    switch (type) {
    case TYPE_TEXT:
        return protobuf_new_text(d, entry);
    case TYPE_BYTES:
        return new_bytes(d, entry);
    case TYPE_BOOL:
        return new_literal(d, entry, entry->number ? "true" : "false");
    case TYPE_U32:
        return new_number(d, entry, low, false);
    case TYPE_I32:
        return new_signed(d, entry, (int32_t)low);
    case TYPE_U64:
        return new_number(d, entry, entry->number, false);
    case TYPE_I64:
        return new_signed(d, entry, (int64_t)entry->number);
    case TYPE_FLOAT:
        memcpy(&single, &low, sizeof single);
        return new_real(d, entry, single, true);
    case TYPE_DOUBLE:
        memcpy(&number, &entry->number, sizeof number);
        return new_real(d, entry, number, false);
    default:
        return new_word(d, row, entry);
    }
}
