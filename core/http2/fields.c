/* SPDX-License-Identifier: Apache-2.0 */
#include "http2/fields.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

enum { OWN_FIELDS = 8 };                            /* pseudo-header fields and te, at most */

static void add(struct http2_fields *fields, const char *name, const char *value)
{
    fields->items[fields->n++] = (nghttp2_nv){.name = (uint8_t *)name,
                                              .value = (uint8_t *)value,
                                              .namelen = strlen(name),
                                              .valuelen = strlen(value)};
}

static bool stays_behind(const struct http_head *head, const struct http_field *field)
{
    static const char *const hop_by_hop[] = {
        "Connection", "Keep-Alive",     "Proxy-Connection",  "Transfer-Encoding",    "Upgrade",
        "TE",         "HTTP2-Settings", "Sec-WebSocket-Key", "Sec-WebSocket-Accept", NULL};
    return http_field_in(field, hop_by_hop) || http_head_lists(head, "Connection", field->name);
}

/* Makes room for the fields of the head and our own. */
static void begin(const struct http_head *head, struct http2_fields *out)
{
    size_t len = 0;
    for (size_t i = 0; i < head->n_fields; i++)
        len += strlen(head->fields[i].name) + 1;
    *out = (struct http2_fields){.items = alloc_zero(head->n_fields + OWN_FIELDS,
                                                     sizeof *out->items),
                                 .names = alloc_zero(1, len + 1)};
}

static void add_fields(const struct http_head *head, const char *without, struct http2_fields *out)
{
    char *name = out->names;
    for (size_t i = 0; i < head->n_fields; i++) {
        const struct http_field *field = &head->fields[i];
        if (http_field_is(field, without) || stays_behind(head, field))
            continue;
        char *at = name;
        for (const char *c = field->name; *c; c++)
            *at++ = (char)tolower((unsigned char)*c);
        add(out, name, field->value);
        name = at + 1;
    }
}

void http2_fields_of_request(const struct http_head *head, bool secure, bool websocket,
                             struct http2_fields *out)
{
    const char *host = http_head_get(head, "Host");
    begin(head, out);
    add(out, ":method", websocket ? "CONNECT" : head->method);
    if (websocket)
        add(out, ":protocol", "websocket");
    add(out, ":scheme", secure ? "https" : "http");
    add(out, ":authority", host ? host : "");
    add(out, ":path", head->target);
    add_fields(head, "Host", out);
    if (http_head_lists(head, "TE", "trailers"))
        add(out, "te", "trailers");
}

void http2_fields_of_response(const struct http_head *head, int status, struct http2_fields *out)
{
    begin(head, out);
    snprintf(out->status, sizeof out->status, "%03d", status % 1000);
    add(out, ":status", out->status);
    add_fields(head, "", out);
}

void http2_fields_of_trailers(const struct http_head *trailers, struct http2_fields *out)
{
    begin(trailers, out);
    add_fields(trailers, "Content-Length", out);
}

void http2_fields_free(struct http2_fields *fields)
{
    free(fields->items);
    free(fields->names);
    *fields = (struct http2_fields){0};
}
