/* SPDX-License-Identifier: Apache-2.0 */
/* Logs of OTLP 1.x in their JSON encoding: ExportLogsServiceRequest and its answer. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "export/record.h"

static void put_value(struct buf *out, const json_t *value);

static void put_list(struct buf *out, const json_t *list)
{
    buf_puts(out, "{\"arrayValue\":{\"values\":[");
    for (size_t i = 0; i < json_array_size(list); i++) {
        buf_add(out, ",", i > 0);
        put_value(out, json_array_get(list, i));
    }
    buf_puts(out, "]}}");
}

static void put_map(struct buf *out, const json_t *map)
{
    const char *key, *comma = "";
    json_t *item;
    buf_puts(out, "{\"kvlistValue\":{\"values\":[");
    json_object_foreach((json_t *)(uintptr_t)map, key, item) {
        buf_puts(out, comma);
        buf_puts(out, "{\"key\":");
        text_json_quote(out, key);
        buf_puts(out, ",\"value\":");
        put_value(out, item);
        buf_putc(out, '}');
        comma = ",";
    }
    buf_puts(out, "]}}");
}

/* An AnyValue.  64-bit integers are texts in the JSON encoding of protobuf; null is a value without
 * a kind. */
static void put_value(struct buf *out, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        buf_puts(out, "{\"stringValue\":");
        text_json_quote(out, json_string_value(value));
        buf_putc(out, '}');
        break;
    case JSON_INTEGER:
        buf_printf(out, "{\"intValue\":\"%" JSON_INTEGER_FORMAT "\"}", json_integer_value(value));
        break;
    case JSON_REAL:
        buf_printf(out, "{\"doubleValue\":%.17g}", json_real_value(value));
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        buf_puts(out, json_is_true(value) ? "{\"boolValue\":true}" : "{\"boolValue\":false}");
        break;
    case JSON_ARRAY:
        put_list(out, value);
        break;
    case JSON_OBJECT:
        put_map(out, value);
        break;
    case JSON_NULL:
        buf_puts(out, "{}");
    }
}

static void put_attribute(struct buf *out, const char *key, const char *value)
{
    buf_printf(out, "{\"key\":\"%s\",\"value\":{\"stringValue\":", key);
    text_json_quote(out, value);
    buf_puts(out, "}},");
}

void export_otlp_log(const struct export_log *log, const json_t *record, struct buf *out)
{
    buf_printf(out,
               "{\"timeUnixNano\":\"%" PRId64 "000000\",\"observedTimeUnixNano\":\"%" PRId64
               "000000\",\"severityNumber\":%d,\"severityText\":\"%s\",\"body\":",
               log->at_ms, log->at_ms, log->warn ? 13 : 9, log->warn ? "WARN" : "INFO");
    put_value(out, record);
    buf_puts(out, ",\"attributes\":[");
    put_attribute(out, "sluice.record", log->kind);
    put_attribute(out, "sluice.sandbox", log->sandbox);
    buf_printf(out, "{\"key\":\"sluice.sequence\",\"value\":{\"intValue\":\"%" PRIu64 "\"}}]}",
               log->sequence);
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
