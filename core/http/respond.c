/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "http/connection.h"
#include "http/problem.h"
#include "http/router.h"

const char *http_request_param(const struct http_request *req, const char *name)
{
    int i = http_route_param(req->route, name);
    return i < 0 ? NULL : req->params[i];
}

const char *http_request_query(const struct http_request *req, const char *name)
{
    for (size_t i = 0; i < req->n_query; i++)
        if (strcmp(req->query[i].name, name) == 0)
            return req->query[i].value;
    return NULL;
}

const char *http_request_header(const struct http_request *req, const char *name)
{
    return req->head ? http_head_get(req->head, name) : NULL;
}

const char *http_request_type(struct http_request *req)
{
    struct http_exchange *x = req->exchange;
    const char *value = http_request_header(req, "Content-Type");
    if (!x->type) {
        x->type = alloc_strn(value ? value : "", value ? strcspn(value, "; \t") : 0);
        for (char *c = x->type; *c; c++)
            *c = (char)tolower((unsigned char)*c);
    }
    return x->type;
}

/* How well a range such as "application/ *" fits: 0 not at all, 3 exactly. */
static int fits(const char *range, size_t len, const char *type)
{
    size_t major = strcspn(type, "/") + 1;
    if (len == strlen(type) && strncasecmp(range, type, len) == 0)
        return 3;
    if (len == major + 1 && range[major] == '*' && strncasecmp(range, type, major) == 0)
        return 2;
    return len == 3 && memcmp(range, "*/*", 3) == 0;
}

/* A qvalue of RFC 9110 section 12.4.2, in thousandths; 0 for what is none. */
static int qvalue(const char *text)
{
    int value = 0, digits = 0;
    if (*text != '0' && *text != '1')
        return 0;
    value = (*text++ - '0') * 1000;
    if (*text == '.')
        for (int unit = 100; digits < 3 && text[1] >= '0' && text[1] <= '9'; unit /= 10, digits++)
            value += (*++text - '0') * unit;
    return value <= 1000 ? value : 0;
}

/* The weight in the parameters of one range, such as ";q=0.5". */
static int weight(const char *params, size_t len)
{
    for (size_t i = 0; i + 3 < len; i++)
        if (strncasecmp(params + i, ";q=", 3) == 0 || strncasecmp(params + i, " q=", 3) == 0)
            return qvalue(params + i + 3);
    return 1000;
}

int http_request_weight(const struct http_request *req, const char *type)
{
    const char *at = http_request_header(req, "Accept");
    int best = 0, found = at ? 0 : 1000;
    while (at && *at) {
        at += strspn(at, " \t,");
        size_t item = strcspn(at, ","), range = strcspn(at, "; \t,");
        int fit = fits(at, range, type);
        if (fit > best) {
            best = fit;
            found = weight(at + range, item - range);
        }
        at += item;
    }
    return found;
}

void http_request_pause(struct http_request *req)
{
    if (req->exchange->connection)
        connection_read_body(req->exchange->connection, false);
}

void http_request_resume(struct http_request *req)
{
    if (req->exchange->connection)
        connection_read_body(req->exchange->connection, true);
}

bool http_request_gone(const struct http_request *req)
{
    return req->exchange->gone;
}

void http_put_field(struct buf *out, const char *name, const char *value)
{
    buf_printf(out, "%s: ", name);
    for (; *value; value++)
        buf_putc(out, (unsigned char)*value < 0x20 || *value == 0x7f ? ' ' : *value);
    buf_puts(out, "\r\n");
}

void http_header(struct http_request *req, const char *name, const char *value)
{
    http_put_field(&req->exchange->headers, name, value);
}

static bool bodiless(int status)
{
    return status < 200 || status == 204 || status == 304;
}

void http_respond(struct http_request *req, int status, const char *type, const void *body,
                  size_t len)
{
    struct http_exchange *x = req->exchange;
    bool head_only = bodiless(status) || strcmp(req->method, "HEAD") == 0;
    struct buf answer = {0};
    struct http_connection *c = exchange_detach(x);
    if (c) {
        exchange_put_head(x, c, &answer, status, type);
        if (!bodiless(status))
            buf_printf(&answer, "Content-Length: %zu\r\n", len);
        buf_puts(&answer, "\r\n");
        if (!head_only && len)
            buf_add(&answer, body, len);
        connection_answer(c, &answer);
    }
    exchange_free(x);
}

void http_respond_json(struct http_request *req, int status, const json_t *document)
{
    char *text = json_dumps(document, HTTP_JSON);
    if (text)
        http_respond(req, status, "application/json", text, strlen(text));
    else
        http_respond_problem(req, 500, http_problem_word(500), NULL,
                             "the answer cannot be written as JSON", NULL);
    free(text);
}

void http_respond_problem(struct http_request *req, int status, const char *word,
                          const char *title, const char *detail, const json_t *extra)
{
    char *text = http_problem_text(status, word, title, detail, extra);
    if (status == 503)
        http_header(req, "Retry-After", "1");
    http_respond(req, status, HTTP_PROBLEM_TYPE, text, strlen(text));
    free(text);
}

void http_respond_error(struct http_request *req, const struct error *err)
{
    http_respond_problem(req, error_status(err->kind), error_word(err->kind), NULL, err->text,
                         NULL);
}
