/* SPDX-License-Identifier: Apache-2.0 */
/* Logs of OTLP 1.x in their JSON encoding: ExportLogsServiceRequest and its answer. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export/record.h"

static json_t *any_value(const json_t *value);

static json_t *any_list(const json_t *list)
{
    json_t *values = json_array(), *item;
    size_t i;
    json_array_foreach((json_t *)(uintptr_t)list, i, item)
        json_array_append_new(values, any_value(item));
    return json_pack("{s:{s:o}}", "arrayValue", "values", values);
}

static json_t *any_map(const json_t *map)
{
    json_t *values = json_array(), *item;
    const char *key;
    json_object_foreach((json_t *)(uintptr_t)map, key, item)
        json_array_append_new(values, json_pack("{s:s, s:o}", "key", key, "value",
                                                any_value(item)));
    return json_pack("{s:{s:o}}", "kvlistValue", "values", values);
}

/* 64-bit integers are texts in the JSON encoding of protobuf; null is a value without a kind. */
static json_t *any_value(const json_t *value)
{
    char number[24];
    switch (json_typeof(value)) {
    case JSON_STRING:
        return json_pack("{s:O}", "stringValue", value);
    case JSON_INTEGER:
        snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return json_pack("{s:s}", "intValue", number);
    case JSON_REAL:
        return json_pack("{s:O}", "doubleValue", value);
    case JSON_TRUE:
    case JSON_FALSE:
        return json_pack("{s:O}", "boolValue", value);
    case JSON_ARRAY:
        return any_list(value);
    case JSON_OBJECT:
        return any_map(value);
    default:
        return json_object();
    }
}

static json_t *attribute(const char *key, const char *value)
{
    return json_pack("{s:s, s:{s:s}}", "key", key, "value", "stringValue", value);
}

void export_otlp_log(const struct export_log *log, const json_t *record, struct buf *out)
{
    char nanoseconds[32], sequence[24];
    snprintf(nanoseconds, sizeof nanoseconds, "%" PRId64 "000000", log->at_ms);
    snprintf(sequence, sizeof sequence, "%" PRIu64, log->sequence);
    json_t *json = json_pack(
        "{s:s, s:s, s:i, s:s, s:o, s:[o, o, {s:s, s:{s:s}}]}", "timeUnixNano", nanoseconds,
        "observedTimeUnixNano", nanoseconds, "severityNumber", log->warn ? 13 : 9, "severityText",
        log->warn ? "WARN" : "INFO", "body", any_value(record), "attributes",
        attribute("sluice.record", log->kind), attribute("sluice.sandbox", log->sandbox), "key",
        "sluice.sequence", "value", "intValue", sequence);
    char *text = json_dumps(json, JSON_COMPACT);
    buf_puts(out, text);
    free(text);
    json_decref(json);
}

void export_otlp_begin(struct buf *out)
{
    buf_puts(out, "{\"resourceLogs\":[{\"resource\":{\"attributes\":["
                  "{\"key\":\"service.name\",\"value\":{\"stringValue\":\"sluice\"}},"
                  "{\"key\":\"service.version\",\"value\":{\"stringValue\":\"" SLUICE_VERSION
                  "\"}}]},\"scopeLogs\":[{\"scope\":{\"name\":\"sluice\",\"version\":\""
                  SLUICE_VERSION "\"},\"logRecords\":[");
}

void export_otlp_end(struct buf *out)
{
    buf_puts(out, "]}]}]}");
}

/* An int64, which is a text in the JSON encoding; some write a number. */
static uint64_t count_of(const json_t *value)
{
    int64_t n = json_is_string(value) ? strtoll(json_string_value(value), NULL, 10)
                                      : json_integer_value(value);
    return n > 0 ? (uint64_t)n : 0;
}

uint64_t export_otlp_rejected(const char *answer, char why[256])
{
    json_t *json = json_loads(answer, 0, NULL);
    const json_t *partial = json_object_get(json, "partialSuccess");
    const char *text = json_string_value(json_object_get(partial, "errorMessage"));
    uint64_t n = count_of(json_object_get(partial, "rejectedLogRecords"));
    snprintf(why, 256, "%s", text ? text : "");
    json_decref(json);
    return n;
}
