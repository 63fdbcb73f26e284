/* SPDX-License-Identifier: Apache-2.0 */
#include "chain/request.h"

#include <stddef.h>
#include <string.h>

#include "base/base64.h"
#include "chain/transition.h"
#include "doc/writer.h"

/* ---- texts in which a character is a byte ---- */

static bool is_ascii(const char *text)
{
    while (*text && (unsigned char)*text < 0x80)
        text++;
    return !*text;
}

void chain_write_bytes(struct doc_writer *w, const char *bytes)
{
    struct buf text = {0};
    if (is_ascii(bytes)) {
        doc_write_text(w, bytes);
        return;
    }
    for (const unsigned char *p = (const unsigned char *)bytes; *p; p++) {
        if (*p >= 0x80)
            buf_putc(&text, (char)(0xc0 | *p >> 6));
        buf_putc(&text, (char)(*p >= 0x80 ? 0x80 | (*p & 0x3f) : *p));
    }
    doc_write_text(w, buf_str(&text));
    buf_free(&text);
}

int chain_read_bytes(struct schema_decoder *d, const struct doc_node *value, const char **out)
{
    if (schema_any_text(d, value, out) != 0)
        return -1;
    if (is_ascii(*out))
        return 0;
    char *bytes = arena_str(schema_arena(d), *out), *at = bytes;
    for (const unsigned char *p = (const unsigned char *)bytes; *p; p++) {
        if (*p > 0xc3)
            return schema_problem(d, value, "has a character that stands for no byte");
        *at++ = (char)(*p >= 0xc2 ? *p << 6 | (p[1] & 0x3f) : *p);
        p += *p >= 0xc2;
    }
    *at = '\0';
    *out = bytes;
    return 0;
}

#define BYTES(member)                                                                           \
    static int decode_##member(struct schema_decoder *d, const struct doc_node *value, void *r) \
    {                                                                                           \
        return chain_read_bytes(d, value, &((struct sluice_request *)r)->member);               \
    }                                                                                           \
    static void encode_##member(const void *r, struct doc_writer *w)                            \
    {                                                                                           \
        chain_write_bytes(w, ((const struct sluice_request *)r)->member);                       \
    }
BYTES(binary)
BYTES(path)
BYTES(query)

static void encode_ancestors(const void *record, struct doc_writer *w)
{
    const struct sluice_request *r = record;
    doc_write_open(w, DOC_LIST);
    for (size_t i = 0; i < r->n_ancestors; i++)
        chain_write_bytes(w, r->ancestors[i]);
    doc_write_close(w, DOC_LIST);
}

static int decode_ancestors(struct schema_decoder *d, const struct doc_node *value, void *record)
{
    struct sluice_request *r = record;
    if (value->kind != DOC_LIST)
        return schema_problem(d, value, "must be a list of texts");
    const char **ancestors = arena_zalloc(schema_arena(d), (value->n + 1) * sizeof *ancestors);
    for (size_t i = 0; i < value->n; i++)
        if (chain_read_bytes(d, value->items[i], &ancestors[i]) != 0)
            return -1;
    r->ancestors = ancestors;
    r->n_ancestors = value->n;
    return 0;
}

/* ---- headers ---- */

static void write_headers(struct doc_writer *w, const struct sluice_header *headers, size_t n)
{
    doc_write_open(w, DOC_LIST);
    for (size_t i = 0; i < n; i++) {
        doc_write_open(w, DOC_LIST);
        chain_write_bytes(w, headers[i].name);
        chain_write_bytes(w, headers[i].value);
        doc_write_close(w, DOC_LIST);
    }
    doc_write_close(w, DOC_LIST);
}

static int read_headers(struct schema_decoder *d, const struct doc_node *value,
                        const struct sluice_header **out, size_t *n)
{
    if (value->kind != DOC_LIST)
        return schema_problem(d, value, "must be a list of pairs of name and value");
    struct sluice_header *headers =
        arena_zalloc(schema_arena(d), (value->n + 1) * sizeof *headers);
    for (size_t i = 0; i < value->n; i++) {
        const struct doc_node *pair = value->items[i];
        if (pair->kind != DOC_LIST || pair->n != 2)
            return schema_problem(d, pair, "must be a pair of name and value");
        if (chain_read_bytes(d, pair->items[0], &headers[i].name) != 0 ||
            chain_read_bytes(d, pair->items[1], &headers[i].value) != 0)
            return -1;
    }
    *out = headers;
    *n = value->n;
    return 0;
}

/* ---- bodies ---- */

static void write_body(struct doc_writer *w, const char *body, size_t len)
{
    struct buf text = {0};
    base64_encode(body, len, &text);
    doc_write_text(w, buf_str(&text));
    buf_free(&text);
}

static int read_body(struct schema_decoder *d, const struct doc_node *value, const char **out,
                     size_t *len)
{
    const char *text;
    if (schema_text(d, value, &text) != 0)
        return -1;
    struct buf body = {0};
    if (base64_decode(text, strlen(text), &body) != 0) {
        buf_free(&body);
        return schema_problem(d, value, "must be base64");
    }
    *len = body.len;
    *out = arena_strn(schema_arena(d), buf_str(&body), body.len);
    buf_free(&body);
    return 0;
}

#define PARTS(id)                                                                                 \
    static int decode_##id##_headers(struct schema_decoder *d, const struct doc_node *value,      \
                                     void *record)                                                \
    {                                                                                             \
        struct sluice_##id *r = record;                                                           \
        return read_headers(d, value, &r->headers, &r->n_headers);                                \
    }                                                                                             \
    static void encode_##id##_headers(const void *record, struct doc_writer *w)                   \
    {                                                                                             \
        const struct sluice_##id *r = record;                                                     \
        write_headers(w, r->headers, r->n_headers);                                               \
    }                                                                                             \
    static int decode_##id##_body(struct schema_decoder *d, const struct doc_node *value,         \
                                  void *record)                                                   \
    {                                                                                             \
        struct sluice_##id *r = record;                                                           \
        return read_body(d, value, &r->body, &r->body_len);                                       \
    }                                                                                             \
    static void encode_##id##_body(const void *record, struct doc_writer *w)                      \
    {                                                                                             \
        const struct sluice_##id *r = record;                                                     \
        if (r->body_len)                                                                          \
            write_body(w, r->body, r->body_len);                                                  \
    }
PARTS(request)
PARTS(response)

bool chain_request_is_headers(const struct schema_field *field, const void *record,
                              const struct sluice_header **headers, size_t *n)
{
    const struct sluice_request *request = record;
    const struct sluice_response *response = record;
    bool of_request = field->decode == decode_request_headers;
    if (!of_request && field->decode != decode_response_headers)
        return false;
    *headers = of_request ? request->headers : response->headers;
    *n = of_request ? request->n_headers : response->n_headers;
    return true;
}

bool chain_request_is_body(const struct schema_field *field, const void *record,
                           const char **body, size_t *len)
{
    const struct sluice_request *request = record;
    const struct sluice_response *response = record;
    bool of_request = field->decode == decode_request_body;
    if (!of_request && field->decode != decode_response_body)
        return false;
    *body = of_request ? request->body : response->body;
    *len = of_request ? request->body_len : response->body_len;
    return true;
}

/* ---- tables ---- */

static int finish_response(struct schema_decoder *d, void *record)
{
    struct sluice_response *response = record;
    (void)d;
    response->body = response->body ? response->body : "";
    return 0;
}

static int finish_request(struct schema_decoder *d, void *record)
{
    struct sluice_request *request = record;
    (void)d;
    request->body = request->body ? request->body : "";
    return 0;
}

#define AT(member) .offset = offsetof(struct sluice_response, member)
static const struct schema_field response_fields[] = {
    {.name = "status", .kind = SCHEMA_U16, AT(status), .help = "Such as 200."},
    {.name = "headers", .kind = SCHEMA_CUSTOM, AT(headers), .decode = decode_response_headers,
     .encode = encode_response_headers, .help = "By name in lower case."},
    {.name = "body", .kind = SCHEMA_CUSTOM, AT(body), .decode = decode_response_body,
     .encode = encode_response_body, .help = "Its first bytes."},
    {.name = "body_complete", .kind = SCHEMA_BOOL, AT(body_complete), .help = "That is all of it."},
    {.name = NULL},
};
#undef AT

#define AT(member) .offset = offsetof(struct sluice_request, member)
#define TEXT(member, what) \
    {.name = #member, .kind = SCHEMA_TEXT, AT(member), .flags = SCHEMA_ANY, .help = what}
#define PLACE(member, what)                                                         \
    {.name = #member, .kind = SCHEMA_TEXT, AT(member), .decode = decode_##member, \
     .encode = encode_##member, .help = what}
static const struct schema_field request_fields[] = {
    {.name = "sandbox", .kind = SCHEMA_STRUCT, AT(sandbox), .sub = &chain_sandbox_schema,
     .flags = SCHEMA_REQUIRED},
    PLACE(binary, "The program."),
    {.name = "ancestors", .kind = SCHEMA_TEXTS, AT(ancestors),
     .count_offset = offsetof(struct sluice_request, n_ancestors),
     .decode = decode_ancestors, .encode = encode_ancestors,
     .help = "The programs that started it, nearest first."},
    TEXT(host, "In lower case."),
    {.name = "port", .kind = SCHEMA_U16, AT(port), .flags = SCHEMA_KEEP},
    TEXT(rule, "The key of the rule that lets it through."),
    TEXT(protocol, "Of the endpoint, such as rest."),
    TEXT(method, "Such as GET."),
    PLACE(path, "Without the query."),
    PLACE(query, "Behind the question mark."),
    {.name = "headers", .kind = SCHEMA_CUSTOM, AT(headers), .decode = decode_request_headers,
     .encode = encode_request_headers, .help = "By name in lower case."},
    {.name = "body", .kind = SCHEMA_CUSTOM, AT(body), .decode = decode_request_body,
     .encode = encode_request_body, .help = "Its first bytes."},
    {.name = "body_complete", .kind = SCHEMA_BOOL, AT(body_complete), .help = "That is all of it."},
    TEXT(operation, "GraphQL: such as mutation NAME; JSON-RPC: the method."),
    TEXT(tool, "MCP: the tool that is called."),
    {.name = "response", .kind = SCHEMA_STRUCT, AT(response), .sub = &chain_response_schema,
     .help = "When the answer is judged."},
    TEXT(message, "text or binary: a WebSocket message."),
    TEXT(tls, "The version of TLS towards the client."),
    {.name = NULL},
};
#undef AT

const struct schema chain_response_schema = {
    .name = "response", .size = sizeof(struct sluice_response), .fields = response_fields,
    .has_size = true, .finish = finish_response};
const struct schema chain_request_schema = {
    .name = "request", .size = sizeof(struct sluice_request), .fields = request_fields,
    .has_size = true, .finish = finish_request};
