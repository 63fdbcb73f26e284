/* SPDX-License-Identifier: Apache-2.0 */
/* The request of a case. */
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/base64.h"
#include "doc/schema.h"
#include "testkit/case.h"
#include "testkit/tables.h"

/* A request as it is written, with what only a case has. */
struct written {
    struct sluice_request request;
    bool middleware;
};

/* ---- headers ---- */

static char *lower(struct arena *arena, const char *text)
{
    char *copy = arena_str(arena, text);
    for (char *c = copy; *c; c++)
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 'a' - 'A' : *c);
    return copy;
}

static int add_header(struct schema_decoder *d, const struct doc_node *value, const char *name,
                      struct sluice_header *headers, size_t *n)
{
    headers[*n].name = lower(schema_arena(d), name);
    return schema_text(d, value, &headers[(*n)++].value);
}

static size_t count(const struct doc_node *map)
{
    size_t n = 0;
    for (size_t i = 0; i < map->n; i++)
        n += map->items[i]->kind == DOC_LIST ? map->items[i]->n : 1;
    return n;
}

/* {name: value}, or {name: [value, …]} of one that is repeated. */
static int read_headers(struct schema_decoder *d, const struct doc_node *map,
                        const struct sluice_header **out, size_t *n)
{
    if (map->kind != DOC_MAP)
        return schema_problem(d, map, "must be a map of headers by name");
    struct sluice_header *headers =
        arena_zalloc(schema_arena(d), (count(map) + 1) * sizeof *headers);
    *n = 0;
    for (size_t i = 0; i < map->n; i++) {
        const struct doc_node *value = map->items[i];
        bool list = value->kind == DOC_LIST;
        for (size_t k = 0; k < (list ? value->n : 1); k++)
            if (add_header(d, list ? value->items[k] : value, map->keys[i]->text, headers, n) != 0)
                return -1;
    }
    *out = headers;
    return 0;
}

/* ---- bodies ---- */

static int decode_bytes(struct schema_decoder *d, const struct doc_node *value, const char **out,
                        size_t *len)
{
    struct buf bytes = {0};
    if (base64_decode(value->text, strlen(value->text), &bytes) != 0) {
        buf_free(&bytes);
        return schema_problem(d, value, "must be base64");
    }
    *len = bytes.len;
    *out = arena_strn(schema_arena(d), buf_str(&bytes), bytes.len);
    buf_free(&bytes);
    return 0;
}

/* A text, or {base64: …} where it is none. */
static int read_body(struct schema_decoder *d, const struct doc_node *value, const char **out,
                     size_t *len)
{
    const struct doc_node *bytes =
        value->kind == DOC_MAP && value->n == 1 ? doc_get(value, "base64") : NULL;
    if (bytes && bytes->kind == DOC_SCALAR)
        return decode_bytes(d, bytes, out, len);
    if (schema_any_text(d, value, out) != 0)
        return -1;
    *len = strlen(*out);
    return 0;
}

#define PARTS(id, type)                                                                      \
    static int decode_##id##_headers(struct schema_decoder *d, const struct doc_node *value, \
                                     void *record)                                           \
    {                                                                                        \
        struct type *r = record;                                                             \
        return read_headers(d, value, &r->headers, &r->n_headers);                           \
    }                                                                                        \
    static int decode_##id##_body(struct schema_decoder *d, const struct doc_node *value,    \
                                  void *record)                                              \
    {                                                                                        \
        struct type *r = record;                                                             \
        return read_body(d, value, &r->body, &r->body_len);                                  \
    }
PARTS(request, sluice_request)
PARTS(response, sluice_response)

/* ---- tables ---- */

#define AT(member) .offset = offsetof(struct sluice_response, member)
static const struct schema_field response_fields[] = {
    {.name = "status", .kind = SCHEMA_U16, AT(status), .fallback = "200"},
    {.name = "headers", .kind = SCHEMA_CUSTOM, .decode = decode_response_headers,
     .help = "By name; a list of values where one is repeated."},
    {.name = "body", .kind = SCHEMA_CUSTOM, .decode = decode_response_body,
     .help = "A text, or {base64: …}."},
    {.name = "body_complete", .kind = SCHEMA_BOOL, AT(body_complete), .fallback = "true"},
    {.name = NULL},
};
#undef AT

static int finish_response(struct schema_decoder *d, void *record)
{
    struct sluice_response *r = record;
    (void)d;
    r->body = r->body ? r->body : "";
    return 0;
}

static const struct schema response_schema = {
    .name = "response", .size = sizeof(struct sluice_response), .fields = response_fields,
    .has_size = true, .finish = finish_response};

#define AT(member) .offset = offsetof(struct sluice_request, member)
#define TEXT(member, usual, what) \
    {.name = #member, .kind = SCHEMA_TEXT, AT(member), .fallback = usual, .help = what}
static const struct schema_field request_fields[] = {
    TEXT(binary, "/usr/bin/curl", "The program."),
    {.name = "ancestors", .kind = SCHEMA_TEXTS, AT(ancestors),
     .count_offset = offsetof(struct sluice_request, n_ancestors),
     .help = "The programs that started it, nearest first."},
    TEXT(host, "api.example.com", "In lower case."),
    {.name = "port", .kind = SCHEMA_U16, AT(port), .fallback = "443"},
    TEXT(rule, "api", "The key of the rule that lets it through."),
    TEXT(protocol, "rest", "Of the endpoint."),
    TEXT(method, "GET", "Such as POST."),
    TEXT(path, "/", "Without the query."),
    TEXT(query, NULL, "Behind the question mark."),
    {.name = "headers", .kind = SCHEMA_CUSTOM, .decode = decode_request_headers,
     .help = "By name; a list of values where one is repeated."},
    {.name = "body", .kind = SCHEMA_CUSTOM, .decode = decode_request_body,
     .help = "A text, or {base64: …}."},
    {.name = "body_complete", .kind = SCHEMA_BOOL, AT(body_complete), .fallback = "true"},
    TEXT(operation, NULL, "GraphQL: such as mutation NAME; JSON-RPC: the method."),
    TEXT(tool, NULL, "MCP: the tool that is called."),
    {.name = "response", .kind = SCHEMA_STRUCT, AT(response), .sub = &response_schema,
     .help = "Where the answer is judged."},
    TEXT(message, NULL, "text or binary: a WebSocket message."),
    TEXT(tls, "TLSv1.3", "The version of TLS towards the client."),
    {.name = "middleware", .kind = SCHEMA_BOOL, .offset = offsetof(struct written, middleware),
     .help = "A policy names the voter as a middleware."},
    {.name = NULL},
};
#undef AT

static int finish_request(struct schema_decoder *d, void *record)
{
    struct sluice_request *r = record;
    (void)d;
    r->body = r->body ? r->body : "";
    return 0;
}

const struct schema case_request_schema = {
    .name = "request", .size = sizeof(struct written), .fields = request_fields,
    .has_size = true, .finish = finish_request};

int decode_request(struct schema_decoder *d, const struct doc_node *value, void *item)
{
    struct case_item *case_item = item;
    void *decoded;
    if (schema_decode_sub(d, &case_request_schema, value, NULL, &decoded) != 0)
        return -1;
    struct written *written = decoded;
    written->request.size = sizeof written->request;
    case_item->request = &written->request;
    case_item->middleware = written->middleware;
    return 0;
}
