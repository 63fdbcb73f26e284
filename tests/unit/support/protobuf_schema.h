/* SPDX-License-Identifier: Apache-2.0 */
/* A table with a row of each kind that a message may have. */
#ifndef TESTS_SUPPORT_PROTOBUF_SCHEMA_H
#define TESTS_SUPPORT_PROTOBUF_SCHEMA_H

#include "doc/schema.h"

static const struct schema all_schema;

static const char *const colors[] = {"UNSPECIFIED", "RED", "GREEN", NULL};
static const char *const mode_words[] = {"", "soft", "hard", NULL};

static const struct schema_field named_fields[] = {
    {.name = "name", .kind = SCHEMA_TEXT, .number = 1, .flags = SCHEMA_NAMED},
    {.name = "n", .kind = SCHEMA_U32, .number = 2},
    {0},
};
static const struct schema named_schema = {.name = "Named", .fields = named_fields};

static const struct schema_field all_fields[] = {
    {.name = "text", .kind = SCHEMA_TEXT, .number = 1},
    {.name = "flag", .kind = SCHEMA_BOOL, .number = 2},
    {.name = "u32", .kind = SCHEMA_U32, .number = 3},
    {.name = "i32", .kind = SCHEMA_I32, .number = 4},
    {.name = "i64", .kind = SCHEMA_I64, .number = 5},
    {.name = "u64", .kind = SCHEMA_I64, .number = 6, .wire = SCHEMA_WIRE_U64},
    {.name = "single", .kind = SCHEMA_DOUBLE, .number = 7, .wire = SCHEMA_WIRE_FLOAT},
    {.name = "real", .kind = SCHEMA_DOUBLE, .number = 8},
    {.name = "bytes", .kind = SCHEMA_TEXT, .number = 9, .wire = SCHEMA_WIRE_BYTES},
    {.name = "color", .kind = SCHEMA_TEXT, .number = 10, .wire = SCHEMA_WIRE_ENUM,
     .enumeration = colors},
    {.name = "mode", .kind = SCHEMA_TEXT, .number = 11, .wire = SCHEMA_WIRE_MODE,
     .enumeration = mode_words},
    {.name = "maybe", .kind = SCHEMA_I32, .number = 12, .flags = SCHEMA_OPTIONAL},
    {.name = "texts", .kind = SCHEMA_TEXTS, .number = 13},
    {.name = "ports", .kind = SCHEMA_U16S, .number = 14},
    {.name = "inner", .kind = SCHEMA_STRUCT, .number = 15, .sub = &all_schema},
    {.name = "list", .kind = SCHEMA_STRUCTS, .number = 16, .sub = &named_schema},
    {.name = "wrapped", .kind = SCHEMA_STRUCTS, .number = 17, .sub = &named_schema, .wrap = "it"},
    {.name = "keyed", .kind = SCHEMA_KEYED, .number = 18, .sub = &named_schema},
    {.name = "labels", .kind = SCHEMA_JSON, .number = 19, .wire = SCHEMA_WIRE_TEXT_MAP},
    {.name = "counts", .kind = SCHEMA_JSON, .number = 20, .wire = SCHEMA_WIRE_I64_MAP},
    {.name = "any", .kind = SCHEMA_JSON, .number = 21},
    {.name = "time", .kind = SCHEMA_TEXT, .number = 22, .wire = SCHEMA_WIRE_TIMESTAMP},
    {.name = "span", .kind = SCHEMA_TEXT, .number = 23, .wire = SCHEMA_WIRE_DURATION},
    {.name = "this", .kind = SCHEMA_TEXT, .number = 24, .oneof = "choice"},
    {.name = "that", .kind = SCHEMA_STRUCT, .number = 25, .sub = &named_schema, .oneof = "choice"},
    {.name = "scope", .kind = SCHEMA_TEXT, .number = 26, .flags = SCHEMA_SHARED},
    {.name = "selector", .kind = SCHEMA_STRUCT, .number = 26, .sub = &named_schema,
     .flags = SCHEMA_SHARED},
    {.name = "document_only", .kind = SCHEMA_TEXT},
    {0},
};
static const struct schema all_schema = {.name = "All", .fields = all_fields};

#endif
