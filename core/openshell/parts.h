/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of message tables: number, name and what else there is to say. */
#ifndef OPENSHELL_PARTS_H
#define OPENSHELL_PARTS_H

#include "doc/schema.h"

#define ROW(n, title, ...)      {.number = (n), .name = (title), __VA_ARGS__}
#define TEXT(n, title, ...)     ROW(n, title, .kind = SCHEMA_TEXT, __VA_ARGS__)
#define BOOL(n, title, ...)     ROW(n, title, .kind = SCHEMA_BOOL, __VA_ARGS__)
#define U32(n, title, ...)      ROW(n, title, .kind = SCHEMA_U32, __VA_ARGS__)
#define I32(n, title, ...)      ROW(n, title, .kind = SCHEMA_I32, __VA_ARGS__)
#define I64(n, title, ...)      ROW(n, title, .kind = SCHEMA_I64, __VA_ARGS__)
#define TEXTS(n, title, ...)    ROW(n, title, .kind = SCHEMA_TEXTS, __VA_ARGS__)
#define U32S(n, title, ...)     ROW(n, title, .kind = SCHEMA_U16S, __VA_ARGS__)
#define ANY_MAP(n, title, ...)  ROW(n, title, .kind = SCHEMA_JSON, __VA_ARGS__)
#define U64(n, title, ...)      I64(n, title, .wire = SCHEMA_WIRE_U64, __VA_ARGS__)
#define FLOAT(n, title, ...)    \
    ROW(n, title, .kind = SCHEMA_DOUBLE, .wire = SCHEMA_WIRE_FLOAT, __VA_ARGS__)
#define BYTES(n, title, ...)    TEXT(n, title, .wire = SCHEMA_WIRE_BYTES, __VA_ARGS__)
#define TIME(n, title, ...)     TEXT(n, title, .wire = SCHEMA_WIRE_TIMESTAMP, __VA_ARGS__)
#define DURATION(n, title, ...) TEXT(n, title, .wire = SCHEMA_WIRE_DURATION, __VA_ARGS__)
#define TEXT_MAP(n, title, ...) ANY_MAP(n, title, .wire = SCHEMA_WIRE_TEXT_MAP, __VA_ARGS__)
#define I64_MAP(n, title, ...)  ANY_MAP(n, title, .wire = SCHEMA_WIRE_I64_MAP, __VA_ARGS__)
#define TIME_MAP(n, title, ...) ANY_MAP(n, title, .wire = SCHEMA_WIRE_TIMESTAMP_MAP, __VA_ARGS__)
#define ENUM(n, title, words, ...) \
    TEXT(n, title, .wire = SCHEMA_WIRE_ENUM, .enumeration = (words), __VA_ARGS__)
#define MESSAGE(n, title, of, ...) ROW(n, title, .kind = SCHEMA_STRUCT, .sub = (of), __VA_ARGS__)
#define MESSAGES(n, title, of, ...) \
    ROW(n, title, .kind = SCHEMA_STRUCTS, .sub = (of), __VA_ARGS__)
#define MESSAGE_MAP(n, title, of, ...) \
    ROW(n, title, .kind = SCHEMA_KEYED, .sub = (of), __VA_ARGS__)

#endif
