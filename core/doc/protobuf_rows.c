/* SPDX-License-Identifier: Apache-2.0 */
#include "doc/protobuf_rows.h"

#include "doc/protobuf_parts.h"

static struct protobuf_row row_by_kind(const struct schema_field *field)
{
    switch (field->kind) {
    case SCHEMA_BOOL:
        return (struct protobuf_row){TYPE_BOOL, SHAPE_SINGLE, NULL};
    case SCHEMA_U16:
    case SCHEMA_U32:
        return (struct protobuf_row){TYPE_U32, SHAPE_SINGLE, NULL};
    case SCHEMA_I32:
        return (struct protobuf_row){TYPE_I32, SHAPE_SINGLE, NULL};
    case SCHEMA_I64:
        return (struct protobuf_row){TYPE_I64, SHAPE_SINGLE, NULL};
    case SCHEMA_DOUBLE:
        return (struct protobuf_row){TYPE_DOUBLE, SHAPE_SINGLE, NULL};
    case SCHEMA_TEXTS:
        return (struct protobuf_row){TYPE_TEXT, SHAPE_LIST, NULL};
    case SCHEMA_U16S:
        return (struct protobuf_row){TYPE_U32, SHAPE_LIST, NULL};
    case SCHEMA_STRUCT:
    case SCHEMA_GROUP:
        return (struct protobuf_row){TYPE_MESSAGE, SHAPE_SINGLE, field->sub};
    case SCHEMA_STRUCTS:
        return (struct protobuf_row){TYPE_MESSAGE, SHAPE_LIST, field->sub};
    case SCHEMA_KEYED:
        return (struct protobuf_row){TYPE_MESSAGE, SHAPE_MAP, field->sub};
    case SCHEMA_JSON:
        return (struct protobuf_row){TYPE_MESSAGE, SHAPE_SINGLE, &protobuf_struct_schema};
    default:
        return (struct protobuf_row){TYPE_TEXT, SHAPE_SINGLE, NULL};
    }
}

struct protobuf_row protobuf_row_of(const struct schema_field *field)
{
    switch (field->wire) {
    case SCHEMA_WIRE_U64:
        return (struct protobuf_row){TYPE_U64, SHAPE_SINGLE, NULL};
    case SCHEMA_WIRE_FLOAT:
        return (struct protobuf_row){TYPE_FLOAT, SHAPE_SINGLE, NULL};
    case SCHEMA_WIRE_BYTES:
        return (struct protobuf_row){TYPE_BYTES, SHAPE_SINGLE, NULL};
    case SCHEMA_WIRE_ENUM:
        return (struct protobuf_row){TYPE_ENUM, SHAPE_SINGLE, NULL};
    case SCHEMA_WIRE_MODE:
        return (struct protobuf_row){TYPE_MODE, SHAPE_SINGLE, NULL};
    case SCHEMA_WIRE_TIMESTAMP:
        return (struct protobuf_row){TYPE_MESSAGE, SHAPE_SINGLE, &protobuf_timestamp_schema};
    case SCHEMA_WIRE_DURATION:
        return (struct protobuf_row){TYPE_MESSAGE, SHAPE_SINGLE, &protobuf_duration_schema};
    case SCHEMA_WIRE_TEXT_MAP:
        return (struct protobuf_row){TYPE_TEXT, SHAPE_MAP, NULL};
    case SCHEMA_WIRE_I64_MAP:
        return (struct protobuf_row){TYPE_I64, SHAPE_MAP, NULL};
    case SCHEMA_WIRE_TIMESTAMP_MAP:
        return (struct protobuf_row){TYPE_MESSAGE, SHAPE_MAP, &protobuf_timestamp_schema};
    case SCHEMA_WIRE_KIND:
        break;
    }
    return row_by_kind(field);
}

enum protobuf_wire protobuf_wire_of(enum protobuf_type type)
{
    switch (type) {
    case TYPE_TEXT:
    case TYPE_BYTES:
    case TYPE_MESSAGE:
        return WIRE_BYTES;
    case TYPE_FLOAT:
        return WIRE_FIXED32;
    case TYPE_DOUBLE:
        return WIRE_FIXED64;
    default:
        return WIRE_VARINT;
    }
}

static size_t add_rows(const struct schema_field *from, const struct schema_field **rows, size_t n)
{
    for (; from && from->name; from++)
        if (from->number && n < PROTOBUF_ROWS_MAX)
            rows[n++] = from;
    return n;
}

size_t protobuf_rows(const struct schema *schema, const struct schema_field **rows)
{
    size_t n = add_rows(schema->fields, rows, 0);
    return schema->message ? add_rows(schema->message->fields, rows, n) : n;
}

const char *protobuf_path(const struct protobuf_step *step, struct arena *arena)
{
    if (!step)
        return "";
    const char *parent = protobuf_path(step->up, arena);
    return step->name ? doc_path_key(arena, parent, step->name)
                      : doc_path_item(arena, parent, step->index);
}
