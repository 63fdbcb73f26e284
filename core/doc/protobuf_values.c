/* SPDX-License-Identifier: Apache-2.0 */
/* google.protobuf.Struct, Timestamp and Duration as tables, whose values in documents are what JSON
 * has for them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "doc/number.h"
#include "doc/protobuf_parts.h"

static const struct schema value_schema, list_schema;

static struct doc_node *new_scalar(struct arena *arena, const char *text, bool literal)
{
    struct doc_node *node = arena_alloc(arena, sizeof *node);
    *node = (struct doc_node){.kind = DOC_SCALAR, .plain = literal, .literal = literal,
                              .text = text};
    return node;
}

/* A map of n values; the keys are borrowed. */
static struct doc_node *new_map(struct arena *arena, size_t n, const char *const *keys,
                                struct doc_node *const *values)
{
    struct doc_node *map = arena_zalloc(arena, sizeof *map);
    *map = (struct doc_node){.kind = DOC_MAP, .text = "", .n = n};
    map->keys = arena_alloc(arena, n * sizeof(struct doc_node *));
    map->items = arena_alloc(arena, n * sizeof(struct doc_node *));
    for (size_t i = 0; i < n; i++) {
        map->keys[i] = new_scalar(arena, keys[i], false);
        map->items[i] = values[i];
    }
    return map;
}

static struct doc_node *wrap(struct arena *arena, const char *key, struct doc_node *value)
{
    return new_map(arena, 1, &key, &value);
}

/* The only value of a map, or an empty collection. */
static struct doc_node *unwrap(struct arena *arena, struct doc_node *map, enum doc_kind kind)
{
    struct doc_node *empty = map->n ? NULL : arena_zalloc(arena, sizeof *empty);
    if (!empty)
        return map->items[0];
    *empty = (struct doc_node){.kind = kind, .text = ""};
    return empty;
}

/* ---- Struct, Value and ListValue ---- */

static struct doc_node *struct_to_message(struct doc_node *value, struct arena *arena)
{
    return value->kind == DOC_MAP ? wrap(arena, "fields", value) : NULL;
}

static struct doc_node *struct_from_message(struct doc_node *message, struct arena *arena)
{
    return unwrap(arena, message, DOC_MAP);
}

static struct doc_node *list_to_message(struct doc_node *value, struct arena *arena)
{
    return value->kind == DOC_LIST ? wrap(arena, "values", value) : NULL;
}

static struct doc_node *list_from_message(struct doc_node *message, struct arena *arena)
{
    return unwrap(arena, message, DOC_LIST);
}

static const char *member_of(const struct doc_node *value)
{
    switch (value->kind) {
    case DOC_NULL:
        return "null_value";
    case DOC_LIST:
        return "list_value";
    case DOC_MAP:
        return "struct_value";
    default:
        return !value->literal                        ? "string_value"
               : doc_is_json_number(value->text) ? "number_value" : "bool_value";
    }
}

static struct doc_node *value_to_message(struct doc_node *value, struct arena *arena)
{
    bool null = value->kind == DOC_NULL;
    return wrap(arena, member_of(value), null ? new_scalar(arena, "0", true) : value);
}

static struct doc_node *value_from_message(struct doc_node *message, struct arena *arena)
{
    if (message->n && strcmp(message->keys[0]->text, "null_value") != 0)
        return message->items[0];
    struct doc_node *null = arena_zalloc(arena, sizeof *null);
    *null = (struct doc_node){.kind = DOC_NULL, .plain = true, .text = ""};
    return null;
}

static const struct schema_field struct_fields[] = {
    {.name = "fields", .kind = SCHEMA_KEYED, .number = 1, .sub = &value_schema},
    {0},
};

const struct schema protobuf_struct_schema = {
    .name = "Struct", .fields = struct_fields,
    .message = &(const struct schema_message){.to_message = struct_to_message,
                                              .from_message = struct_from_message,
                                              .expects = "a map"},
};

static const struct schema_field list_fields[] = {
    {.name = "values", .kind = SCHEMA_STRUCTS, .number = 1, .sub = &value_schema},
    {0},
};

static const struct schema list_schema = {
    .name = "ListValue", .fields = list_fields,
    .message = &(const struct schema_message){.to_message = list_to_message,
                                              .from_message = list_from_message,
                                              .expects = "a list"},
};

static const char *const nulls[] = {"NULL_VALUE", NULL};

static const struct schema_field value_fields[] = {
    {.name = "null_value", .kind = SCHEMA_TEXT, .number = 1, .wire = SCHEMA_WIRE_ENUM,
     .enumeration = nulls, .oneof = "kind"},
    {.name = "number_value", .kind = SCHEMA_DOUBLE, .number = 2, .oneof = "kind"},
    {.name = "string_value", .kind = SCHEMA_TEXT, .number = 3, .oneof = "kind"},
    {.name = "bool_value", .kind = SCHEMA_BOOL, .number = 4, .oneof = "kind"},
    {.name = "struct_value", .kind = SCHEMA_STRUCT, .number = 5, .sub = &protobuf_struct_schema,
     .oneof = "kind"},
    {.name = "list_value", .kind = SCHEMA_STRUCT, .number = 6, .sub = &list_schema,
     .oneof = "kind"},
    {0},
};

static const struct schema value_schema = {
    .name = "Value", .fields = value_fields,
    .message = &(const struct schema_message){.to_message = value_to_message,
                                              .from_message = value_from_message,
                                              .expects = "a value"},
};

/* ---- Timestamp and Duration ---- */

static const struct schema_field time_fields[] = {
    {.name = "seconds", .kind = SCHEMA_I64, .number = 1},
    {.name = "nanos", .kind = SCHEMA_I32, .number = 2},
    {0},
};

enum { NANOS = 1000000000 };

static void read_time(const struct doc_node *message, int64_t *seconds, int64_t *nanos)
{
    const struct doc_node *s = doc_get(message, "seconds"), *n = doc_get(message, "nanos");
    *seconds = s ? strtoll(s->text, NULL, 10) : 0;
    *nanos = n ? strtoll(n->text, NULL, 10) : 0;
}

/* No digits, or as few groups of three as hold it. */
static void format_nanos(int64_t nanos, char out[12])
{
    static const int64_t units[] = {NANOS, NANOS / 1000, 1000, 1};
    int groups = 0;
    while (nanos % units[groups] != 0)
        groups++;
    if (groups)
        snprintf(out, 12, ".%0*" PRId64, 3 * groups, nanos / units[groups]);
    else
        *out = '\0';
}

/* Up to nine digits behind a point.  NULL: it is none of that. */
static const char *parse_nanos(const char *at, int64_t *nanos)
{
    *nanos = 0;
    if (*at != '.')
        return at;
    const char *digits = ++at;
    int64_t unit = NANOS / 10;
    for (; *at >= '0' && *at <= '9' && unit; at++, unit /= 10)
        *nanos += (*at - '0') * unit;
    return at == digits ? NULL : at;
}

static struct doc_node *time_message(struct arena *arena, int64_t seconds, int64_t nanos)
{
    static const char *const keys[] = {"seconds", "nanos"};
    struct doc_node *values[] = {
        new_scalar(arena, arena_printf(arena, "%" PRId64, seconds), true),
        new_scalar(arena, arena_printf(arena, "%" PRId64, nanos), true),
    };
    return new_map(arena, 2, keys, values);
}

static const int64_t year_1 = -62135596800, year_9999_end = 253402300799;

static struct doc_node *timestamp_from_message(struct doc_node *message, struct arena *arena)
{
    int64_t seconds, nanos;
    char fraction[12];
    struct tm tm;
    read_time(message, &seconds, &nanos);
    if (seconds < year_1 || seconds > year_9999_end || nanos < 0 || nanos >= NANOS)
        return NULL;
    time_t t = (time_t)seconds;
    gmtime_r(&t, &tm);
    format_nanos(nanos, fraction);
    return new_scalar(arena,
                      arena_printf(arena, "%04d-%02d-%02dT%02d:%02d:%02d%sZ", tm.tm_year + 1900,
                                   tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
                                   fraction), false);
}

static struct doc_node *timestamp_to_message(struct doc_node *value, struct arena *arena)
{
    struct tm tm = {0};
    int64_t nanos;
    int end = 0;
    if (value->kind != DOC_SCALAR ||
        sscanf(value->text, "%4d-%2d-%2dT%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
               &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &end) != 6 || end != 19)
        return NULL;
    const char *rest = parse_nanos(value->text + end, &nanos);
    struct tm given = tm;
    tm.tm_year = given.tm_year -= 1900;
    tm.tm_mon = given.tm_mon -= 1;
    time_t seconds = timegm(&tm);
    bool exact = tm.tm_mon == given.tm_mon && tm.tm_mday == given.tm_mday &&
                 tm.tm_hour == given.tm_hour && tm.tm_min == given.tm_min;
    if (!rest || strcmp(rest, "Z") != 0 || !exact || seconds < year_1)
        return NULL;
    return time_message(arena, seconds, nanos);
}

static const int64_t duration_max = 315576000000;

static struct doc_node *duration_from_message(struct doc_node *message, struct arena *arena)
{
    int64_t seconds, nanos;
    char fraction[12];
    read_time(message, &seconds, &nanos);
    bool negative = seconds < 0 || nanos < 0;
    if (seconds > duration_max || seconds < -duration_max || nanos >= NANOS || nanos <= -NANOS ||
        (negative && (seconds > 0 || nanos > 0)))
        return NULL;
    format_nanos(llabs(nanos), fraction);
    return new_scalar(arena, arena_printf(arena, "%s%lld%ss", negative ? "-" : "",
                                          llabs(seconds), fraction), false);
}

static struct doc_node *duration_to_message(struct doc_node *value, struct arena *arena)
{
    int64_t seconds, nanos;
    if (value->kind != DOC_SCALAR)
        return NULL;
    bool negative = *value->text == '-';
    const char *digits = value->text + negative;
    size_t n = strspn(digits, "0123456789");
    const char *rest = n && n < 13 ? parse_nanos(digits + n, &nanos) : NULL;
    if (!rest || strcmp(rest, "s") != 0)
        return NULL;
    seconds = strtoll(digits, NULL, 10);
    if (seconds > duration_max)
        return NULL;
    return time_message(arena, negative ? -seconds : seconds, negative ? -nanos : nanos);
}

const struct schema protobuf_timestamp_schema = {
    .name = "Timestamp", .fields = time_fields,
    .message = &(const struct schema_message){
        .to_message = timestamp_to_message, .from_message = timestamp_from_message,
        .expects = "a time in UTC from year 1 to 9999, such as 2026-01-31T08:05:00.5Z"},
};

const struct schema protobuf_duration_schema = {
    .name = "Duration", .fields = time_fields,
    .message = &(const struct schema_message){
        .to_message = duration_to_message, .from_message = duration_from_message,
        .expects = "a duration of at most 315576000000 seconds, such as 1.5s"},
};
