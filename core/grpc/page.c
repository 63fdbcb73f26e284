/* SPDX-License-Identifier: Apache-2.0 */
#include "grpc/page.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LISTED = 100, LISTED_MAX = 1000, LABELS_MAX = 64 };

/* Where a list goes on: clients of the older wire count, those of the newer one were given this
 * number as text. */
int grpc_page(struct grpc_work *work, size_t *offset, size_t *limit)
{
    const char *token = grpc_text(work, "page_token"), *size = grpc_text(work, "page_size");
    char *end = NULL;
    if (*size == '-')
        return error_set(&work->err, ERROR_MALFORMED, "page_size must not be negative");
    *limit = (size_t)grpc_number(work, "page_size");
    *limit = !*limit ? LISTED : *limit > LISTED_MAX ? LISTED_MAX : *limit;
    *offset = (size_t)grpc_number(work, "offset");
    if (!*token)
        return *offset <= INT32_MAX
                   ? 0 : error_set(&work->err, ERROR_MALFORMED, "offset is too large");
    *offset = (size_t)strtoull(token, &end, 10);
    if (*end || *token < '0' || *token > '9' || *offset > INT32_MAX)
        return error_set(&work->err, ERROR_MALFORMED,
                         "page_token is none that this gateway gave: begin without one");
    return 0;
}

void grpc_put_next_page(struct doc_writer *w, size_t next)
{
    char token[24];
    snprintf(token, sizeof token, "%zu", next);
    grpc_put_text(w, "next_page_token", token);
}

void grpc_put_word(struct doc_writer *w, const char *field, const char *word)
{
    char text[32];
    size_t n = 0;
    for (; word[n] && n + 1 < sizeof text; n++)
        text[n] = (char)(word[n] >= 'a' && word[n] <= 'z' ? word[n] - 'a' + 'A' : word[n]);
    text[n] = '\0';
    grpc_put_text(w, field, text);
}

/* "k=v,k2=v2" */
int grpc_selected(struct grpc_work *work, const char *labels_json)
{
    const char *selector = grpc_text(work, "label_selector");
    json_t *labels = json_loads(labels_json, 0, NULL);
    int all = 1;
    for (size_t n = 0; *selector && all >= 0; n++) {
        size_t len = strcspn(selector, ","), key = strcspn(selector, "=,");
        if (!key || key >= len || n >= LABELS_MAX) {
            all = error_set(&work->err, ERROR_MALFORMED,
                            "invalid label selector: expected 'key=value', got '%.*s'",
                            len < 100 ? (int)len : 100, selector);
            break;
        }
        const char *name = arena_strn(work->arena, selector, key);
        const char *value = json_string_value(json_object_get(labels, name));
        all &= value && strlen(value) == len - key - 1 &&
               memcmp(value, selector + key + 1, len - key - 1) == 0;
        selector += len + (selector[len] == ',');
    }
    json_decref(labels);
    return all;
}
