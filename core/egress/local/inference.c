/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/local/inference.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/text.h"
#include "egress/forward/rewrite.h"
#include "egress/refusal.h"

static const char *const protocols[] = {[INFERENCE_OPENAI] = "openai",
                                        [INFERENCE_ANTHROPIC] = "anthropic"};

const char *inference_protocol_word(enum inference_protocol protocol)
{
    return protocols[protocol];
}

int inference_protocol_parse(const char *word, enum inference_protocol *out)
{
    for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++)
        if (strcmp(protocols[i], word) == 0) {
            *out = (enum inference_protocol)i;
            return 0;
        }
    return -1;
}

/* ---- routes ---- */

struct inference_routes *inference_routes_new(const struct inference_route *items, size_t n)
{
    struct inference_routes *routes = alloc_zero(1, sizeof *routes + n * sizeof *items);
    routes->n = n;
    for (size_t i = 0; i < n; i++) {
        routes->items[i] = items[i];
        routes->items[i].base_url = alloc_str(items[i].base_url);
        routes->items[i].model = alloc_str(items[i].model);
        routes->items[i].key = alloc_str(items[i].key);
    }
    return routes;
}

static bool are_equal(const struct inference_route *a, const struct inference_route *b)
{
    return a->protocol == b->protocol && a->timeout_ms == b->timeout_ms &&
           strcmp(a->base_url, b->base_url) == 0 && strcmp(a->model, b->model) == 0 &&
           strcmp(a->key, b->key) == 0;
}

bool inference_routes_are(const struct inference_routes *routes,
                          const struct inference_route *items, size_t n)
{
    size_t same = 0;
    while (routes && same < n && same < routes->n && are_equal(&routes->items[same], &items[same]))
        same++;
    return same == n && same == (routes ? routes->n : 0);
}

void inference_routes_free(struct inference_routes *routes)
{
    for (size_t i = 0; routes && i < routes->n; i++) {
        char *key = (char *)routes->items[i].key;
        explicit_bzero(key, strlen(key));
        free(key);
        free((char *)routes->items[i].base_url);
        free((char *)routes->items[i].model);
    }
    free(routes);
}

const struct inference_route *inference_route_find(const struct inference_routes *routes,
                                                   enum inference_call call,
                                                   enum inference_protocol protocol)
{
    for (size_t i = 0; routes && i < routes->n; i++)
        if (call == INFERENCE_LIST ||
            (call == INFERENCE_GENERATE && routes->items[i].protocol == protocol))
            return &routes->items[i];
    return NULL;
}

/* ---- what is asked ---- */

/* A model's name that every server reads as one segment of the path: nothing is percent-encoded,
 * and it is not "." or "..". */
static bool is_one_segment(const char *at, size_t len)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789-._~:@";
    return len > 0 && strspn(at, plain) >= len && strspn(at, ".") < len;
}

static bool is_invoke(const char *path, size_t len)
{
    static const char before[] = "/model/", behind[] = "/invoke";
    size_t a = sizeof before - 1, b = sizeof behind - 1;
    return len > a + b && strncmp(path, before, a) == 0 &&
           strncmp(path + len - b, behind, b) == 0 && is_one_segment(path + a, len - a - b);
}

static bool is_list(const char *path, size_t len)
{
    static const char models[] = "/v1/models";
    size_t n = sizeof models - 1;
    return len >= n && strncmp(path, models, n) == 0 &&
           (len == n || (path[n] == '/' && is_one_segment(path + n + 1, len - n - 1)));
}

enum inference_call inference_call_find(const char *method, const char *path,
                                        enum inference_protocol *protocol)
{
    static const struct {
        const char *path;
        enum inference_protocol protocol;
    } calls[] = {{"/v1/chat/completions", INFERENCE_OPENAI},
                 {"/v1/completions", INFERENCE_OPENAI},
                 {"/v1/responses", INFERENCE_OPENAI},
                 {"/v1/embeddings", INFERENCE_OPENAI},
                 {"/v1/messages", INFERENCE_ANTHROPIC}};
    size_t len = strcspn(path, "?");
    if (strcmp(method, "GET") == 0)
        return is_list(path, len) ? INFERENCE_LIST : INFERENCE_NONE;
    if (strcmp(method, "POST") != 0)
        return INFERENCE_NONE;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if (strlen(calls[i].path) == len && strncmp(calls[i].path, path, len) == 0) {
            *protocol = calls[i].protocol;
            return INFERENCE_GENERATE;
        }
    return is_invoke(path, len) ? INFERENCE_INVOKE : INFERENCE_NONE;
}

/* ---- how it is written ---- */

const char *inference_url_read(const char *url, struct egress_target *target, bool *secure,
                               const char **path)
{
    struct egress_refusal unreadable;
    char authority[EGRESS_AUTHORITY_SIZE];
    *secure = strncasecmp(url, "https://", 8) == 0;
    if (!*secure && strncasecmp(url, "http://", 7) != 0)
        return "it begins with neither https:// nor http://";
    const char *at = url + (*secure ? 8 : 7);
    size_t len = strcspn(at, "/?#");
    *path = at + len;
    if (len >= sizeof authority || strpbrk(*path, "?# \"\\"))
        return "it has a query, a fragment or blanks, or its host is too long";
    memcpy(authority, at, len);
    authority[len] = '\0';
    return egress_target_host(authority, *secure ? 443 : 80, target, &unreadable) == 0
               ? NULL : "it has no valid host and port";
}

/* A version in both URLs counts once. */
static void print_path(const struct inference_route *route, const char *path, struct buf *out)
{
    struct egress_target target;
    const char *base;
    bool secure;
    inference_url_read(route->base_url, &target, &secure, &base);
    size_t len = strlen(base);
    while (len && base[len - 1] == '/')
        len--;
    bool twice = len >= 3 && strncmp(base + len - 3, "/v1", 3) == 0;
    buf_add(out, base, twice ? len - 3 : len);
    buf_add(out, path, strcspn(path, "?"));
}

static bool is_passed(const struct http_field *field)
{
    static const char *const passed[] = {
        "Content-Type",       "Accept",     "Accept-Encoding",   "User-Agent",
        "OpenAI-Organization", "X-Model-Id", "Anthropic-Version", "Anthropic-Beta"};
    for (size_t i = 0; i < sizeof passed / sizeof *passed; i++)
        if (http_field_is(field, passed[i]))
            return true;
    return false;
}

static void print_key(const struct http_head *head, const struct inference_route *route,
                      struct buf *out)
{
    if (route->protocol == INFERENCE_OPENAI) {
        buf_printf(out, "Authorization: Bearer %s\r\n", route->key);
        return;
    }
    buf_printf(out, "x-api-key: %s\r\n", route->key);
    if (!http_head_get(head, "Anthropic-Version"))
        buf_puts(out, "anthropic-version: 2023-06-01\r\n");
}

void inference_print_head(const struct http_head *head, const struct inference_route *route,
                          const char *path, size_t length, struct buf *out)
{
    struct egress_target target;
    const char *base;
    bool secure;
    inference_url_read(route->base_url, &target, &secure, &base);
    buf_printf(out, "%s ", head->method);
    print_path(route, path, out);
    buf_puts(out, " HTTP/1.1\r\nHost: ");
    egress_rewrite_host(&target, secure ? 443 : 80, out);
    buf_puts(out, "\r\n");
    for (size_t i = 0; i < head->n_fields; i++)
        if (is_passed(&head->fields[i]))
            buf_printf(out, "%s: %s\r\n", head->fields[i].name, head->fields[i].value);
    print_key(head, route, out);
    if (length || strcmp(head->method, "POST") == 0)
        buf_printf(out, "Content-Length: %zu\r\n", length);
    buf_puts(out, "Connection: close\r\n\r\n");
}

/* ---- answers ---- */

void inference_print_error(int status, const char *error, const char *hint, struct buf *out)
{
    struct buf body = {0};
    buf_puts(&body, "{\"error\":");
    text_json_quote(&body, error);
    if (hint) {
        buf_puts(&body, ",\"hint\":");
        text_json_quote(&body, hint);
    }
    buf_puts(&body, "}\n");
    egress_status_line(status, out);
    buf_printf(out, "Content-Type: application/json\r\nContent-Length: %zu\r\n"
               "Cache-Control: no-store\r\nConnection: close\r\n\r\n%s", body.len, body.data);
    buf_free(&body);
}

void inference_print_broken(const char *message, struct buf *out)
{
    struct buf event = {0};
    buf_puts(&event, "data: {\"error\":{\"message\":");
    text_json_quote(&event, message);
    buf_puts(&event, ",\"type\":\"proxy_stream_error\"}}\n\n");
    egress_frame_body(out, true, event.data, event.len);
    egress_frame_end(out, true, NULL);
    buf_free(&event);
}
