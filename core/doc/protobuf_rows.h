/* SPDX-License-Identifier: Apache-2.0 */
/* What a schema table says about protobuf.  Any thread. */
#ifndef DOC_PROTOBUF_ROWS_H
#define DOC_PROTOBUF_ROWS_H

#include "doc/protobuf.h"

enum protobuf_type {
    TYPE_TEXT,
    TYPE_BYTES,
    TYPE_BOOL,
    TYPE_U32,
    TYPE_I32,
    TYPE_U64,
    TYPE_I64,
    TYPE_FLOAT,
    TYPE_DOUBLE,
    TYPE_ENUM,
    TYPE_MODE,
    TYPE_MESSAGE,
};

enum protobuf_shape { SHAPE_SINGLE, SHAPE_LIST, SHAPE_MAP };

enum protobuf_wire { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

/* A row as protobuf sees it.  For maps, type and sub are those of the values. */
struct protobuf_row {
    enum protobuf_type type;
    enum protobuf_shape shape;
    const struct schema *sub;                       /* messages */
};

struct protobuf_row protobuf_row_of(const struct schema_field *field);
enum protobuf_wire protobuf_wire_of(enum protobuf_type type);
/* The rows with a number, those of the table first: rows has room for PROTOBUF_ROWS_MAX.  Returns
 * how many. */
size_t protobuf_rows(const struct schema *schema, const struct schema_field **rows);

/* google.protobuf.Struct, whose document is any map. */
extern const struct schema protobuf_struct_schema;
/* google.protobuf.Timestamp and Duration, whose documents are texts. */
extern const struct schema protobuf_timestamp_schema, protobuf_duration_schema;

#endif
